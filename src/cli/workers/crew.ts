/**
 * The workers of one primary: started, watched, started again when they end unasked, and ended together. It must never
 * leave a seat empty for good while another worker serves, nor start a worker once the gateway is stopping.
 */
import type { LimitStore } from "../../stores/limits/limit-store.ts";
import { WorkerLink, type WorkerEnd } from "./worker-link.ts";
import type { WorkerSeat } from "./worker-seat.ts";

/** Wait before a worker is started again; doubled each time it ends without having been steady. */
const FIRST_RESTART_MS = 100;
/** Raised, a machine that has recovered is at full strength later; lowered, one that has not is kept busy with starts. */
const LAST_RESTART_MS = 10_000;
/** A worker that served for so long is steady: its next end is an accident of its own. */
const STEADY_MS = 60_000;
/** With no worker left, this many starts in a row that came to nothing end the primary: a supervisor knows what to do. */
const HOPELESS_STARTS = 5;
/** What a worker needs behind its drain deadline to close files and connections. */
const DRAIN_GRACE_MS = 10_000;

export interface CrewMember {
  readonly seat: WorkerSeat;
  /** Undefined while nobody sits there. */
  readonly link: WorkerLink | undefined;
}

export interface CrewOptions {
  readonly count: number;
  readonly limitStore: LimitStore;
  readonly nowMs: () => number;
  /** Runs before each start; a rejection is a start that came to nothing. */
  readonly beforeStart: (seat: WorkerSeat) => Promise<void>;
  readonly onReady: (member: CrewMember, isRestart: boolean) => void;
  /** It ended without being asked to; it is started again in `againMs`. */
  readonly onLost: (member: CrewMember, end: WorkerEnd, againMs: number) => void;
  /** No worker is left and none can be started. */
  readonly onHopeless: (message: string) => void;
}

interface Seated {
  readonly seat: WorkerSeat;
  link: WorkerLink | undefined;
  /** Ends in a row without having been steady. */
  shortLives: number;
  /** Starts in a row that came to nothing. */
  failedStarts: number;
  readyAtMs: number;
  timer: NodeJS.Timeout | undefined;
}

export interface CrewDrained {
  readonly cutConnections: number;
  /** Workers that did not end in good order. */
  readonly failed: readonly number[];
}

export class Crew {
  readonly #options: CrewOptions;
  readonly #seated: readonly Seated[];
  #hasStarted = false;
  #isStopping = false;

  constructor(options: CrewOptions) {
    this.#options = options;
    this.#seated = Array.from({ length: options.count }, (_, i) => ({
      seat: { number: i + 1, count: options.count },
      link: undefined,
      shortLives: 0,
      failedStarts: 0,
      readyAtMs: 0,
      timer: undefined,
    }));
  }

  get members(): readonly CrewMember[] {
    return this.#seated;
  }

  get ready(): readonly (CrewMember & { readonly link: WorkerLink })[] {
    return this.#seated.flatMap(({ seat, link }) => (link?.isReady ? [{ seat, link }] : []));
  }

  /**
   * Resolves when all are ready. The first starts alone: what cannot be served is said once, and files that a start
   * creates have one creator. Rejects with what the worker said, and leaves none running.
   */
  async start(): Promise<void> {
    const [first, ...rest] = this.#seated;
    try {
      if (first) await this.#launch(first);
      await Promise.all(rest.map((seated) => this.#launch(seated)));
      this.#hasStarted = true;
    } catch (error) {
      this.kill();
      throw error;
    }
  }

  /** Lets every worker finish what it has; those that need longer than they were given are killed. */
  async drain(
    deadlineMs: number,
    onDrained: (member: CrewMember, metrics: string) => void,
  ): Promise<CrewDrained> {
    this.#stop();
    const failed: number[] = [];
    let cutConnections = 0;
    await Promise.all(
      this.#seated.map(async ({ seat, link }) => {
        if (link === undefined) return;
        if (!link.isReady) return link.signal("SIGKILL");
        try {
          const drained = await link.ask("drain", null, deadlineMs + DRAIN_GRACE_MS);
          cutConnections += drained.cutConnections;
          onDrained({ seat, link }, drained.metrics);
        } catch {
          failed.push(seat.number);
          link.signal("SIGKILL");
        }
      }),
    );
    return { cutConnections, failed };
  }

  /** Ends all at once. */
  kill(): void {
    this.#stop();
    for (const { link } of this.#seated) link?.signal("SIGKILL");
  }

  #stop(): void {
    this.#isStopping = true;
    for (const { timer } of this.#seated) clearTimeout(timer);
  }

  /** Settles when the worker is ready, or has ended before. */
  async #launch(seated: Seated): Promise<void> {
    const { seat } = seated;
    const { beforeStart, limitStore, nowMs, onReady } = this.#options;
    await beforeStart(seat);
    if (this.#isStopping) throw new Error("the gateway is stopping");
    await new Promise<void>((done, fail) => {
      const link = new WorkerLink({
        seat,
        limitStore,
        nowMs,
        hasOthers: () => this.ready.some((other) => other.link !== link),
        onReady: () => {
          seated.failedStarts = 0;
          seated.readyAtMs = performance.now();
          onReady({ seat, link }, this.#hasStarted);
          done();
        },
        onEnd: (end) => {
          const wasReady = seated.readyAtMs > 0;
          seated.link = undefined;
          if (wasReady) this.#lost(seated, end);
          seated.readyAtMs = 0;
          fail(new Error(sentenceOf(seat, end)));
        },
      });
      seated.link = link;
    });
  }

  #lost(seated: Seated, end: WorkerEnd): void {
    if (this.#isStopping) return;
    const wasSteady = performance.now() - seated.readyAtMs >= STEADY_MS;
    seated.shortLives = wasSteady ? 0 : seated.shortLives + 1;
    this.#again(seated, end);
  }

  #again(seated: Seated, end: WorkerEnd): void {
    const doublings = Math.max(0, Math.max(seated.shortLives, seated.failedStarts) - 1);
    const againMs = Math.min(LAST_RESTART_MS, FIRST_RESTART_MS * 2 ** doublings);
    this.#options.onLost({ seat: seated.seat, link: undefined }, end, againMs);
    seated.timer = setTimeout(() => {
      this.#launch(seated).catch((error: unknown) => this.#cameToNothing(seated, error));
    }, againMs);
  }

  #cameToNothing(seated: Seated, error: unknown): void {
    if (this.#isStopping) return;
    seated.failedStarts++;
    const message = error instanceof Error ? error.message : String(error);
    if (this.ready.length === 0 && seated.failedStarts >= HOPELESS_STARTS) {
      this.kill();
      this.#options.onHopeless(message);
      return;
    }
    this.#again(seated, { code: null, signal: null, refusal: message });
  }
}

function sentenceOf({ number }: WorkerSeat, { refusal, code, signal }: WorkerEnd): string {
  if (refusal !== undefined) return refusal;
  const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
  return `worker ${number} ended ${how} before it was ready`;
}
