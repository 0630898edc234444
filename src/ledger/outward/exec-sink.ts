/**
 * A program of the operator's as the hook: started without a shell, with file paths as arguments. It must never see the
 * gateway's environment, where secrets may stand, nor outlive its time.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { rename, writeFile } from "node:fs/promises";
import { OutwardError } from "./outward-error.ts";
import type { SinkSegment, SegmentSink } from "./segment-sink.ts";

/** Longest time for one run. Raised, a hung program holds up the segments behind it that much longer. */
export const DEFAULT_EXEC_LIMIT_MS = 300_000;
/** Between asking a program to end and ending it. */
const KILL_GRACE_MS = 5_000;
/** What is kept of a program's complaints. */
const COMPLAINT_LIMIT_CHARS = 1_024;

export interface ExecSinkOptions {
  /** An absolute path. */
  readonly program: string;
  /** Stand before `segment PATH` or `checkpoint PATH`. */
  readonly arguments?: readonly string[];
  readonly limitMs?: number;
  /** Where the note is written for the program to read. */
  readonly notePath: string;
  /** Names of variables passed on from the environment, besides PATH. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Exit 0 confirms; anything else is tried again. */
export function createExecSink(options: ExecSinkOptions): SegmentSink {
  return {
    segmentClosed: (segment, signal) =>
      run(options, ["segment", segment.path], { environment: variablesOf(segment), signal }),
    async checkpoint(note, size, signal) {
      await writeFile(`${options.notePath}.new`, note, { mode: 0o600 });
      await rename(`${options.notePath}.new`, options.notePath);
      const environment = { LEDGER_SIZE: String(size) };
      await run(options, ["checkpoint", options.notePath], { environment, signal });
    },
  };
}

const variablesOf = (segment: SinkSegment): Record<string, string> => ({
  LEDGER_SEGMENT: String(segment.segment),
  LEDGER_FIRST_SEQ: String(segment.firstSeq),
  LEDGER_LAST_SEQ: String(segment.lastSeq),
  LEDGER_STARTED_AT: segment.startedAt,
});

interface Run {
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

function run(
  options: ExecSinkOptions,
  last: readonly string[],
  { environment, signal }: Run,
): Promise<void> {
  const limitMs = options.limitMs ?? DEFAULT_EXEC_LIMIT_MS;
  return new Promise((resolve, reject) => {
    const child = spawn(options.program, [...(options.arguments ?? []), ...last], {
      env: { PATH: process.env["PATH"] ?? "", ...options.environment, ...environment },
      stdio: ["ignore", "ignore", "pipe"],
      // A group of its own, so that what it starts ends with it.
      detached: true,
    });
    let complaint = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaint = (complaint + text).slice(-COMPLAINT_LIMIT_CHARS);
    });
    let isLate = false;
    const stop = (): void => stopGroup(child);
    const timer = setTimeout(() => {
      isLate = true;
      stop();
    }, limitMs);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    const settle = (outcome: Error | undefined): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      if (outcome === undefined) resolve();
      else reject(outcome);
    };
    child.on("error", (error) => {
      settle(
        new OutwardError("exec.failed", `${options.program} cannot be started: ${error.message}`),
      );
    });
    child.on("exit", (status, killedBy) => {
      if (status === 0) return settle(undefined);
      settle(
        isLate
          ? new OutwardError("exec.timeout", `${options.program} ran longer than ${limitMs} ms`)
          : new OutwardError(
              "exec.failed",
              `${options.program} ended with ${killedBy ?? `status ${status}`}: ${complaint.trim()}`,
            ),
      );
    });
  });
}

function stopGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  killGroup(child.pid, "SIGTERM");
  const timer = setTimeout(() => killGroup(child.pid as number, "SIGKILL"), KILL_GRACE_MS);
  child.on("exit", () => clearTimeout(timer));
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It is gone.
  }
}
