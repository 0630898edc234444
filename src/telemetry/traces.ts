/**
 * One server span for each traced request, sent in batches to a collector by OTLP over HTTP. It must never hold free
 * text, a raw path or who the caller is; and where no collector is configured none of it is even imported.
 */
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import type { Outcome } from "../pipeline/outcome.ts";
import { createSampler, type SamplingConfig } from "./sampling.ts";
import { spanOf, type SpanOrigin } from "./server-span.ts";

/** Spans that wait for the collector, beside the one message on its way. Raised, a dead collector costs that much more memory (about 2 KB a span). */
export const DEFAULT_SPAN_QUEUE_LIMIT = 2_048;

/** Spans in one message to the collector. */
const BATCH_SPANS = 512;

/** Longest time a span waits for its batch to fill. */
export const DEFAULT_EXPORT_INTERVAL_MS = 5_000;

/** Longest time for one message, its retries included. */
export const DEFAULT_EXPORT_TIMEOUT_MS = 10_000;

/** Longest time `close` waits for the collector before it gives the rest up. */
const CLOSE_TIMEOUT_MS = 3_000;

/** The processor must not give up on a message before the exporter has told what became of it. */
const EXPORT_MARGIN_MS = 1_000;

export interface TracesConfig {
  /** The collector's URL for traces. */
  readonly otlp: string;
  readonly sampling: SamplingConfig;
  /** Headers for the collector, secrets already resolved. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface TracesOptions {
  /** The gateway's version, for the resource of every span. */
  readonly version: string;
  readonly queueLimit?: number;
  readonly exportIntervalMs?: number;
  readonly exportTimeoutMs?: number;
}

export interface Traces {
  record(outcome: Outcome): void;
  /** Sends what waits; settles when that is done or has failed, never rejects. */
  flush(): Promise<void>;
  close(): Promise<void>;
  readonly exportedSpans: number;
  readonly droppedSpans: number;
}

/** Loads OpenTelemetry and connects it. Rejects with what to install when the packages are missing. */
export async function createTraces(config: TracesConfig, options: TracesOptions): Promise<Traces> {
  const [{ BatchSpanProcessor }, { OTLPTraceExporter }, { resourceFromAttributes }] =
    await importOpenTelemetry();
  const exportTimeoutMillis = options.exportTimeoutMs ?? DEFAULT_EXPORT_TIMEOUT_MS;
  const queueLimit = options.queueLimit ?? DEFAULT_SPAN_QUEUE_LIMIT;
  const counted = new CountedExporter(
    new OTLPTraceExporter({
      url: config.otlp,
      headers: { ...config.headers },
      timeoutMillis: exportTimeoutMillis,
    }),
  );
  const processor = new BatchSpanProcessor({
    exporter: counted,
    maxQueueSize: queueLimit,
    maxExportBatchSize: Math.min(BATCH_SPANS, queueLimit),
    scheduledDelayMillis: options.exportIntervalMs ?? DEFAULT_EXPORT_INTERVAL_MS,
    exportTimeoutMillis: exportTimeoutMillis + EXPORT_MARGIN_MS,
  });
  const origin: SpanOrigin = {
    resource: resourceFromAttributes({
      "service.name": "portcullis",
      "service.version": options.version,
    }),
    instrumentationScope: { name: "portcullis", version: options.version },
  };
  const isTraced = createSampler(config.sampling);
  let queueDrops = 0;
  return {
    record: (outcome) => {
      if (!isTraced(outcome.context.request.trace)) return;
      // The processor bounds its queue too, but drops without telling.
      if (counted.waiting >= queueLimit) {
        queueDrops++;
        return;
      }
      counted.waiting++;
      processor.onEnd(spanOf(outcome, origin));
    },
    flush: () => processor.forceFlush().catch(() => undefined),
    close: () =>
      atMost(
        CLOSE_TIMEOUT_MS,
        // A failed last message ends the processor's own way down before it closes the exporter.
        processor
          .shutdown()
          .catch(() => undefined)
          .then(() => counted.shutdown())
          .catch(() => undefined),
      ),
    get exportedSpans() {
      return counted.exported;
    },
    get droppedSpans() {
      return queueDrops + counted.failed;
    },
  };
}

async function atMost(limitMs: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([work, limit]);
  clearTimeout(timer);
}

function importOpenTelemetry() {
  return Promise.all([
    import("@opentelemetry/sdk-trace"),
    import("@opentelemetry/exporter-trace-otlp-http"),
    import("@opentelemetry/resources"),
  ]).catch((error: unknown) => {
    throw new Error(
      "telemetry.traces needs the optional packages @opentelemetry/sdk-trace, @opentelemetry/exporter-trace-otlp-http and @opentelemetry/resources; install them or remove the section",
      { cause: error },
    );
  });
}

/** Success, in the numbers of `ExportResultCode`; its package is not one of ours. */
const EXPORT_SUCCESS = 0;

/** Passes spans on and counts what became of them. */
class CountedExporter implements SpanExporter {
  readonly #inner: SpanExporter;
  /** Spans handed to the processor and not yet given to the collector. */
  waiting = 0;
  exported = 0;
  failed = 0;

  constructor(inner: SpanExporter) {
    this.#inner = inner;
  }

  export(spans: ReadableSpan[], done: Parameters<SpanExporter["export"]>[1]): void {
    this.waiting -= spans.length;
    this.#inner.export(spans, (result) => {
      if ((result.code as unknown) === EXPORT_SUCCESS) this.exported += spans.length;
      else this.failed += spans.length;
      done(result);
    });
  }

  async shutdown(): Promise<void> {
    await this.#inner.shutdown();
  }

  async forceFlush(): Promise<void> {
    await this.#inner.forceFlush?.();
  }
}
