/** Metrics of the process itself: CPU, memory, descriptors and how busy the event loop is. Read at scrapes only. */
import { readdirSync, readFileSync } from "node:fs";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import type { Registry } from "./metric-registry.ts";

/** Resolution of the delay histogram. Finer costs more wake-ups than it tells. */
const DELAY_RESOLUTION_MS = 20;

/**
 * Lag and utilisation are those of the last whole window, whoever scrapes and however often: two scrapers must not
 * reset each other's figures.
 */
export const DEFAULT_SATURATION_WINDOW_MS = 10_000;

const MICROS_PER_SECOND = 1e6;
const NANOS_PER_SECOND = 1e9;
const MILLIS_PER_SECOND = 1e3;

/** Defines the metrics; returns how to stop measuring. */
export function watchProcess(
  registry: Registry,
  windowMs: number = DEFAULT_SATURATION_WINDOW_MS,
): () => void {
  const gauge = (name: string, help: string, read: () => number): void => {
    registry.watch("gauge", { name, help })(read);
  };
  const counter = (name: string, help: string, read: () => number): void => {
    registry.watch("counter", { name, help })(read);
  };
  watchResources(gauge, counter);
  const loop = new LoopWindow(windowMs);
  gauge("nodejs_eventloop_lag_mean_seconds", "Mean lag of the event loop.", () => loop.meanSeconds);
  gauge(
    "nodejs_eventloop_lag_p99_seconds",
    "Lag of the event loop, 99th percentile.",
    () => loop.p99Seconds,
  );
  gauge(
    "nodejs_eventloop_lag_max_seconds",
    "Longest lag of the event loop.",
    () => loop.maxSeconds,
  );
  gauge(
    "nodejs_eventloop_utilization_ratio",
    "Share of the time in which the event loop was busy.",
    () => loop.utilization,
  );
  counter(
    "nodejs_eventloop_active_seconds_total",
    "Time in which the event loop was busy.",
    () => performance.eventLoopUtilization().active / MILLIS_PER_SECOND,
  );
  return () => loop.stop();
}

type Define = (name: string, help: string, read: () => number) => void;

function watchResources(gauge: Define, counter: Define): void {
  const startSeconds = Date.now() / MILLIS_PER_SECOND - process.uptime();
  counter(
    "process_cpu_user_seconds_total",
    "CPU time in user mode.",
    () => process.cpuUsage().user / MICROS_PER_SECOND,
  );
  counter(
    "process_cpu_system_seconds_total",
    "CPU time in the kernel.",
    () => process.cpuUsage().system / MICROS_PER_SECOND,
  );
  counter("process_cpu_seconds_total", "CPU time in all.", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / MICROS_PER_SECOND;
  });
  gauge(
    "process_start_time_seconds",
    "Start of the process, seconds since the epoch.",
    () => startSeconds,
  );
  gauge("process_resident_memory_bytes", "Resident memory.", () => process.memoryUsage.rss());
  gauge("process_open_fds", "Open file descriptors.", countDescriptors);
  const maxDescriptors = descriptorLimit();
  gauge("process_max_fds", "Most file descriptors the process may open.", () => maxDescriptors);
  gauge("nodejs_heap_size_used_bytes", "Heap in use.", () => process.memoryUsage().heapUsed);
  gauge("nodejs_heap_size_total_bytes", "Heap reserved.", () => process.memoryUsage().heapTotal);
  gauge(
    "nodejs_external_memory_bytes",
    "Memory of buffers and native objects.",
    () => process.memoryUsage().external,
  );
}

/** How busy the loop was in the last whole window. */
class LoopWindow {
  readonly #delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
  readonly #timer: NodeJS.Timeout;
  #last = performance.eventLoopUtilization();
  meanSeconds = 0;
  p99Seconds = 0;
  maxSeconds = 0;
  utilization = 0;

  constructor(windowMs: number) {
    this.#delay.enable();
    this.#timer = setInterval(() => this.#roll(), windowMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#delay.disable();
  }

  #roll(): void {
    // The histogram holds whole intervals: what goes beyond the resolution is lag.
    const lag = (nanos: number): number =>
      Number.isFinite(nanos)
        ? Math.max(0, nanos / NANOS_PER_SECOND - DELAY_RESOLUTION_MS / MILLIS_PER_SECOND)
        : 0;
    this.meanSeconds = lag(this.#delay.mean);
    this.p99Seconds = lag(this.#delay.percentile(99));
    this.maxSeconds = lag(this.#delay.max);
    this.#delay.reset();
    const now = performance.eventLoopUtilization();
    this.utilization = performance.eventLoopUtilization(now, this.#last).utilization;
    this.#last = now;
  }
}

/** Where there is no /proc the figure is not a number, which says so. */
function countDescriptors(): number {
  try {
    return readdirSync("/proc/self/fd").length - 1;
  } catch {
    return Number.NaN;
  }
}

function descriptorLimit(): number {
  try {
    const row = /^Max open files\s+(\d+|unlimited)/m.exec(
      readFileSync("/proc/self/limits", "utf8"),
    );
    return row?.[1] === "unlimited" ? Infinity : Number(row?.[1] ?? Number.NaN);
  } catch {
    return Number.NaN;
  }
}
