/**
 * Sends lines to a collector as OTLP log records over HTTP. The OpenTelemetry packages are optional: where no collector is
 * configured none of them is even loaded.
 */
import type { ReadableLogRecord } from "@opentelemetry/sdk-logs";
import type { LineSink } from "./line-feed.ts";
import { severityOf, summaryOf } from "./line-summary.ts";
import { OutwardError } from "./outward-error.ts";
import type { TailLine } from "./durable-tail.ts";

/** Longest time for one message, the exporter's own retries included. */
export const DEFAULT_OTLP_LIMIT_MS = 10_000;

export interface OtlpOptions {
  /** The collector's URL for logs: `https://collector:4318/v1/logs`. */
  readonly url: string;
  /** Asked for each message, so that rotated credentials are used. */
  readonly headers?: () => Record<string, string> | Promise<Record<string, string>>;
  /** The gateway's version and id, for the resource of every record. */
  readonly version: string;
  readonly gateway: string;
  readonly limitMs?: number;
}

type Severity = NonNullable<ReadableLogRecord["severityNumber"]>;

/** OpenTelemetry, "Logs Data Model", field SeverityNumber. */
const SEVERITIES = {
  info: { number: 9 as unknown as Severity, text: "INFO" },
  notice: { number: 10 as unknown as Severity, text: "INFO2" },
  warning: { number: 13 as unknown as Severity, text: "WARN" },
  error: { number: 17 as unknown as Severity, text: "ERROR" },
  alert: { number: 19 as unknown as Severity, text: "ERROR3" },
};

/** Success, in the numbers of `ExportResultCode`; its package is not one of ours. */
const EXPORT_SUCCESS = 0;
const TRACE_ID = /^(?!0{32})[0-9a-f]{32}$/;
const MICROSECONDS = /\.(\d{6})Z$/;

/** Throws `otlp.missing_package`, which says what to install. */
export async function createOtlpSink(options: OtlpOptions): Promise<LineSink> {
  const [{ OTLPLogExporter }, { resourceFromAttributes }] = await importOpenTelemetry();
  const exporter = new OTLPLogExporter({
    url: options.url,
    timeoutMillis: options.limitMs ?? DEFAULT_OTLP_LIMIT_MS,
    ...(options.headers && { headers: async () => options.headers?.() ?? {} }),
  });
  const origin = {
    resource: resourceFromAttributes({
      "service.name": "portcullis",
      "service.version": options.version,
      "service.instance.id": options.gateway,
    }),
    instrumentationScope: { name: "portcullis.ledger", version: options.version },
  };
  return {
    settleMs: 0,
    onBroken: undefined,
    send: (lines) =>
      new Promise((resolve, reject) => {
        exporter.export(
          lines.map((line) => logRecordOf(line, origin)),
          ({ code, error }) => {
            if ((code as unknown) === EXPORT_SUCCESS) return resolve();
            reject(refusalOf(options.url, error));
          },
        );
      }),
    close: () =>
      exporter.shutdown().then(
        () => true,
        () => false,
      ),
  };
}

function logRecordOf(
  { line, bytes }: TailLine,
  origin: Pick<ReadableLogRecord, "resource" | "instrumentationScope">,
): ReadableLogRecord {
  const severity = SEVERITIES[severityOf(line)];
  const traceId = line.value["trace_id"];
  const summary = Object.entries(summaryOf(line)).map(([name, value]) => [
    `portcullis.${name}`,
    value,
  ]);
  return {
    hrTime: hrTimeOf(line.ts),
    hrTimeObserved: hrTimeOf(new Date().toISOString()),
    severityNumber: severity.number,
    severityText: severity.text,
    eventName: `portcullis.ledger.${line.kind}`,
    body: bytes.toString("utf8"),
    attributes: Object.fromEntries(summary) as ReadableLogRecord["attributes"],
    droppedAttributesCount: 0,
    // The record belongs to the request's trace; the ledger does not know a span.
    ...(typeof traceId === "string" &&
      TRACE_ID.test(traceId) && { spanContext: { traceId, spanId: "", traceFlags: 0 } }),
    ...origin,
  };
}

/** Seconds and nanoseconds; a line's time has microseconds, which `Date` has not. */
function hrTimeOf(ts: string): [number, number] {
  const ms = Date.parse(ts);
  const digits = MICROSECONDS.exec(ts)?.[1];
  return [
    Math.floor(ms / 1_000),
    digits === undefined ? (ms % 1_000) * 1_000_000 : Number(digits) * 1_000,
  ];
}

function refusalOf(url: string, cause: Error | undefined): OutwardError {
  return new OutwardError(
    "otlp.refused",
    `the collector at ${new URL(url).origin} did not take the lines: ${cause?.message ?? "no reason given"}`,
    { cause },
  );
}

function importOpenTelemetry() {
  return Promise.all([
    import("@opentelemetry/exporter-logs-otlp-http"),
    import("@opentelemetry/resources"),
  ]).catch((error: unknown) => {
    throw new OutwardError(
      "otlp.missing_package",
      "OTLP logs of the ledger need the optional packages @opentelemetry/exporter-logs-otlp-http, @opentelemetry/sdk-logs and @opentelemetry/resources; install them or remove the section",
      { cause: error },
    );
  });
}
