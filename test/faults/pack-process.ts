/** Starts a process that changes what is active, hears what it says about that, and kills it. */
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { until } from "../support/until.ts";

/** A process that starts on a loaded machine. */
const START_LIMIT_MS = 60_000;

/** Its lines: `ready <what>`, `try <what>`, `done <what>`. */
export class PackProcess {
  /** What was last said to be active, and what was said to be on its way. */
  active = "";
  trying = "";
  #changes = 0;
  #errors = "";
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;

  constructor(program: string, order: object) {
    const path = resolve(import.meta.dirname, program);
    this.#child = spawn(process.execPath, [path, JSON.stringify(order)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child.stderr.on("data", (data: Buffer) => {
      this.#errors = (this.#errors + data.toString()).slice(-10_000);
    });
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#hear(line));
  }

  /** It has changed something once. */
  async atWork(): Promise<void> {
    const hasEnded = (): boolean => this.#child.exitCode !== null;
    await until("it is at work", () => this.#changes > 0 || hasEnded(), START_LIMIT_MS);
    if (hasEnded()) throw new Error(`the process ended\n${this.#errors}`);
  }

  /** Resolves when all that it said has been heard. */
  async kill(): Promise<void> {
    const closed = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await closed;
    if (this.#child.signalCode !== "SIGKILL") throw new Error(`it ended before\n${this.#errors}`);
  }

  #hear(line: string): void {
    const [word, what = ""] = line.split(" ");
    if (word === "try") this.trying = what;
    if (word === "ready" || word === "done") this.active = what;
    if (word === "done") this.#changes += 1;
  }
}
