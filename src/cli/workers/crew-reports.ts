/**
 * How the workers are, asked for now and then and at every scrape: what is not ready, which configuration each serves,
 * and their metrics added up. A counter must never go back because a worker ended: what it counted is kept.
 */
import type { Crew, CrewMember } from "./crew.ts";
import type { WorkerReport } from "./messages.ts";
import {
  keepCounts,
  readMetricText,
  sumOfMetrics,
  writeMetricText,
  type MetricFamilies,
} from "./metric-text.ts";

/** A worker that is silent for so long is stuck: its last metrics stand, and it is not ready. */
const REPORT_TIMEOUT_MS = 1_000;
/** What a worker counted since its last report is lost when it is killed. Raised, more is; lowered, reports cost more. */
const REPORT_EVERY_MS = 5_000;
/** A reload reaches the workers one after the other; only what differs for longer is trouble. */
const DIVERGENCE_GRACE_MS = 10_000;

interface Reported extends Omit<WorkerReport, "metrics"> {
  readonly metrics: MetricFamilies;
}

export interface CrewReportsOptions {
  readonly crew: Crew;
  /** Metrics of the primary itself, as text for a scrape. */
  readonly own: () => string;
  /** Milliseconds that never go back. Default: the process's. */
  readonly monotonicMs?: () => number;
}

export class CrewReports {
  readonly #options: CrewReportsOptions;
  readonly #last = new Map<number, Reported>();
  readonly #dead: MetricFamilies = new Map();
  readonly #timer: NodeJS.Timeout;
  readonly #monotonicMs: () => number;
  #asking: Promise<Map<number, string>> | undefined;
  #differsSinceMs: number | undefined;

  constructor(options: CrewReportsOptions) {
    this.#options = options;
    this.#monotonicMs = options.monotonicMs ?? (() => performance.now());
    this.#timer = setInterval(() => void this.#ask(), REPORT_EVERY_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** The worker has ended; what it last said is all there will be. */
  ended({ seat }: CrewMember, metrics?: string): void {
    const counted =
      metrics === undefined ? this.#last.get(seat.number)?.metrics : readMetricText(metrics);
    if (counted) keepCounts(this.#dead, counted);
    this.#last.delete(seat.number);
  }

  /** Names of what is not ready, each with its worker. */
  async notReady(): Promise<string[]> {
    const silent = await this.#ask();
    const reasons: string[] = [];
    for (const { seat, link } of this.#options.crew.members) {
      const name = `worker ${seat.number}`;
      const trouble = silent.get(seat.number);
      if (!link?.isReady) reasons.push(`${name}: starting`);
      else if (trouble !== undefined) reasons.push(`${name}: ${trouble}`);
      else
        for (const reason of this.#last.get(seat.number)?.notReady ?? [])
          reasons.push(`${name}: ${reason}`);
    }
    if (this.#differsForLong()) reasons.push("workers serve different configurations");
    return reasons;
  }

  /** Names of what workers serve without, as they last said. */
  degraded(): string[] {
    return [...this.#last]
      .toSorted(([one], [other]) => one - other)
      .flatMap(([worker, { degraded }]) => degraded.map((name) => `worker ${worker}: ${name}`));
  }

  /** Everything as text for a scrape. */
  async metrics(): Promise<string> {
    await this.#ask();
    const own = readMetricText(this.#options.own());
    const living = [...this.#last.values()].map(({ metrics }) => metrics);
    return writeMetricText(sumOfMetrics([own, ...living, this.#dead]));
  }

  /** What is wrong with those that did not report, by worker. Whoever asks meanwhile gets the same reports. */
  #ask(): Promise<Map<number, string>> {
    this.#asking ??= this.#askAll().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #askAll(): Promise<Map<number, string>> {
    const silent = new Map<number, string>();
    const { crew } = this.#options;
    await Promise.all(
      crew.ready.map(async ({ seat: { number }, link }) => {
        try {
          const { metrics, ...rest } = await link.ask("report", null, REPORT_TIMEOUT_MS);
          // It may have ended between its answer and now: then it has been counted already.
          if (link.isReady) this.#last.set(number, { ...rest, metrics: readMetricText(metrics) });
        } catch {
          silent.set(number, "does not answer");
        }
      }),
    );
    this.#compareDigests();
    return silent;
  }

  #compareDigests(): void {
    const isSame = new Set([...this.#last.values()].map(({ digest }) => digest)).size <= 1;
    this.#differsSinceMs = isSame ? undefined : (this.#differsSinceMs ?? this.#monotonicMs());
  }

  #differsForLong(): boolean {
    if (this.#differsSinceMs === undefined) return false;
    return this.#monotonicMs() - this.#differsSinceMs >= DIVERGENCE_GRACE_MS;
  }
}
