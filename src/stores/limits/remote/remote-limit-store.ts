/**
 * The limits of a worker: every decision is the primary's, which counts for all workers. It must never grant by itself;
 * when the primary does not answer in time, it cannot tell and says so.
 */
import type { Duplex } from "node:stream";
import { StoreUnavailable } from "../../store-unavailable.ts";
import type {
  Hold,
  LimitReading,
  LimitRequest,
  LimitRule,
  LimitStore,
  LimitVerdict,
} from "../limit-store.ts";
import { GroupNumbers } from "./group-numbers.ts";
import {
  BatchWriter,
  batchReader,
  GRANTED,
  REFUSED,
  type FromPrimary,
  type FromWorker,
  type Granted,
  type Refused,
} from "./limit-wire.ts";

/**
 * The primary is on the same machine and does little else: one that is silent for so long is stuck. Raised, callers wait
 * longer before they are told.
 */
export const ANSWER_TIMEOUT_MS = 1_000;
/** Unread questions in the channel, in characters; beyond them the primary is stuck. Raised, they cost that memory. */
const BACKLOG_LIMIT = 4_194_304;

/** What one question waits for. */
interface Waiting {
  readonly rules: readonly LimitRule[];
  readonly askedMs: number;
  readonly settle: (verdict: LimitVerdict) => void;
  readonly fail: (error: StoreUnavailable) => void;
}

class RemoteHold {
  readonly id: number;
  isFinished = false;

  constructor(id: number) {
    this.id = id;
  }
}

export interface RemoteLimitStoreOptions {
  /** The channel to the primary; nobody else reads or writes it. */
  readonly channel: Duplex;
  /** Default: `ANSWER_TIMEOUT_MS`. */
  readonly timeoutMs?: number;
}

export class RemoteLimitStore implements LimitStore {
  readonly #channel: Duplex;
  readonly #timeoutMs: number;
  readonly #writer: BatchWriter<FromWorker>;
  readonly #numbers: GroupNumbers;
  /** In the order in which they were asked. */
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #timer: NodeJS.Timeout | undefined;
  #isGone = false;

  constructor({ channel, timeoutMs = ANSWER_TIMEOUT_MS }: RemoteLimitStoreOptions) {
    this.#channel = channel;
    this.#timeoutMs = timeoutMs;
    this.#writer = new BatchWriter(channel);
    this.#numbers = new GroupNumbers((number, scope, rules) =>
      this.#writer.send(["rules", number, scope, rules]),
    );
    channel.setEncoding("utf8");
    const read = batchReader((answers) => {
      for (const answer of answers) this.#take(answer as FromPrimary);
    });
    channel.on("data", read);
    channel.on("error", () => this.#lost());
    channel.on("close", () => this.#lost());
  }

  /** Questions without an answer yet. */
  get waiting(): number {
    return this.#waiting.size;
  }

  decide({ groups, cost }: LimitRequest): Promise<LimitVerdict> {
    if (this.#isGone) return Promise.reject(unavailable("the primary is gone"));
    if (this.#channel.writableLength > BACKLOG_LIMIT)
      return Promise.reject(unavailable("the primary does not read"));
    const id = ++this.#lastId;
    const question: (number | string)[] = [];
    for (const group of groups) question.push(this.#numbers.of(group), group.subject);
    this.#writer.send([id, Number.isFinite(cost) ? cost : null, ...question]);
    this.#timer ??= setTimeout(() => this.#giveUp(), this.#timeoutMs).unref();
    return new Promise((settle, fail) => {
      const [only] = groups;
      const rules =
        groups.length === 1 && only ? only.rules : groups.flatMap((group) => group.rules);
      this.#waiting.set(id, { rules, askedMs: performance.now(), settle, fail });
    });
  }

  finish(hold: Hold, cost: number | undefined): void {
    if (!(hold instanceof RemoteHold) || hold.isFinished) return;
    hold.isFinished = true;
    if (this.#isGone) return;
    this.#writer.send([-hold.id, cost !== undefined && Number.isFinite(cost) ? cost : null]);
  }

  close(): void {
    this.#writer.flush();
    this.#channel.end();
    this.#lost();
  }

  #take(answer: FromPrimary): void {
    const [id, result] = answer;
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) {
      // Granted after its caller was told that nobody knows: the slot goes back, the cost may have been spent.
      if (result === GRANTED && answer[2] === 1) this.#writer.send([-id, null]);
      return;
    }
    this.#waiting.delete(id);
    if (result === GRANTED) waiting.settle(grantedOf(answer, waiting.rules));
    else if (result === REFUSED) waiting.settle(refusedOf(answer, waiting.rules));
    else waiting.fail(unavailable("the primary's store cannot tell"));
  }

  #giveUp(): void {
    this.#timer = undefined;
    const nowMs = performance.now();
    for (const [id, { askedMs, fail }] of this.#waiting) {
      const leftMs = askedMs + this.#timeoutMs - nowMs;
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.#giveUp(), Math.ceil(leftMs)).unref();
        return;
      }
      this.#waiting.delete(id);
      fail(unavailable("the primary did not answer in time"));
    }
  }

  #lost(): void {
    this.#isGone = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { fail } of waiting) fail(unavailable("the primary is gone"));
  }
}

function grantedOf(answer: Granted, rules: readonly LimitRule[]): LimitVerdict {
  const [id, , hasHold] = answer;
  return {
    isGranted: true,
    readings: readingsOf(answer, rules, 3),
    hold: hasHold === 1 ? new RemoteHold(id) : undefined,
  };
}

function refusedOf(answer: Refused, rules: readonly LimitRule[]): LimitVerdict {
  const [, , refusedBy, retryAfterMs] = answer;
  const readings = readingsOf(answer, rules, 4);
  return {
    isGranted: false,
    readings,
    refusedBy: readings[refusedBy] as LimitReading,
    // JSON has no infinity: what never passes arrives as null.
    retryAfterMs: retryAfterMs ?? Number.POSITIVE_INFINITY,
  };
}

function readingsOf(
  answer: Granted | Refused,
  rules: readonly LimitRule[],
  from: number,
): LimitReading[] {
  return rules.map((rule, i) => ({
    rule,
    remaining: answer[from + 2 * i] as number,
    resetMs: answer[from + 2 * i + 1] as number,
  }));
}

const unavailable = (why: string): StoreUnavailable => new StoreUnavailable(`limits: ${why}`);
