/**
 * The primary's end of one worker's limits: decides for it with the store that all workers share, and keeps what it
 * holds. When the worker is gone, whatever way, its holds go back at once; a slot can never leak.
 */
import type { Duplex } from "node:stream";
import type {
  Hold,
  LimitGroup,
  LimitReading,
  LimitRule,
  LimitStore,
  LimitVerdict,
} from "../limit-store.ts";
import {
  BatchWriter,
  batchReader,
  FAILED,
  GRANTED,
  REFUSED,
  type Definition,
  type Finished,
  type FromPrimary,
  type FromWorker,
  type Question,
} from "./limit-wire.ts";

export interface LimitServerOptions {
  readonly store: LimitStore;
  readonly channel: Duplex;
  /** The primary's clock is the clock of all workers. */
  readonly nowMs: () => number;
}

/** Serves one worker until the channel ends. */
export function serveLimits(options: LimitServerOptions): LimitServer {
  return new LimitServer(options);
}

class LimitServer {
  readonly #store: LimitStore;
  readonly #nowMs: () => number;
  readonly #writer: BatchWriter<FromPrimary>;
  readonly #rules: { readonly scope: string; readonly rules: readonly LimitRule[] }[] = [];
  readonly #holds = new Map<number, Hold>();
  #isGone = false;

  constructor({ store, channel, nowMs }: LimitServerOptions) {
    this.#store = store;
    this.#nowMs = nowMs;
    this.#writer = new BatchWriter(channel);
    channel.setEncoding("utf8");
    const read = batchReader((batch) => {
      for (const message of batch) this.#take(message as FromWorker);
      this.#writer.flush();
    });
    channel.on("data", (chunk: string) => {
      try {
        read(chunk);
      } catch {
        // Not a worker of this program, or a damaged one: it is cut off, and what it held goes back.
        channel.destroy();
      }
    });
    channel.on("error", () => channel.destroy());
    channel.on("close", () => this.#giveBack());
  }

  /** Requests of the worker that still run under a hold. */
  get holds(): number {
    return this.#holds.size;
  }

  #take(message: FromWorker): void {
    const [first] = message;
    if (first === "rules") this.#define(message);
    else if (first < 0) this.#finish(message as Finished);
    else this.#decide(message as Question);
  }

  #define([, number, scope, rules]: Definition): void {
    this.#rules[number] = { scope, rules };
  }

  #decide([id, cost, ...pairs]: Question): void {
    const groups: LimitGroup[] = [];
    for (let at = 0; at < pairs.length; at += 2) {
      const known = this.#rules[pairs[at] as number];
      if (known === undefined) throw new Error("rules that were never sent");
      const { scope, rules } = known;
      groups.push({ scope, rules, subject: pairs[at + 1] as string });
    }
    try {
      const nowMs = this.#nowMs();
      const units = cost ?? Number.POSITIVE_INFINITY;
      const verdict = this.#store.decide({ groups, cost: units, nowMs });
      if (!(verdict instanceof Promise)) return this.#answer(id, verdict);
      verdict.then(
        (late) => this.#answer(id, late),
        () => this.#writer.send([id, FAILED]),
      );
    } catch {
      this.#writer.send([id, FAILED]);
    }
  }

  #answer(id: number, verdict: LimitVerdict): void {
    const readings = verdict.readings.flatMap(({ remaining, resetMs }) => [remaining, resetMs]);
    if (!verdict.isGranted) {
      const refusedBy = indexOf(verdict.refusedBy, verdict.readings);
      this.#writer.send([id, REFUSED, refusedBy, verdict.retryAfterMs, ...readings]);
      return;
    }
    const { hold } = verdict;
    if (hold && this.#isGone) return this.#store.finish(hold, undefined);
    if (hold) this.#holds.set(id, hold);
    this.#writer.send([id, GRANTED, hold ? 1 : 0, ...readings]);
  }

  #finish([negatedId, cost]: Finished): void {
    const hold = this.#holds.get(-negatedId);
    if (hold === undefined) return;
    this.#holds.delete(-negatedId);
    this.#store.finish(hold, cost ?? undefined);
  }

  /** What a dead worker's requests cost is not known: slots are free again, cost stays as it was reserved. */
  #giveBack(): void {
    this.#isGone = true;
    const holds = [...this.#holds.values()];
    this.#holds.clear();
    for (const hold of holds) this.#store.finish(hold, undefined);
  }
}

function indexOf(refusedBy: LimitReading, readings: readonly LimitReading[]): number {
  const same = readings.indexOf(refusedBy);
  return same >= 0 ? same : readings.findIndex(({ rule }) => rule === refusedBy.rule);
}
