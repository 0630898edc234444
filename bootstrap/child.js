/** Runs one program in the foreground: passes signals and the exit code on, and never leaves it behind. */
import { spawn } from "node:child_process";

const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP"];
/** Exit code of a program that a signal ended, as shells count it. */
const SIGNAL_NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };
const SIGNAL_EXIT_BASE = 128;

/** Starts the program with our terminal; resolves to its exit code. Rejects only when it cannot be started. */
export function runInForeground(command, args, { cwd, env }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: "inherit" });
    const stop = forwardSignals(child);
    child.once("error", (error) => {
      stop();
      reject(error);
    });
    child.once("exit", (code, signal) => {
      stop();
      resolve(code ?? SIGNAL_EXIT_BASE + (SIGNAL_NUMBERS[signal] ?? 0));
    });
  });
}

/** Runs the program unseen; resolves to its exit code and all it printed. */
export function runQuietly(command, args, { cwd, env, onStart }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    const stop = forwardSignals(child);
    const chunks = [];
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.stderr.on("data", (chunk) => chunks.push(chunk));
    if (child.pid !== undefined) onStart?.(child.pid);
    child.once("error", (error) => {
      stop();
      reject(error);
    });
    child.once("close", (code, signal) => {
      stop();
      resolve({ code, signal, output: Buffer.concat(chunks).toString("utf8") });
    });
  });
}

/**
 * Ctrl-C in a terminal reaches the whole process group: the child has it already, and a second SIGINT would turn its
 * orderly stop into an abrupt one. A SIGINT from elsewhere (kill, a supervisor) reaches only us and is passed on.
 */
function forwardSignals(child) {
  const handlers = FORWARDED.map((signal) => {
    const handler = () => {
      if (signal === "SIGINT" && process.stdin.isTTY) return;
      child.kill(signal);
    };
    process.on(signal, handler);
    return [signal, handler];
  });
  return () => handlers.forEach(([signal, handler]) => process.off(signal, handler));
}
