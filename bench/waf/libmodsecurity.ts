/**
 * libmodsecurity as a child process: compiled on the spot from `libmodsecurity.cc`, given the same requests as our
 * engine. It also serves as an oracle for differential tests. Where it cannot be built its absence has a reason, which
 * callers must print: a benchmark without its yardstick must not look like one with it.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { BenchRequest } from "./requests.ts";
import { writeRequestFile } from "./request-file.ts";

const SOURCE = join(import.meta.dirname, "libmodsecurity.cc");

/** What loading the rules took. */
export interface Loaded {
  readonly version: string;
  readonly rules: number;
  readonly loadCpuUs: number;
  readonly grownKib: number;
}

/** CPU time of transactions, microseconds. */
export interface Measured {
  readonly requests: number;
  readonly medianUs: number;
  readonly p90Us: number;
  readonly worstUs: number;
  /** The mean: what all of them took, by their number. */
  readonly cpuUs: number;
  readonly refused: number;
}

/** What the rules said of a request; only those that log are named, in the order they matched. */
export interface Matched {
  readonly rules: readonly number[];
  /** 0: may pass. */
  readonly status: number;
}

/** The program, or why there is none. */
export function buildLibmodsecurity(folder: string): { program: string } | { missing: string } {
  const program = join(folder, "libmodsecurity");
  const built = spawnSync("g++", ["-O2", "-std=c++17", SOURCE, "-o", program, "-lmodsecurity"], {
    encoding: "utf8",
  });
  if (built.error) return { missing: `no C++ compiler: ${built.error.message}` };
  if (built.status === 0) return { program };
  const firstLine = built.stderr.split("\n").find((line) => line.includes("error"));
  return {
    missing: `libmodsecurity-dev is not installed, or does not fit: ${firstLine ?? built.stderr}`,
  };
}

export class Libmodsecurity {
  readonly loaded: Loaded;
  readonly child: ChildProcess;
  readonly #folder: string;
  readonly #answers: AsyncIterator<string>;
  #files = 0;

  private constructor(
    folder: string,
    started: { child: ChildProcess; answers: AsyncIterator<string>; loaded: Loaded },
  ) {
    this.#folder = folder;
    this.#answers = started.answers;
    this.child = started.child;
    this.loaded = started.loaded;
  }

  /** Loads a file of rules in a process of its own, held to `core` when one is named. Rejects when it refuses them. */
  static async start(options: {
    folder: string;
    program: string;
    rulesFile: string;
    core?: number;
  }): Promise<Libmodsecurity> {
    const { folder, program, rulesFile, core } = options;
    const stdio: ["pipe", "pipe", "inherit"] = ["pipe", "pipe", "inherit"];
    const child =
      core === undefined
        ? spawn(program, [rulesFile], { stdio })
        : spawn("taskset", ["-c", String(core), program, rulesFile], { stdio });
    const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const loaded = (await nextAnswer(answers)) as Loaded;
    return new Libmodsecurity(folder, { child, answers, loaded });
  }

  /** Runs each request once. */
  async measure(requests: readonly BenchRequest[]): Promise<Measured> {
    return (await this.#ask("measure", requests)) as Measured;
  }

  async match(requests: readonly BenchRequest[]): Promise<readonly Matched[]> {
    return (await this.#ask("match", requests)) as readonly Matched[];
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.stdin?.end();
    if (this.child.exitCode === null) await ended;
  }

  async #ask(command: string, requests: readonly BenchRequest[]): Promise<unknown> {
    this.#files += 1;
    const file = join(this.#folder, `requests-${this.child.pid}-${this.#files % 2}`);
    writeRequestFile(file, requests);
    this.child.stdin?.write(`${command} ${file}\n`);
    return nextAnswer(this.#answers);
  }
}

async function nextAnswer(answers: AsyncIterator<string>): Promise<unknown> {
  const { value, done } = await answers.next();
  if (done) throw new Error("libmodsecurity ended; what it said stands above");
  return JSON.parse(value);
}
