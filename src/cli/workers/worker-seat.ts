/** Which of how many workers a process is. A process that nobody started as a worker must never take itself for one. */
import cluster from "node:cluster";
import { availableParallelism } from "node:os";

export interface WorkerSeat {
  /** From 1. */
  readonly number: number;
  /** Workers in all. */
  readonly count: number;
}

/** How the primary tells a process its seat. */
const SEAT_VARIABLE = "PORTCULLIS_WORKER";
const SEAT = /^(?<number>[1-9]\d{0,2})\/(?<count>[1-9]\d{0,2})$/;

export const seatVariables = ({ number, count }: WorkerSeat): Record<string, string> => ({
  [SEAT_VARIABLE]: `${number}/${count}`,
});

/**
 * Undefined in a primary, or alone. The variable is taken away, so that no process started from here inherits the seat;
 * by itself it makes nobody a worker.
 */
export function takeSeat(env: NodeJS.ProcessEnv = process.env): WorkerSeat | undefined {
  const groups = SEAT.exec(env[SEAT_VARIABLE] ?? "")?.groups;
  delete env[SEAT_VARIABLE];
  if (!cluster.isWorker || !groups) return undefined;
  return { number: Number(groups["number"]), count: Number(groups["count"]) };
}

/** `auto` is one for each core that this process may use. */
export function workerCount(workers: "auto" | number): number {
  return workers === "auto" ? availableParallelism() : workers;
}
