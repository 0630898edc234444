/** The demo's child processes: started, listened to, and stopped by their ids. None may outlive the demo. */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { extname } from "node:path";
import { createInterface } from "node:readline";

const STOP_WITH_PARENT = new URL(
  `./stop-with-parent${extname(import.meta.filename)}`,
  import.meta.url,
).href;
/** Longer than a gateway's drain of a few requests; then it is killed. */
const STOP_DEADLINE_MS = 8_000;
const START_DEADLINE_MS = 30_000;
/** Lines of a failed child that are shown. */
const SHOWN_LINES = 15;

export interface ChildCommand {
  readonly name: string;
  readonly script: string;
  readonly args: readonly string[];
  readonly logFile: string;
}

/** A line of the child's standard output that is a JSON object. */
export type ChildLine = Readonly<Record<string, unknown>>;

export class DemoProblem extends Error {
  readonly advice: string;

  constructor(message: string, advice: string) {
    super(message);
    this.name = "DemoProblem";
    this.advice = advice;
  }
}

export class Children {
  readonly #running = new Set<ChildProcess>();
  #isStopping = false;

  /**
   * Starts a script under this Node; resolves when `isReady` says so of the lines so far. The child's stdin stays open as
   * long as we live: it ends with us even when we are killed.
   */
  async start(
    command: ChildCommand,
    isReady: (lines: readonly ChildLine[]) => boolean,
  ): Promise<readonly ChildLine[]> {
    if (this.#isStopping) throw new DemoProblem(`${command.name} was not started.`, "");
    const child = spawn(
      process.execPath,
      ["--import", STOP_WITH_PARENT, command.script, ...command.args],
      { stdio: ["pipe", "pipe", "pipe"] },
    );
    this.#running.add(child);
    child.once("exit", () => this.#running.delete(child));
    child.stdin?.on("error", () => {});
    return waitUntilReady(child, command, isReady);
  }

  /** Resolves to a message when a child ends although nobody stopped it. */
  untilOneDies(): Promise<string> {
    return new Promise((resolve) => {
      for (const child of this.#running) {
        child.once("exit", (code, signal) => {
          if (!this.#isStopping) resolve(`a process of the demo ended (${signal ?? code})`);
        });
      }
    });
  }

  /** Asks each child to end, and ends those that do not. Resolves when none is left. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all([...this.#running].map(stopChild));
  }
}

function waitUntilReady(
  child: ChildProcess,
  command: ChildCommand,
  isReady: (lines: readonly ChildLine[]) => boolean,
): Promise<readonly ChildLine[]> {
  const log = createWriteStream(command.logFile, { flags: "a", mode: 0o600 });
  const shown: string[] = [];
  const said: ChildLine[] = [];
  return new Promise((resolve, reject) => {
    const fail = (what: string): void =>
      reject(
        new DemoProblem(
          `${command.name} ${what}:\n${shown.slice(-SHOWN_LINES).join("\n")}`,
          `Its whole output is in ${command.logFile}.`,
        ),
      );
    const timer = setTimeout(() => fail("did not get ready in time"), START_DEADLINE_MS);
    const onLine = (line: string): void => {
      log.write(`${line}\n`);
      if (shown.length < 200) shown.push(line);
    };
    if (child.stderr) createInterface({ input: child.stderr }).on("line", onLine);
    if (child.stdout) {
      createInterface({ input: child.stdout }).on("line", (line) => {
        onLine(line);
        const parsed = parseLine(line);
        if (parsed) said.push(parsed);
        if (!isReady(said)) return;
        clearTimeout(timer);
        resolve(said);
      });
    }
    child.once("error", (error) => fail(`could not be started (${error.message})`));
    // "close" and not "exit": what it said last is still on its way when it has ended.
    child.once("close", (code) => {
      clearTimeout(timer);
      log.end();
      fail(`ended (${code ?? "by a signal"}) before it was ready`);
    });
  });
}

function parseLine(line: string): ChildLine | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as ChildLine;
  } catch {
    return undefined;
  }
}

function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_DEADLINE_MS);
    child.once("exit", () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill("SIGTERM");
  });
}
