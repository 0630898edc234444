/**
 * The `telemetry` section of the configuration: log, metrics and traces. It must never hold a secret: headers for the
 * trace collector are references, resolved by the gateway.
 */
import { resolve } from "node:path";
import { z } from "zod";
import type { LogTarget } from "./log-destination.ts";

/** Severities an operator can set; `silent` writes nothing at all. */
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Upper bounds of the duration histograms, in seconds: from a cache's answer to the slowest model's. */
export const DEFAULT_DURATION_BUCKETS_SECONDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

/**
 * Most series of one metric; further label values share one series named `overflow`. Raised, a configuration with very
 * many routes makes each scrape slower and the monitoring system's memory larger.
 */
export const DEFAULT_SERIES_LIMIT = 2_000;

/** One request in ten is traced: enough to see where time goes, little enough to cost nothing. */
export const DEFAULT_SAMPLING_RATIO = 0.1;

const LOG_FILE = /^file:[^\0]{1,4096}$/;
const SECRET_REFERENCE = /^(?:env|file|vault|aws):.+$/;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const logSchema = z.strictObject({
  level: z
    .enum(LOG_LEVELS)
    .default("info")
    .describe(
      "Least severity that is written. Access lines are `info`, or `error` for faults and bad upstreams.",
    ),
  destination: z
    .union([z.literal("stdout"), z.string().regex(LOG_FILE, "neither stdout nor file:PATH")])
    .default("stdout")
    .describe(
      "`stdout`, or `file:PATH` relative to this file. A file is opened anew on SIGUSR2, for log rotation.",
    ),
});

const bucketsSchema = z
  .array(z.number().positive())
  .min(1)
  .max(40)
  .refine((bounds) => bounds.every((bound, i) => i === 0 || bound > (bounds[i - 1] as number)), {
    error: "bounds must rise",
  });

const metricsSchema = z.strictObject({
  durationBuckets: bucketsSchema
    .default([...DEFAULT_DURATION_BUCKETS_SECONDS])
    .describe("Upper bounds, in seconds, of the histograms of request and upstream time."),
  seriesLimit: z
    .int()
    .min(10)
    .max(100_000)
    .default(DEFAULT_SERIES_LIMIT)
    .describe(
      "Most series of one metric; what goes beyond is counted in one series named `overflow`.",
    ),
});

const collectorUrl = z
  .string()
  .refine(isCollectorUrl, { error: "not an http or https URL without credentials" });

const tracesSchema = z.strictObject({
  otlp: collectorUrl.describe(
    'Where spans are sent by OTLP over HTTP, such as "http://127.0.0.1:4318/v1/traces".',
  ),
  sampling: z
    .strictObject({
      ratio: z
        .number()
        .min(0)
        .max(1)
        .default(DEFAULT_SAMPLING_RATIO)
        .describe("Share of requests that are traced, chosen by trace id."),
      followCaller: z
        .boolean()
        .default(false)
        .describe(
          "Whether a caller's own sampling flag decides for traces it began. Any caller can then have every request traced.",
        ),
    })
    .prefault({}),
  headers: z
    .record(
      z.string().regex(HEADER_NAME, "not a header name"),
      z.string().regex(SECRET_REFERENCE, "not a reference: write env:NAME or file:PATH"),
    )
    .default({})
    .describe(
      "Headers for the collector; each value is a reference to a secret, such as `env:OTLP_KEY`.",
    ),
});

/** The section as the operator writes it, with every default. */
export const telemetrySchema = z.strictObject({
  log: logSchema.prefault({}).describe("The log: one JSON object a line."),
  metrics: metricsSchema.prefault({}).describe("Metrics for Prometheus, on the operator listener."),
  traces: tracesSchema.optional().describe("Spans for OpenTelemetry. Off unless configured."),
});

export type TelemetryConfig = z.infer<typeof telemetrySchema>;
export type MetricsConfig = TelemetryConfig["metrics"];

/** The log's target, a relative path taken from the configuration's directory. */
export function logTarget(
  destination: TelemetryConfig["log"]["destination"],
  directory: string,
): LogTarget {
  if (destination === "stdout") return "stdout";
  return { path: resolve(directory, destination.slice("file:".length)) };
}

function isCollectorUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  const isHttp = url.protocol === "http:" || url.protocol === "https:";
  return isHttp && url.username === "" && url.password === "";
}
