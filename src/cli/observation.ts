/** The log, metrics and traces of one process, opened together and closed in order. */
import { readFileSync } from "node:fs";
import type { Configuration } from "../gateway/configuration.ts";
import type { ServerObserver } from "../server/gate.ts";
import { logTarget } from "../telemetry/config.ts";
import { reopenOnSignal } from "../telemetry/log-destination.ts";
import { createLogger, type Log } from "../telemetry/log.ts";
import { createMetrics, type Metrics } from "../telemetry/metrics.ts";
import { createRecorder, type TelemetryRecorder } from "../telemetry/recorder.ts";
import { createSampler, type SamplingConfig } from "../telemetry/sampling.ts";
import { createTraces, type Traces } from "../telemetry/traces.ts";
import { parseSecretRef } from "../config/secrets/reference.ts";

/** The version in package.json, two folders up in a checkout and in the published package alike. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  }
).version;

interface Opened {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly traces: Traces | undefined;
  readonly sampling: SamplingConfig | undefined;
}

export class Observation {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly recorder: TelemetryRecorder;
  readonly serverObserver: ServerObserver;
  /** Whether a trace that begins here is recorded: the exporter's own rule, so that flag and record agree. */
  readonly sampleTrace: (traceId: string) => boolean;
  readonly #traces: Traces | undefined;
  readonly #stopReopening: () => void;

  private constructor({ log, metrics, traces, sampling }: Opened) {
    this.log = log;
    this.metrics = metrics;
    this.#traces = traces;
    this.recorder = createRecorder({ log, metrics, traces });
    this.serverObserver = observeServer(metrics);
    const sampler = sampling && createSampler(sampling);
    this.sampleTrace = (traceId) => sampler?.({ traceId, isSampled: false }) ?? false;
    this.#stopReopening = reopenOnSignal(log, {
      onError: (error) => log.error("the log could not be reopened", { error }),
    });
  }

  /** `worker` numbers this process among several. */
  static async open(
    { root, reader, loaded }: Configuration,
    worker?: number,
  ): Promise<Observation> {
    const { log, metrics, traces } = root.telemetry;
    const headers: Record<string, string> = {};
    for (const [name, text] of Object.entries(traces?.headers ?? {})) {
      const reference = parseSecretRef(text);
      if ("refused" in reference)
        throw new Error(`telemetry.traces.headers.${name}: ${reference.refused}`);
      headers[name] = (await reader.readSecret(reference)).reveal();
    }
    const tracing = traces && (await createTraces({ ...traces, headers }, { version: VERSION }));
    const target = logTarget(log.destination, loaded.directory);
    return new Observation({
      log: createLogger({ level: log.level, destination: target }, { worker }),
      metrics: createMetrics(metrics, { version: VERSION }),
      traces: tracing,
      sampling: traces?.sampling,
    });
  }

  async close(): Promise<void> {
    this.#stopReopening();
    this.recorder.close();
    await this.#traces?.close();
    this.metrics.close();
    await this.log.close();
  }
}

/** Connections by listener; listener names come from the configuration, so their number is bounded. */
function observeServer(metrics: Metrics): ServerObserver {
  const open = new Map<string, number>();
  const refused = metrics.registry.counter({
    name: "portcullis_connections_refused_total",
    help: "Connections refused before a request was read.",
    labels: ["listener", "reason"],
  });
  const abused = metrics.registry.counter({
    name: "portcullis_stream_abuse_total",
    help: "HTTP/2 connections ended for breaking off too many streams.",
    labels: ["listener"],
  });
  const add = (listener: string, change: number): void => {
    open.set(listener, (open.get(listener) ?? 0) + change);
  };
  metrics.watch("connections", () =>
    [...open].map(([listener, count]) => [[listener], count] as const),
  );
  return {
    connectionOpened: (listener) => add(listener, 1),
    connectionClosed: (listener) => add(listener, -1),
    connectionRefused: (listener, why) => refused.series(listener, why).add(),
    streamsAbused: (listener) => abused.series(listener).add(),
  };
}
