/** Starts, pins, measures and stops the processes of the benchmark. Stops only what it started. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { LoadOrder, LoadReport } from "./load.ts";

/** What runs under test has this core to itself; load generator and model share the other. */
export const TEST_CORE = 0;
export const LOAD_CORE = 1;

/** Linux counts a process's CPU time in hundredths of a second (`getconf CLK_TCK`). */
const TICKS_PER_SECOND = 100;

const started = new Set<ChildProcess>();
const canPin = has("taskset", ["--version"]);

export function has(command: string, args: readonly string[] = ["-v"]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Without a core it may run on all of them. */
export function startPinned(
  core: number | undefined,
  command: readonly string[],
  env: NodeJS.ProcessEnv = {},
): ChildProcess {
  const [file = "", ...args] =
    canPin && core !== undefined ? ["taskset", "-c", String(core), ...command] : command;
  const child = spawn(file, args, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, NODE_ENV: "production", NO_COLOR: "1", ...env },
  });
  started.add(child);
  child.once("exit", () => started.delete(child));
  return child;
}

/** Holds only the first thread of a process to the core under test. */
export function pinMainThread(child: ChildProcess): void {
  if (canPin) execFileSync("taskset", ["-p", "-c", String(TEST_CORE), String(child.pid)]);
}

/** The first output line that `pick` understands. Rejects when the process ends before. */
export function firstLine<T>(
  child: ChildProcess,
  pick: (line: string) => T | undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    child.once("exit", (code) =>
      reject(new Error(`${child.spawnargs.join(" ")} ended with ${code}`)),
    );
    if (!child.stdout) throw new Error("no standard output");
    createInterface({ input: child.stdout }).on("line", (line) => {
      const found = pick(line);
      if (found !== undefined) resolve(found);
    });
  });
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
  await exited;
  clearTimeout(timer);
}

export async function stopAll(): Promise<void> {
  await Promise.all([...started].map(stop));
}

export interface Usage {
  readonly cpuUs: number;
  readonly rssMiB: number;
}

/** CPU time and resident memory of one process with all its threads (proc(5), `stat`). */
export function usage(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return {
    cpuUs: ((Number(fields[11]) + Number(fields[12])) * 1e6) / TICKS_PER_SECOND,
    rssMiB: (Number(fields[21]) * 4096) / 2 ** 20,
  };
}

export async function load(order: LoadOrder): Promise<LoadReport> {
  const loader = `${import.meta.dirname}/load.ts`;
  const child = startPinned(LOAD_CORE, [process.execPath, loader, JSON.stringify(order)]);
  const report = await firstLine(child, (line) => JSON.parse(line) as LoadReport);
  await stop(child);
  return report;
}
