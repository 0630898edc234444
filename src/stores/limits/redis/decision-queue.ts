/**
 * Sends what is to be decided: all of one turn of the event loop in one script, so that many callers cost one message. A
 * decision is sent once: one whose answer is lost is rejected, never sent again, for it may have been counted.
 */
import { StoreUnavailable } from "../../store-unavailable.ts";
import type { RedisLink } from "../../redis/redis-link.ts";
import { DECIDE_SCRIPT, STALE } from "./limit-scripts.ts";

/** Decisions in one script. Raised, the server is busy with one script for longer before others have their turn. */
const BATCH_SIZE = 64;
/** The window of a calendar may end between asking and deciding; after an answer with the server's time, hardly twice. */
const MAX_ATTEMPTS = 4;

/** Numbers of an answer before those of its rules, and for each rule. */
export const ANSWER_HEAD = 2;
export const ANSWER_NUMBERS = 3;

/** One request to the shared counters. */
export interface Question {
  /** How many rules it asks about. */
  readonly size: number;
  /** Its numbers, written when it is sent. */
  encode(keys: KeyPlaces, serverMs: number): string;
  /** `answer[at]` is its status. */
  answered(answer: readonly number[], at: number, serverMs: number): void;
  /** Nothing was decided; it will be asked again. */
  undecided(): void;
  failed(error: unknown): void;
}

/** The places of names among a script's keys, from 1. */
export class KeyPlaces {
  readonly #places = new Map<string, number>();

  of(key: string): number {
    let place = this.#places.get(key);
    if (place === undefined) {
      place = this.#places.size + 1;
      this.#places.set(key, place);
    }
    return place;
  }

  list(): string[] {
    return [...this.#places.keys()];
  }
}

export interface DecisionQueueOptions {
  readonly link: RedisLink;
  readonly owner: string;
  readonly leaseMs: number;
  readonly replicas: () => number;
  /** What the server's time is thought to be. */
  readonly serverMs: () => number;
  /** The server has said its time. */
  readonly onTime: (serverMs: number) => void;
}

/**
 * Of what is left of a limit, replicas take at most one part in so many ahead, each its share of it; and so much of the
 * whole limit is the most they hold. Lowered, fewer requests ask the server, and more is let through late.
 */
export const SHARE_AHEAD = 4;

export class DecisionQueue {
  readonly #options: DecisionQueueOptions;
  #waiting: Question[] = [];
  roundTrips = 0;
  decisions = 0;
  stale = 0;
  failures = 0;

  constructor(options: DecisionQueueOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  add(question: Question): void {
    this.#waiting.push(question);
  }

  flush(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    this.decisions += waiting.length;
    const serverMs = this.#options.serverMs();
    if (waiting.length <= BATCH_SIZE) void this.#ask(waiting, serverMs, 1);
    else
      for (let at = 0; at < waiting.length; at += BATCH_SIZE)
        void this.#ask(waiting.slice(at, at + BATCH_SIZE), serverMs, 1);
  }

  async #ask(questions: readonly Question[], serverMs: number, attempt: number): Promise<void> {
    let answer: readonly number[];
    try {
      answer = await this.#send(questions, serverMs);
    } catch (error) {
      this.failures++;
      const unavailable = toUnavailable(error);
      for (const question of questions) question.failed(unavailable);
      return;
    }
    const [nowMs = 0] = answer;
    this.#options.onTime(nowMs);
    const stale: Question[] = [];
    let at = 1;
    for (const question of questions) {
      if (answer[at] === STALE) stale.push(question);
      else question.answered(answer, at, nowMs);
      at += ANSWER_HEAD + question.size * ANSWER_NUMBERS;
    }
    if (stale.length > 0) this.#askAgain(stale, nowMs, attempt);
  }

  #askAgain(questions: readonly Question[], serverMs: number, attempt: number): void {
    this.stale += questions.length;
    for (const question of questions) question.undecided();
    if (attempt < MAX_ATTEMPTS) {
      void this.#ask(questions, serverMs, attempt + 1);
      return;
    }
    const error = new StoreUnavailable("the server's clock does not stand still");
    for (const question of questions) question.failed(error);
  }

  async #send(questions: readonly Question[], serverMs: number): Promise<readonly number[]> {
    const { link, owner, leaseMs, replicas } = this.#options;
    // Not even written: what was never sent leaves no doubt behind.
    if (link.state === "down") throw new StoreUnavailable("the store is away");
    const keys = new KeyPlaces();
    let numbers = String(SHARE_AHEAD * replicas());
    let size = 1;
    for (const question of questions) {
      numbers += ` ${question.size} ${question.encode(keys, serverMs)}`;
      size += ANSWER_HEAD + question.size * ANSWER_NUMBERS;
    }
    this.roundTrips++;
    const answer = await link.script(DECIDE_SCRIPT, keys.list(), [owner, leaseMs, numbers]);
    if (Array.isArray(answer) && answer.length === size && typeof answer[0] === "number")
      return answer as number[];
    throw new StoreUnavailable("the store's answer to a decision cannot be read");
  }
}

/** Whatever the server had against the script: nobody can tell whether the request may pass. */
const toUnavailable = (error: unknown): StoreUnavailable =>
  error instanceof StoreUnavailable
    ? error
    : new StoreUnavailable("the store refused to decide", { cause: error });
