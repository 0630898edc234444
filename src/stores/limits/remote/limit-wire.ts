/**
 * What a worker and the primary say to each other about limits: arrays of numbers and texts, one batch a line. Both ends
 * are the same program started by the same process; no byte of a caller's is ever read as anything but text.
 */
import type { Writable } from "node:stream";
import type { LimitRule } from "../limit-store.ts";

/** From now on this number stands for the scope and its rules. */
export type Definition = readonly [
  kind: "rules",
  number: number,
  scope: string,
  rules: LimitRule[],
];
/** Number and subject of each group follow the cost; `null` is a cost beyond every number, which JSON cannot say. */
export type Question = readonly [id: number, cost: number | null, ...groups: (number | string)[]];
/** The id of the question that was granted, negated; `null` leaves the cost as it was reserved. */
export type Finished = readonly [negatedId: number, cost: number | null];

export type FromWorker = Definition | Question | Finished;

/** `remaining` and `resetMs` of each rule follow, in the order of the question. */
export type Granted = readonly [id: number, isGranted: 1, hasHold: 0 | 1, ...readings: number[]];
export type Refused = readonly [
  id: number,
  isGranted: 0,
  refusedBy: number,
  retryAfterMs: number | null,
  ...readings: number[],
];
/** The store could not tell. */
export type Failed = readonly [id: number, isGranted: -1];

export type FromPrimary = Granted | Refused | Failed;

export const GRANTED = 1;
export const REFUSED = 0;
export const FAILED = -1;

/** Collects what one turn of the event loop has to say and writes it at once. */
export class BatchWriter<Message> {
  readonly #socket: Writable;
  #batch: Message[] = [];

  constructor(socket: Writable) {
    this.#socket = socket;
  }

  send(message: Message): void {
    if (this.#batch.push(message) === 1) setImmediate(() => this.flush());
  }

  flush(): void {
    if (this.#batch.length === 0) return;
    const text = `${JSON.stringify(this.#batch)}\n`;
    this.#batch = [];
    if (this.#socket.writable) this.#socket.write(text);
  }
}

/** Puts chunks of text together again; calls back with each whole batch. */
export function batchReader(onBatch: (batch: readonly unknown[]) => void): (chunk: string) => void {
  let begun = "";
  return (chunk) => {
    const lines = (begun + chunk).split("\n");
    begun = lines.pop() ?? "";
    for (const line of lines) onBatch(JSON.parse(line) as unknown[]);
  };
}
