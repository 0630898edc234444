/**
 * Writes every outcome down: log line, metrics, span, in one call. It must never throw, and no part of the record may
 * cost another: what fails is counted and the rest still runs.
 */
import type { MalformedReport } from "../pipeline/exchange.ts";
import type { Outcome, Recorder } from "../pipeline/outcome.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import type { Traces } from "./traces.ts";

export interface RecorderSinks {
  readonly log: Pick<Log, "access" | "malformed" | "error" | "droppedLines" | "writeFailures">;
  readonly metrics: Pick<Metrics, "record" | "malformed" | "watch" | "inFlight">;
  readonly traces?: Pick<Traces, "record" | "exportedSpans" | "droppedSpans"> | undefined;
}

export type Sink = "log" | "metrics" | "traces";

export interface TelemetryRecorder extends Recorder {
  /** A connection that never became a request. */
  malformed(report: MalformedReport): void;
  /** Around each request; `stop` exactly once for each `start`. */
  readonly inFlight: { start(): void; stop(): void };
  /** Outcomes each part failed to take. */
  readonly failures: Readonly<Record<Sink, number>>;
  /** Stops feeding the metrics; the sinks stay open. */
  close(): void;
}

export function createRecorder(sinks: RecorderSinks): TelemetryRecorder {
  const { log, metrics, traces } = sinks;
  const failures: Record<Sink, number> = { log: 0, metrics: 0, traces: 0 };

  const failed = (sink: Sink, error: unknown): void => {
    // Once: a sink that fails at all tends to fail on every request, and the count is in the metrics.
    if (failures[sink]++ > 0) return;
    try {
      log.error("a part of the record could not take an outcome", { sink, error });
    } catch {
      failures.log++;
    }
  };
  const stops = [
    metrics.watch("recorderFailures", () => [
      [["log"], failures.log],
      [["metrics"], failures.metrics],
      [["traces"], failures.traces],
    ]),
    metrics.watch("logLinesDropped", () => log.droppedLines),
    metrics.watch("logWriteFailures", () => log.writeFailures),
    metrics.watch("spansExported", () => traces?.exportedSpans ?? 0),
    metrics.watch("spansDropped", () => traces?.droppedSpans ?? 0),
  ];
  return {
    record: (outcome: Outcome) => {
      try {
        log.access(outcome);
      } catch (error) {
        failed("log", error);
      }
      try {
        metrics.record(outcome);
      } catch (error) {
        failed("metrics", error);
      }
      if (traces === undefined) return;
      try {
        traces.record(outcome);
      } catch (error) {
        failed("traces", error);
      }
    },
    malformed: (report) => {
      try {
        log.malformed(report);
      } catch (error) {
        failed("log", error);
      }
      try {
        metrics.malformed(report);
      } catch (error) {
        failed("metrics", error);
      }
    },
    inFlight: metrics.inFlight,
    failures,
    close: () => {
      for (const stop of stops) stop();
    },
  };
}
