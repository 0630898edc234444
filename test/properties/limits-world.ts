/**
 * Replicas of a gateway around one shared store: their links break, requests and replies get lost or come late or twice,
 * clocks are wrong and get set, replicas crash. Everything that a caller was let through is written down with the true
 * time, so that a test can say what must never have happened; nothing here decides a limit.
 */
import type { Clock } from "../../src/pipeline/stage.ts";
import { Fault } from "../../src/pipeline/rejection.ts";
import { GuardedLimitStore } from "../../src/stores/limits/guarded/guarded-limit-store.ts";
import type {
  Hold,
  LimitGroup,
  LimitStore,
  LimitVerdict,
} from "../../src/stores/limits/limit-store.ts";
import { MemoryLimitStore } from "../../src/stores/limits/memory-limit-store.ts";
import type { RedisState } from "../../src/stores/redis/redis-link.ts";

/** What the network does to one message and its answer. `late`: it arrives long after everybody gave up. */
export type Fate = "arrives" | "request lost" | "reply lost" | "late" | "twice";

/** One request that was let through. */
export interface Admission {
  readonly atMs: number;
  readonly subject: string;
  readonly by: "shared" | "part";
  /** Of a part: what the shared store had last said was left of the first limit; undefined when it had said nothing. */
  readonly lastRead?: number | undefined;
  readonly reservedCost: number;
  /** What it came to cost; undefined while it runs. */
  spentCost: number | undefined;
}

/** One replica's way to the shared store. */
export interface Connection {
  readonly shared: LimitStore;
  /** Of the next questions, last one first. */
  readonly fates: Fate[];
  /** The process is gone: nothing more comes from it but what is on its way. */
  crash(): void;
}

/** The shared store and its network. */
export interface Backend {
  /** The true time, which is the server's. */
  readonly nowMs: number;
  /** What was late arrives, and whoever is alive renews what it holds. */
  advance(byMs: number): Promise<void>;
  connect(link: SwitchedLink, replicas: () => number): Connection;
}

/** True time, and a replica's wrong idea of it. */
class SkewedClock implements Clock {
  readonly #backend: Backend;
  skewMs: number;

  constructor(backend: Backend, skewMs: number) {
    this.#backend = backend;
    this.skewMs = skewMs;
  }

  nowMs(): number {
    return this.#backend.nowMs + this.skewMs;
  }

  monotonicMs(): number {
    // A process counts from its own start.
    return this.#backend.nowMs - 1_000_000;
  }
}

export class SwitchedLink {
  state: RedisState = "up";
  readonly #listeners = new Set<(state: RedisState) => void>();

  onState(listener: (state: RedisState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  turn(state: RedisState): void {
    if (state === this.state) return;
    this.state = state;
    for (const listener of this.#listeners) listener(state);
  }
}

interface Running {
  readonly hold: Hold;
  readonly admission: Admission;
}

class Replica {
  readonly link = new SwitchedLink();
  readonly clock: SkewedClock;
  readonly connection: Connection;
  readonly guard: GuardedLimitStore;
  /** Granted here and not finished. */
  readonly running: Running[] = [];
  /** Of the first limit, by subject. */
  readonly lastRead = new Map<string, number>();

  constructor(backend: Backend, skewMs: number, replicas: () => number) {
    this.clock = new SkewedClock(backend, skewMs);
    this.connection = backend.connect(this.link, replicas);
    this.guard = new GuardedLimitStore({
      shared: this.connection.shared,
      link: this.link,
      local: new MemoryLimitStore(),
      replicas,
      degradedForMs: Infinity,
      clock: this.clock,
      reportSpreadMs: 0,
    });
  }
}

export interface WorldOptions {
  readonly backend: Backend;
  readonly groups: (subject: string) => readonly LimitGroup[];
  /** Wrong by so much; one for each replica. */
  readonly skewsMs: readonly number[];
}

export interface Ask {
  readonly replica: number;
  readonly subject: string;
  readonly cost: number;
  readonly fate: Fate;
}

export class LimitsWorld {
  readonly replicas: Replica[] = [];
  readonly admissions: Admission[] = [];
  /** Parts handed out: one for each replica, one more for each that started anew. */
  starts: number;
  /** How often a replica's wall clock was set. */
  jumps = 0;
  readonly #options: WorldOptions;
  readonly #count: () => number;

  constructor(options: WorldOptions) {
    const { backend, skewsMs } = options;
    this.#options = options;
    this.#count = () => skewsMs.length;
    for (const skewMs of skewsMs) this.replicas.push(new Replica(backend, skewMs, this.#count));
    this.starts = this.replicas.length;
  }

  replica(index: number): Replica {
    return this.replicas[index % this.replicas.length] as Replica;
  }

  /** The verdict; undefined when nobody could tell. */
  async ask({ replica: index, subject, cost, fate }: Ask): Promise<LimitVerdict | undefined> {
    const replica = this.replica(index);
    replica.connection.fates[0] = fate;
    const verdict = await Promise.resolve(
      replica.guard.decide({
        groups: this.#options.groups(subject),
        cost,
        nowMs: replica.clock.nowMs(),
      }),
    ).catch((error: unknown) => {
      if (!(error instanceof Fault)) throw error;
    });
    replica.connection.fates.length = 0;
    if (!verdict) return undefined;
    const by = verdict.degraded === undefined ? "shared" : "part";
    const lastRead = replica.lastRead.get(subject);
    if (by === "shared") replica.lastRead.set(subject, verdict.readings[0]?.remaining ?? 0);
    if (!verdict.isGranted) return verdict;
    const atMs = this.#options.backend.nowMs;
    const admission = { atMs, subject, by, lastRead, reservedCost: cost, spentCost: undefined };
    this.admissions.push(admission as Admission);
    if (verdict.hold)
      replica.running.push({ hold: verdict.hold, admission: admission as Admission });
    return verdict;
  }

  finish(index: number, pick: number, cost: number | undefined): void {
    const replica = this.replica(index);
    const [running] = replica.running.splice(pick % (replica.running.length || 1), 1);
    if (running === undefined) return;
    const { hold, admission } = running;
    admission.spentCost = cost ?? admission.reservedCost;
    replica.guard.finish(hold, cost);
    // Whoever ends a request may do so twice.
    if (pick % 2 === 0) replica.guard.finish(hold, cost);
  }

  advance(byMs: number): Promise<void> {
    return this.#options.backend.advance(byMs);
  }

  /** The process is gone without a word; another takes its place with nothing in memory. */
  crash(index: number): void {
    const at = index % this.replicas.length;
    const { clock, link, connection } = this.replica(at);
    connection.crash();
    const successor = new Replica(this.#options.backend, clock.skewMs, this.#count);
    successor.link.turn(link.state);
    this.replicas[at] = successor;
    this.starts++;
  }

  /** The links are back and all requests end. */
  endAll(): void {
    for (const [index, replica] of this.replicas.entries()) {
      replica.link.turn("up");
      while (replica.running.length > 0) this.finish(index, 0, undefined);
    }
  }
}
