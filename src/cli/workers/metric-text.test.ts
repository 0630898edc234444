/** Metrics of several processes as one: what is added up, what is not, and that nothing ever counts back. */
import { describe, expect, test } from "vitest";
import { Registry } from "../../telemetry/metric-registry.ts";
import {
  keepCounts,
  readMetricText,
  sumOfMetrics,
  writeMetricText,
  type MetricFamilies,
} from "./metric-text.ts";

const familiesOf = (define: (registry: Registry) => void): MetricFamilies => {
  const registry = new Registry();
  define(registry);
  return readMetricText(registry.expose());
};

const linesOf = (families: MetricFamilies): string[] =>
  writeMetricText(families)
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));

test("text that was read is written as it was", () => {
  const registry = new Registry();
  registry
    .counter({ name: "a_total", help: 'A \\ "b".', labels: ["x"] })
    .series('q "\\ \n')
    .add(3);
  registry.histogram({ name: "h_seconds", help: "H." }, [0.5, 1]).series().observe(0.7);
  registry.watch("gauge", { name: "g", help: "G." })(() => Infinity);
  registry.watch("gauge", { name: "n", help: "N." })(() => Number.NaN);
  const text = registry.expose();
  expect(writeMetricText(readMetricText(text))).toBe(text);
});

test("counters and histograms are added up, label by label", () => {
  const worker = (requests: number, seconds: number) =>
    familiesOf((registry) => {
      const counter = registry.counter({ name: "a_total", help: "A.", labels: ["route"] });
      counter.series("all").add(requests);
      counter.series(`only-${requests}`).add(1);
      registry.histogram({ name: "h_seconds", help: "H." }, [1]).series().observe(seconds);
    });
  expect(linesOf(sumOfMetrics([worker(3, 0.5), worker(4, 2)]))).toEqual([
    'a_total{route="all"} 7',
    'a_total{route="only-3"} 1',
    'a_total{route="only-4"} 1',
    'h_seconds_bucket{le="1"} 1',
    'h_seconds_bucket{le="+Inf"} 2',
    "h_seconds_sum 2.5",
    "h_seconds_count 2",
  ]);
});

describe("a gauge", () => {
  test.each([
    ["portcullis_connections", 3, 4, 7],
    ["process_resident_memory_bytes", 10, 20, 30],
    ["portcullis_build_info", 1, 1, 1],
    ["portcullis_ledger_writing", 1, 0, 0],
    ["panic_active", 0, 1, 1],
    ["process_start_time_seconds", 100, 90, 90],
    ["process_open_fds", 10, 30, 30],
    ["portcullis_limits_remaining_ratio", 0.5, 0.25, 0.25],
    ["portcullis_kill_switches", 2, 2, 2],
    ["process_max_fds", 1024, 512, 512],
    ["nodejs_eventloop_utilization_ratio", 0.2, 0.9, 0.9],
    ["nodejs_eventloop_lag_p99_seconds", 0.01, 0.2, 0.2],
    ["portcullis_config_last_success_timestamp_seconds", 5, 4, 4],
    ["portcullis_ledger_outward_oldest_pending_seconds", 5, 60, 60],
  ])("%s of %d and %d is %d", (name, first, second, together) => {
    const gauge = (value: number) =>
      familiesOf((registry) => registry.watch("gauge", { name, help: "" })(() => value));
    expect(linesOf(sumOfMetrics([gauge(first), gauge(second)]))).toEqual([`${name} ${together}`]);
  });
});

test("what the dead counted stays, and their gauges go", () => {
  const process = (count: number, connections: number) =>
    familiesOf((registry) => {
      registry.counter({ name: "a_total", help: "A." }).series().add(count);
      registry.gauge({ name: "portcullis_connections", help: "C." }).series().set(connections);
    });
  const dead: MetricFamilies = new Map();
  keepCounts(dead, process(5, 9));
  keepCounts(dead, process(6, 9));
  expect(linesOf(sumOfMetrics([process(1, 2), dead]))).toEqual([
    "a_total 12",
    "portcullis_connections 2",
  ]);
});
