/** A shared store that is simulated: one server that decides each question in one step, and a network that has moods. */
import type {
  Hold,
  LimitRequest,
  LimitStore,
  LimitVerdict,
} from "../../src/stores/limits/limit-store.ts";
import { MemoryLimitStore } from "../../src/stores/limits/memory-limit-store.ts";
import { StoreUnavailable } from "../../src/stores/store-unavailable.ts";
import type { Admission, Backend, Connection, Fate } from "./limits-world.ts";

/** How long the server keeps what nobody renews. */
export const LEASE_MS = 30_000;

interface Leased {
  readonly hold: Hold;
  readonly admission: Admission;
  expiresAtMs: number;
}

/** Its clock is the true time, and holds end when they are not renewed. */
export class SimulatedServer implements Backend {
  readonly store = new MemoryLimitStore();
  nowMs: number;
  /** All that it let through, also what nobody heard of. */
  readonly admissions: Admission[] = [];
  readonly #leases = new Set<Leased>();
  readonly #connections = new Set<SimulatedStore>();
  #late: (() => void)[] = [];

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  connect(): Connection {
    const fates: Fate[] = [];
    const shared = new SimulatedStore(this, fates);
    this.#connections.add(shared);
    return { shared, fates, crash: () => this.#connections.delete(shared) };
  }

  async advance(byMs: number): Promise<void> {
    for (let leftMs = byMs; leftMs > 0; leftMs -= LEASE_MS / 3) {
      this.nowMs += Math.min(leftMs, LEASE_MS / 3);
      for (const lease of this.#leases)
        if (lease.expiresAtMs <= this.nowMs) this.finish(lease, undefined);
      for (const connection of this.#connections) connection.renew();
    }
    const late = this.#late;
    this.#late = [];
    for (const arrive of late) arrive();
  }

  arrivesLate(arrive: () => void): void {
    this.#late.push(arrive);
  }

  decide(request: LimitRequest): { verdict: LimitVerdict; lease?: Leased } {
    const verdict = this.store.decide({ ...request, nowMs: this.nowMs });
    if (!verdict.isGranted) return { verdict };
    const admission: Admission = {
      atMs: this.nowMs,
      subject: request.groups[0]?.subject ?? "",
      by: "shared",
      reservedCost: request.cost,
      spentCost: undefined,
    };
    this.admissions.push(admission);
    if (verdict.hold === undefined) return { verdict };
    const lease = { hold: verdict.hold, admission, expiresAtMs: this.nowMs + LEASE_MS };
    this.#leases.add(lease);
    return { verdict, lease };
  }

  finish(lease: Leased, cost: number | undefined): void {
    if (!this.#leases.delete(lease)) return;
    lease.admission.spentCost = cost ?? lease.admission.reservedCost;
    this.store.finish(lease.hold, cost);
  }

  renew(lease: Leased): void {
    lease.expiresAtMs = this.nowMs + LEASE_MS;
  }

  /** Slots taken by requests of this subject. */
  runningOf(subject: string): number {
    return [...this.#leases].filter(({ admission }) => admission.subject === subject).length;
  }
}

/** One replica's view of the server. */
class SimulatedStore implements LimitStore {
  readonly #server: SimulatedServer;
  readonly #fates: Fate[];
  readonly #held = new Set<Leased>();

  constructor(server: SimulatedServer, fates: Fate[]) {
    this.#server = server;
    this.#fates = fates;
  }

  async decide(request: LimitRequest): Promise<LimitVerdict> {
    const fate = this.#fates.pop() ?? "arrives";
    await Promise.resolve();
    const server = this.#server;
    if (fate === "request lost") throw new StoreUnavailable("lost");
    if (fate === "late") server.arrivesLate(() => server.decide(request));
    if (fate === "reply lost" || fate === "twice") server.decide(request);
    if (fate === "late" || fate === "reply lost") throw new StoreUnavailable("no answer in time");
    const { verdict, lease } = server.decide(request);
    if (lease === undefined || !verdict.isGranted) return verdict;
    this.#held.add(lease);
    return { ...verdict, hold: lease };
  }

  finish(hold: Hold, cost: number | undefined): void {
    this.#held.delete(hold as Leased);
    this.#server.finish(hold as Leased, cost);
  }

  /** What a real store does on a timer. */
  renew(): void {
    for (const lease of this.#held) this.#server.renew(lease);
  }
}
