/**
 * A real Redis as the shared store, over a network that loses, repeats and holds back messages of every kind. The
 * server's clock is a key that the test moves; all else is the product's own scripts.
 */
import { StoreUnavailable } from "../../src/stores/store-unavailable.ts";
import { RedisLimitStore } from "../../src/stores/limits/redis/redis-limit-store.ts";
import { ClockLink, newPrefix } from "../../src/stores/limits/redis/redis-limits.test-support.ts";
import type {
  RedisArgument,
  RedisLink,
  RedisScript,
  RedisState,
} from "../../src/stores/redis/redis-link.ts";
import { until } from "../support/until.ts";
import type { Backend, Connection, Fate, SwitchedLink } from "./limits-world.ts";

/** By the server's clock, which the test moves by less than this at a time. */
export const LEASE_MS = 600_000;
const SETTLED_WITHIN_MS = 30_000;

export interface RedisBackendOptions {
  readonly link: RedisLink;
  readonly startMs: number;
  /** Of messages that are no questions, in turn; `arrives` for all when there are none. */
  readonly fates: readonly Fate[];
}

interface Connected extends Connection {
  readonly shared: RedisLimitStore;
  readonly link: TroubledLink;
}

export class RedisBackend implements Backend {
  readonly #prefix = newPrefix();
  readonly #server: ClockLink;
  readonly #connected = new Set<Connected>();
  readonly #fates: readonly Fate[];
  #messages = 0;
  #isCalm = false;
  #late: (() => Promise<unknown>)[] = [];

  constructor({ link, startMs, fates }: RedisBackendOptions) {
    this.#server = new ClockLink(link, this.#prefix, startMs);
    this.#fates = fates;
  }

  static async start(options: RedisBackendOptions): Promise<RedisBackend> {
    const backend = new RedisBackend(options);
    await backend.#server.setTime(options.startMs);
    return backend;
  }

  get nowMs(): number {
    return this.#server.nowMs;
  }

  connect(switched: SwitchedLink, replicas: () => number): Connection {
    const questions: Fate[] = [];
    const link = new TroubledLink(this.#server, {
      switched,
      fateOf: (script) => this.#fateOf(script, questions),
      arrivesLate: (arrive) => this.#late.push(arrive),
    });
    const shared = new RedisLimitStore({
      link,
      prefix: this.#prefix,
      replicas,
      leaseMs: LEASE_MS,
      monotonicMs: () => this.nowMs,
    });
    const connected: Connected = {
      shared,
      link,
      fates: questions,
      crash: () => {
        link.isDead = true;
        this.#connected.delete(connected);
        void shared.close();
      },
    };
    this.#connected.add(connected);
    return connected;
  }

  async advance(byMs: number): Promise<void> {
    await this.#server.setTime(this.nowMs + byMs);
    this.#tellStores();
    const late = this.#late;
    this.#late = [];
    for (const arrive of late) await arrive();
  }

  /** Nothing is lost any more, and all that there is to say arrives: what was late, what is sent again, what is renewed. */
  async settle(): Promise<void> {
    this.#isCalm = true;
    await this.advance(1_000);
    await until("the stores have said all", () => this.#hasSaidAll(), SETTLED_WITHIN_MS);
    await this.advance(1_000);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#connected].map(({ shared }) => shared.close()));
  }

  #tellStores(): void {
    for (const { link } of this.#connected) if (link.state === "up") link.tellStore("up");
  }

  #hasSaidAll(): boolean {
    this.#tellStores();
    return [...this.#connected].every(
      ({ shared, link }) => shared.snapshot().correctionsPending === 0 && link.underWay === 0,
    );
  }

  #fateOf(script: RedisScript, questions: Fate[]): Fate {
    if (script.name === "limits-decide") return questions.at(-1) ?? "arrives";
    if (this.#isCalm || this.#fates.length === 0) return "arrives";
    return this.#fates[this.#messages++ % this.#fates.length] as Fate;
  }
}

interface Troubles {
  readonly switched: SwitchedLink;
  readonly fateOf: (script: RedisScript) => Fate;
  readonly arrivesLate: (arrive: () => Promise<unknown>) => void;
}

class TroubledLink implements RedisLink {
  readonly #inner: RedisLink;
  readonly #troubles: Troubles;
  readonly #listeners = new Set<(state: RedisState) => void>();
  isDead = false;
  underWay = 0;

  constructor(inner: RedisLink, troubles: Troubles) {
    this.#inner = inner;
    this.#troubles = troubles;
    troubles.switched.onState((state) => this.tellStore(state));
  }

  get state(): RedisState {
    return this.isDead ? "down" : this.#troubles.switched.state;
  }

  onState(listener: (state: RedisState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The store renews and sends again when it hears that the link is up; here that stands for its timers too. */
  tellStore(state: RedisState): void {
    if (!this.isDead) for (const listener of this.#listeners) listener(state);
  }

  async script(
    script: RedisScript,
    keys: readonly string[],
    args: readonly RedisArgument[],
  ): Promise<unknown> {
    if (this.state === "down") throw new StoreUnavailable("down");
    this.underWay++;
    try {
      return await this.#send(() => this.#inner.script(script, keys, args), script);
    } finally {
      this.underWay--;
    }
  }

  async #send(send: () => Promise<unknown>, script: RedisScript): Promise<unknown> {
    const fate = this.#troubles.fateOf(script);
    if (fate === "request lost") throw new StoreUnavailable("the request was lost");
    if (fate === "late") {
      this.#troubles.arrivesLate(send);
      throw new StoreUnavailable("no answer in time");
    }
    if (fate === "twice") await send();
    const answer = await send();
    if (fate === "reply lost" || this.isDead) throw new StoreUnavailable("the answer was lost");
    return answer;
  }

  command(key: string | undefined, args: readonly RedisArgument[]): Promise<unknown> {
    return this.#inner.command(key, args);
  }

  async subscribe(): Promise<() => Promise<void>> {
    return async () => {};
  }

  async close(): Promise<void> {}
}
