/** The command line as a process of its own: run to its end, or started and listened to. None outlives its test. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished } from "vitest";

const MAIN = join(import.meta.dirname, "../../src/cli/main.ts");
/** A start on a busy machine; a process that hangs fails its test here and not at the runner's limit. */
const WAIT_LIMIT_MS = 20_000;

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeOptions?: readonly string[];
  /** A program that runs it: `strace` and its arguments. Signals go to that program's child. */
  readonly under?: readonly string[];
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Command {
  readonly child: ChildProcess;
  stdout = "";
  stderr = "";
  readonly #closed: Promise<unknown>;

  constructor(args: readonly string[], options: CommandOptions = {}) {
    const { cwd, env = {}, nodeOptions = [], under = [] } = options;
    const [program = "", ...rest] = [...under, process.execPath, ...nodeOptions, MAIN, ...args];
    this.child = spawn(program, rest, {
      ...(cwd !== undefined && { cwd }),
      // Nothing of this machine's own settings may reach the gateway.
      env: { PATH: process.env["PATH"] ?? "", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    this.#closed = once(this.child, "close");
    onTestFinished(async () => {
      // A tracer that is killed lets its child run on.
      if (under.length > 0)
        for (const pid of childrenOf(this.child.pid)) process.kill(pid, "SIGKILL");
      else this.child.kill("SIGKILL");
      await this.#closed;
    });
  }

  /** Waits until the process has ended and all its output is here. */
  async finished(): Promise<Finished> {
    await within(this.#closed, () => `did not end: ${this.stdout}${this.stderr}`);
    return { code: this.child.exitCode, stdout: this.stdout, stderr: this.stderr };
  }

  /** Waits for a line of JSON on standard output. */
  async line(
    isWanted: (line: Readonly<Record<string, unknown>>) => boolean,
  ): Promise<Readonly<Record<string, unknown>>> {
    const endsMs = performance.now() + WAIT_LIMIT_MS;
    while (performance.now() < endsMs) {
      const found = this.lines().find(isWanted);
      if (found) return found;
      if (this.child.exitCode !== null) break;
      await sleep(10);
    }
    throw new Error(`never said: ${this.stdout}${this.stderr}`);
  }

  /** The lines of JSON on standard output so far. */
  lines(): Readonly<Record<string, unknown>>[] {
    return this.stdout
      .split("\n")
      .slice(0, -1)
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  }

  /** The port that `portcullis run` says a listener has; `operator` for the operator's. */
  async portOf(listener: string): Promise<number> {
    const said = await this.line(
      ({ msg, listener: name }) => msg === "listening" && name === listener,
    );
    return said["port"] as number;
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }
}

export function runCommand(args: readonly string[], options?: CommandOptions): Promise<Finished> {
  return new Command(args, options).finished();
}

async function within<T>(waiting: Promise<T>, explain: () => string): Promise<T> {
  const timer = new AbortController();
  const late = sleep(WAIT_LIMIT_MS, undefined, { signal: timer.signal }).then(() => {
    throw new Error(explain());
  });
  try {
    return await Promise.race([waiting, late]);
  } finally {
    timer.abort();
    late.catch(() => undefined);
  }
}

/** Linux alone tells: proc(5). None when the process is gone. */
function childrenOf(pid = 0): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
      .split(" ")
      .filter(Boolean)
      .map(Number);
  } catch {
    return [];
  }
}
