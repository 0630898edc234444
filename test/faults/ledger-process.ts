/** Starts the writing process, collects what it says, and holds it against what stands in the ledger afterwards. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { linesIn, optionsFor } from "../../src/ledger/write/ledger-directory.test-support.ts";
import type { LedgerOptions } from "../../src/ledger/ledger.ts";
import { until } from "../support/until.ts";
import type { WriterOrder } from "./ledger-writer.ts";

const PROGRAM = resolve(import.meta.dirname, "ledger-writer.ts");

/** A process that starts on a loaded machine. */
const START_LIMIT_MS = 60_000;

export interface LedgerProcessOptions {
  readonly directory: string;
  readonly callers: number;
  readonly from?: number;
  readonly over?: Partial<LedgerOptions>;
  /** A program that runs it: `strace` and its arguments. */
  readonly under?: readonly string[];
}

export class LedgerProcess {
  readonly child: ChildProcess;
  /** seq by serial, as acknowledged. */
  readonly acknowledged = new Map<number, number>();
  /** Codes of refusals, in order. */
  readonly refusals: string[] = [];
  readonly events: string[] = [];
  isReady = false;
  isClosed = false;
  errors = "";

  constructor({ directory, callers, from = 0, over = {}, under = [] }: LedgerProcessOptions) {
    const { events: _events, onEvent: _onEvent, ...options } = optionsFor(directory, over);
    const order: WriterOrder = { options, callers, from };
    const command = [...under, process.execPath, PROGRAM, JSON.stringify(order)];
    this.child = spawn(command[0] as string, command.slice(1), { stdio: ["pipe", "pipe", "pipe"] });
    this.child.stderr?.on("data", (data: Buffer) => {
      this.errors = (this.errors + data.toString()).slice(-10_000);
    });
    if (this.child.stdout) {
      createInterface({ input: this.child.stdout }).on("line", (line) => this.#hear(line));
    }
  }

  get lastSerial(): number {
    return Math.max(0, ...this.acknowledged.keys());
  }

  async ready(): Promise<void> {
    await this.until("the writer is ready", () => this.isReady);
  }

  /** Waits; a process that ended before is an error with its own words. */
  async until(what: string, isSo: () => boolean): Promise<void> {
    const ended = (): boolean => this.child.exitCode !== null || this.child.signalCode !== null;
    await until(what, () => isSo() || ended(), START_LIMIT_MS);
    if (!isSo()) throw new Error(`the writer ended before: ${what}\n${this.errors}`);
  }

  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.#ended();
  }

  /** Lets callers finish, and closes the ledger. */
  async stop(): Promise<void> {
    this.child.stdin?.write("stop\n");
    await this.#ended();
    if (!this.isClosed) throw new Error(`the ledger was not closed\n${this.errors}`);
  }

  /** Every acknowledged entry stands under its seq; throws a sentence otherwise. */
  async requireAcknowledged(directory: string): Promise<void> {
    const serials = new Map<number, unknown>();
    for (const { seq, value } of await linesIn(directory)) serials.set(seq, value["serial"]);
    for (const [serial, seq] of this.acknowledged) {
      if (serials.get(seq) === serial) continue;
      throw new Error(
        `entry ${serial} was acknowledged as line ${seq}; there stands ${String(serials.get(seq))}`,
      );
    }
  }

  /** All it said has been read. */
  async #ended(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null)
      await once(this.child, "close");
    else
      await until(
        "its output ended",
        () => this.child.stdout?.readableEnded !== false,
        START_LIMIT_MS,
      );
  }

  #hear(line: string): void {
    const [word, first = "", second = ""] = line.split(" ");
    if (word === "ready") this.isReady = true;
    else if (word === "closed") this.isClosed = true;
    else if (word === "ack") this.acknowledged.set(Number(second), Number(first));
    else if (word === "no") this.refusals.push(first);
    else if (word === "event") this.events.push(`${first} ${second}`.trim());
  }
}
