/**
 * The primary of several workers: it counts limits for all of them, takes connections and hands them out, has the
 * operator's door, and sees to it that what one worker is told all are told. It serves no request itself.
 */
import { renderDiagnostics } from "../../config/diagnostic.ts";
import {
  readConfiguration,
  type Configuration,
  type ConfigurationSource,
} from "../../gateway/configuration.ts";
import type { OperatorListener } from "../../admin/operator-listener.ts";
import { SYSTEM_CLOCK } from "../../pipeline/stage.ts";
import type { Drained } from "../../server/server.ts";
import type { LimitStore } from "../../stores/limits/limit-store.ts";
import { MemoryLimitStore } from "../../stores/limits/memory-limit-store.ts";
import { logTarget } from "../../telemetry/config.ts";
import { reopenOnSignal } from "../../telemetry/log-destination.ts";
import { createLogger, type Log } from "../../telemetry/log.ts";
import { METRICS_CONTENT_TYPE } from "../../telemetry/metric-registry.ts";
import { openOperator } from "../operator.ts";
import { openEmbeddedLimits } from "../stores/embedded-limits.ts";
import { adoptNewest } from "./adopt-state.ts";
import { createCrewMetrics, type CrewMetrics } from "./crew-metrics.ts";
import { CrewReports } from "./crew-reports.ts";
import { Crew } from "./crew.ts";
import { forwardedLedger, forwardedPages } from "./operator-forwarding.ts";
import { stateFilesOf } from "./worker-configuration.ts";
import { prepareForks } from "./worker-link.ts";
import type { WorkerSeat } from "./worker-seat.ts";

/** Longest that a worker may need to build what a new configuration says. */
const RELOAD_TIMEOUT_MS = 60_000;

export interface Primary {
  /** Tells all workers to read the configuration again; false when one of them keeps the old one. Never rejects. */
  reload(): Promise<boolean>;
  drain(): Promise<Drained>;
}

export interface PrimaryOptions {
  readonly source: ConfigurationSource;
  /** Read and found good. */
  readonly configuration: Configuration;
  readonly workers: number;
  /** No worker is left and none can be started; the process has nothing to live for. */
  readonly onHopeless: (message: string) => void;
}

/** What the workers of this primary count in. With a shared store they ask that one, and this one stays empty. */
function openMachineLimits(configuration: Configuration, log: Log): LimitStore {
  const isShared = configuration.root.store.kind !== "embedded";
  return isShared ? new MemoryLimitStore() : openEmbeddedLimits(configuration, log);
}

/** Starts the workers; rejects with what the first of them says when it cannot serve. */
export async function startPrimary(options: PrimaryOptions): Promise<Primary> {
  const { root, loaded } = options.configuration;
  const log = createLogger({
    level: root.telemetry.log.level,
    destination: logTarget(root.telemetry.log.destination, loaded.directory),
  });
  const limitStore = openMachineLimits(options.configuration, log);
  const primary = new RunningPrimary(options, { log, limitStore });
  try {
    await primary.start();
    return primary;
  } catch (error) {
    await primary.close();
    throw error;
  }
}

class RunningPrimary implements Primary {
  readonly #options: PrimaryOptions;
  readonly #log: Log;
  readonly #stopReopening: () => void;
  readonly #metrics: CrewMetrics;
  readonly #limitStore: LimitStore;
  readonly #crew: Crew;
  readonly #reports: CrewReports;
  #configuration: Configuration;
  #operator: OperatorListener | undefined;
  #reloading: Promise<boolean> = Promise.resolve(true);
  #isDraining = false;

  constructor(
    options: PrimaryOptions,
    { log, limitStore }: { readonly log: Log; readonly limitStore: LimitStore },
  ) {
    const { configuration, workers } = options;
    this.#options = options;
    this.#configuration = configuration;
    this.#log = log;
    this.#limitStore = limitStore;
    this.#stopReopening = reopenOnSignal(
      { reopen: () => this.#reopen() },
      { onError: (error) => this.#log.error("the log could not be reopened", { error }) },
    );
    this.#metrics = createCrewMetrics({
      configured: workers,
      ready: () => this.#crew.ready.length,
    });
    this.#crew = this.#newCrew(workers);
    this.#reports = new CrewReports({ crew: this.#crew, own: () => this.#metrics.expose() });
  }

  async start(): Promise<void> {
    prepareForks();
    this.#operator = await openOperator(this.#configuration, {
      notReady: async () => [
        ...(this.#isDraining ? ["draining"] : []),
        ...(await this.#reports.notReady()),
      ],
      degraded: () => this.#reports.degraded(),
      metrics: async () => ({
        contentType: METRICS_CONTENT_TYPE,
        text: await this.#reports.metrics(),
      }),
      ledger: forwardedLedger(this.#crew),
      pages: [forwardedPages(this.#crew)],
    });
    await this.#crew.start();
    const { host: address, port } = this.#operator;
    this.#log.info("listening", { listener: "operator", address, port });
  }

  reload(): Promise<boolean> {
    this.#reloading = this.#reloading
      .then(() => this.#reloadOnce())
      .catch((error: unknown) => {
        this.#log.error("the new configuration could not be taken by all workers", { error });
        return false;
      });
    return this.#reloading;
  }

  async drain(): Promise<Drained> {
    this.#isDraining = true;
    this.#log.info("draining");
    await this.#reloading;
    const deadlineMs = Math.max(this.#drainDeadlineMs, await this.#lookAgain());
    const { cutConnections, failed } = await this.#crew.drain(deadlineMs, (member, metrics) =>
      this.#reports.ended(member, metrics),
    );
    for (const worker of failed) this.#log.error("a worker did not end in good order", { worker });
    this.#log.info("drained", { cut_connections: cutConnections });
    await this.close();
    return { cutConnections: cutConnections + failed.length };
  }

  async close(): Promise<void> {
    this.#isDraining = true;
    this.#crew.kill();
    this.#reports.close();
    await this.#operator?.close();
    await this.#limitStore.close?.();
    this.#metrics.close();
    this.#stopReopening();
    await this.#log.close();
  }

  #newCrew(count: number): Crew {
    return new Crew({
      count,
      limitStore: this.#limitStore,
      nowMs: () => SYSTEM_CLOCK.nowMs(),
      beforeStart: (seat) => this.#prepareState(seat),
      onReady: ({ seat: { number: worker }, link }, isRestart) => {
        if (isRestart) this.#log.info("a worker serves again", { worker, pid: link?.pid });
      },
      onLost: (member, { refusal, code, signal }, againMs) => {
        const { number: worker } = member.seat;
        this.#reports.ended(member);
        this.#metrics.restarted(worker);
        const how = refusal === undefined ? { code, signal } : { reason: refusal };
        this.#log.error("a worker ended; it is started again", {
          worker,
          ...how,
          again_in_ms: againMs,
        });
      },
      onHopeless: (message) => this.#options.onHopeless(message),
    });
  }

  get #drainDeadlineMs(): number {
    return this.#configuration.root.server.limits.drainDeadline;
  }

  /** Workers take changed files by themselves: what they serve may be newer than what is known here. */
  async #lookAgain(): Promise<number> {
    const configuration = await readConfiguration(this.#options.source).catch(() => undefined);
    if (configuration?.ok) this.#configuration = configuration;
    return this.#drainDeadlineMs;
  }

  async #prepareState(seat: WorkerSeat): Promise<void> {
    await this.#lookAgain();
    for (const { own, others } of stateFilesOf(this.#configuration, seat))
      await adoptNewest(own, others);
  }

  /** A file that cannot be served stops here, and is told once. */
  async #reloadOnce(): Promise<boolean> {
    if (this.#isDraining) return false;
    const configuration = await readConfiguration(this.#options.source);
    if (!configuration.ok) {
      this.#log.error("the new configuration was refused; the old one still serves", {
        diagnostics: renderDiagnostics(configuration.diagnostics),
      });
      this.#metrics.reloadRefused();
      return false;
    }
    const kept: number[] = [];
    await Promise.all(
      this.#crew.ready.map(async ({ seat: { number }, link }) => {
        const taken = await link.ask("reload", null, RELOAD_TIMEOUT_MS).catch(() => undefined);
        if (taken?.isTaken !== true) kept.push(number);
      }),
    );
    if (kept.length > 0)
      this.#log.error("workers keep the old configuration", {
        workers: kept.sort((a, b) => a - b),
      });
    this.#configuration = configuration;
    this.#log.setLevel(configuration.root.telemetry.log.level);
    return kept.length === 0;
  }

  /** Whoever rotates the log knows the primary alone. */
  #reopen(): void {
    this.#log.reopen();
    for (const { link } of this.#crew.ready) link.signal("SIGUSR2");
  }
}
