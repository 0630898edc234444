/** The metrics: their exact text, their bounds, and what `promtool` says of them. */
import { execFileSync, spawnSync } from "node:child_process";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Outcome } from "../pipeline/outcome.ts";
import { rejection } from "../pipeline/rejection.ts";
import { contextOf, NOON_MS, routeOf, unmatchedRouteOf } from "../../test/support/context.ts";
import { telemetrySchema } from "./config.ts";
import { METRICS_CONTENT_TYPE, Registry } from "./metric-registry.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { watchProcess } from "./process-metrics.ts";

const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;
if (!hasPromtool)
  console.warn("SKIPPED: promtool is not installed; the metrics' text is not checked by it");

function outcomeOf(changes: Partial<Outcome> = {}): Outcome {
  return {
    context: contextOf(),
    decision: "allow",
    status: 200,
    stage: "upstream",
    code: "ok",
    cause: undefined,
    latencyMs: 12,
    upstreamMs: 11,
    bytesIn: 1,
    bytesOut: 1,
    shadows: [],
    broken: [],
    ...changes,
  };
}

describe("the text of a registry", () => {
  test("is the exposition format to the letter", () => {
    const registry = new Registry();
    registry
      .counter({ name: "a_total", help: "Has \\ and\nlines.", labels: ["x", "y"] })
      .series('q"u\\o\nte', "é")
      .add(2);
    registry.gauge({ name: "b", help: "Bare." }).series().set(-1.5);
    const histogram = registry.histogram(
      { name: "c_seconds", help: "H.", labels: ["r"] },
      [0.1, 1],
    );
    for (const value of [0.1, 0.100_1, 1, 5]) histogram.series("z").observe(value);
    registry.watch("gauge", { name: "d", help: "Read." })(() => Infinity);
    registry.watch("gauge", { name: "e", help: "Nothing yet.", labels: ["l"] })(() => []);
    expect(registry.expose()).toBe(
      [
        "# HELP a_total Has \\\\ and\\nlines.",
        "# TYPE a_total counter",
        'a_total{x="q\\"u\\\\o\\nte",y="é"} 2',
        "# HELP b Bare.",
        "# TYPE b gauge",
        "b -1.5",
        "# HELP c_seconds H.",
        "# TYPE c_seconds histogram",
        'c_seconds_bucket{r="z",le="0.1"} 1',
        'c_seconds_bucket{r="z",le="1"} 3',
        'c_seconds_bucket{r="z",le="+Inf"} 4',
        'c_seconds_sum{r="z"} 6.2001',
        'c_seconds_count{r="z"} 4',
        "# HELP d Read.",
        "# TYPE d gauge",
        "d +Inf",
        "# HELP e Nothing yet.",
        "# TYPE e gauge",
        "",
      ].join("\n"),
    );
    expect(METRICS_CONTENT_TYPE).toBe("text/plain; version=0.0.4; charset=utf-8");
  });

  test("a metric without labels is there from the start, at zero", () => {
    const registry = new Registry();
    registry.counter({ name: "a_total", help: "A." });
    registry.histogram({ name: "h_seconds", help: "H." }, [1]);
    expect(registry.expose()).toContain("\na_total 0\n");
    expect(registry.expose()).toContain('\nh_seconds_bucket{le="+Inf"} 0\n');
  });

  test.each([
    ["a counter without _total", () => new Registry().counter({ name: "a", help: "" })],
    ["a name with a dash", () => new Registry().gauge({ name: "a-b", help: "" })],
    [
      "a label the format keeps",
      () => new Registry().gauge({ name: "a", help: "", labels: ["le"] }),
    ],
    [
      "a missing label value",
      () => new Registry().gauge({ name: "a", help: "", labels: ["x"] }).series(),
    ],
    [
      "a name given twice",
      () => {
        const registry = new Registry();
        registry.gauge({ name: "a", help: "" });
        registry.counter({ name: "a_total", help: "" });
        registry.gauge({ name: "a", help: "" });
      },
    ],
  ])("%s is refused", (_, define) => {
    expect(define).toThrow();
  });

  test("series beyond the limit share one, and nothing is lost from the sum", () => {
    const registry = new Registry(10);
    const family = registry.counter({ name: "a_total", help: "A.", labels: ["x"] });
    for (let i = 0; i < 1_000; i++) family.series(`v${i}`).add();
    const samples = registry
      .expose()
      .split("\n")
      .filter((line) => line.startsWith("a_total"));
    expect(samples).toHaveLength(11);
    expect(samples).toContain('a_total{x="overflow"} 990');
    expect(registry.overflows).toBe(990);
  });

  test("watched readings of the same labels add up until one stops", () => {
    const registry = new Registry();
    const watch = registry.watch("gauge", { name: "g", help: "G.", labels: ["l"] });
    const stop = watch(() => [
      [["a"], 1],
      [["b"], 2],
    ]);
    watch(() => [[["a"], 10]]);
    expect(registry.expose()).toContain('g{l="a"} 11\ng{l="b"} 2\n');
    stop();
    expect(registry.expose()).toContain('g{l="a"} 10\n');
    expect(registry.expose()).not.toContain('l="b"');
  });

  test("a callback that throws is counted and costs only itself", () => {
    const registry = new Registry();
    const watch = registry.watch("gauge", { name: "g", help: "G." });
    watch(() => {
      throw new Error("no");
    });
    watch(() => 3);
    expect(registry.expose()).toContain("\ng 3\n");
    expect(registry.callbackFailures).toBe(1);
  });
});

describe("the gateway's metrics", () => {
  let metrics: Metrics;
  let now = NOON_MS;
  beforeEach(() => {
    now = NOON_MS;
    metrics = createMetrics(telemetrySchema.parse({}).metrics, {
      version: "1.2.3",
      nowMs: () => now,
    });
  });
  afterEach(() => metrics.close());
  const samples = (prefix: string): string[] =>
    metrics
      .expose()
      .split("\n")
      .filter((line) => line.startsWith(prefix));

  test("count requests by route, model, version, status class, stage and code", () => {
    metrics.record(outcomeOf());
    metrics.record(outcomeOf());
    metrics.record(outcomeOf({ status: 503 }));
    metrics.record(
      outcomeOf({
        decision: "deny",
        status: 403,
        stage: "authorization",
        code: "authorization.no_grant",
        upstreamMs: undefined,
      }),
    );
    metrics.record(
      outcomeOf({
        context: { ...contextOf(), route: unmatchedRouteOf() },
        status: 404,
        stage: "router",
        code: "router.not_found",
      }),
    );
    metrics.record(outcomeOf({ status: 499, stage: "listener", code: "listener.caller_gone" }));
    const churn = 'route="churn.v2.predict",model="churn",version="v2"';
    expect(samples("portcullis_requests_total")).toEqual([
      `portcullis_requests_total{${churn},status_class="2xx",stage="upstream",code="ok"} 2`,
      `portcullis_requests_total{${churn},status_class="5xx",stage="upstream",code="ok"} 1`,
      `portcullis_requests_total{${churn},status_class="4xx",stage="authorization",code="authorization.no_grant"} 1`,
      'portcullis_requests_total{route="unmatched",model="",version="",status_class="4xx",stage="router",code="router.not_found"} 1',
      `portcullis_requests_total{${churn},status_class="4xx",stage="listener",code="listener.caller_gone"} 1`,
    ]);
  });

  test("measure total, own and upstream time, upstream only where something was sent", () => {
    metrics.record(outcomeOf({ latencyMs: 12, upstreamMs: 11.5 }));
    metrics.record(outcomeOf({ latencyMs: 1, upstreamMs: undefined }));
    metrics.record(outcomeOf({ latencyMs: 5, upstreamMs: 5.01 }));
    const labels = '{route="churn.v2.predict",model="churn",version="v2"}';
    expect(samples("portcullis_request_duration_seconds_sum")[0]).toBe(
      `portcullis_request_duration_seconds_sum${labels} ${0.012 + 0.001 + 0.005}`,
    );
    expect(samples("portcullis_own_duration_seconds_sum")[0]).toBe(
      `portcullis_own_duration_seconds_sum${labels} ${0.0005 + 0.001}`,
    );
    expect(samples("portcullis_upstream_duration_seconds_count")[0]).toBe(
      `portcullis_upstream_duration_seconds_count${labels} 2`,
    );
  });

  test("go on counting over a reload that makes the same route anew", () => {
    metrics.record(outcomeOf());
    metrics.record(outcomeOf({ context: { ...contextOf(), route: routeOf() } }));
    expect(samples("portcullis_requests_total")).toEqual([expect.stringMatching(/ 2$/)]);
  });

  test("count shadow verdicts, broken stages and malformed requests", () => {
    metrics.record(
      outcomeOf({
        shadows: [
          { stage: "sources", code: "sources.address_denied" },
          { stage: "headers", code: "answered" },
        ],
        broken: [{ stage: "limits", cause: "down" }],
      }),
    );
    metrics.malformed({
      listener: "public",
      address: "::1",
      rejection: rejection("listener.malformed_request"),
    });
    expect(samples("portcullis_shadow_verdicts_total")).toEqual([
      'portcullis_shadow_verdicts_total{stage="sources",code="sources.address_denied"} 1',
      'portcullis_shadow_verdicts_total{stage="headers",code="answered"} 1',
    ]);
    expect(samples("portcullis_stage_broken_total")).toEqual([
      'portcullis_stage_broken_total{stage="limits"} 1',
    ]);
    expect(samples("portcullis_malformed_requests_total")).toEqual([
      'portcullis_malformed_requests_total{listener="public",code="listener.malformed_request"} 1',
    ]);
  });

  test("know requests in flight, connections, upstreams, reloads and the build", () => {
    metrics.inFlight.start();
    metrics.inFlight.start();
    metrics.inFlight.stop();
    metrics.watch("connections", () => [[["public"], 12]]);
    metrics.watch("upstreamInFlight", () => [[["churn-v2"], 3]]);
    now += 5_000;
    metrics.configReloaded("success");
    now += 5_000;
    metrics.configReloaded("failure");
    const text = metrics.expose();
    expect(text).toContain("\nportcullis_requests_in_flight 1\n");
    expect(text).toContain('\nportcullis_connections{listener="public"} 12\n');
    expect(text).toContain('\nportcullis_upstream_in_flight{upstream="churn-v2"} 3\n');
    expect(text).toContain('\nportcullis_config_reloads_total{result="success"} 1\n');
    expect(text).toContain('\nportcullis_config_reloads_total{result="failure"} 1\n');
    expect(text).toContain(
      `\nportcullis_config_last_success_timestamp_seconds ${NOON_MS / 1_000 + 5}\n`,
    );
    expect(text).toContain('\nportcullis_build_info{version="1.2.3",node_version="');
  });

  test("nothing a caller says becomes a label", () => {
    const context = contextOf({
      method: "CANARY",
      path: "/CANARY",
      query: "CANARY",
      authority: "CANARY",
      callerAddress: "CANARY",
      requestId: "CANARY",
      headers: { "x-canary": "CANARY" },
      params: { name: "CANARY" },
      body: "CANARY",
    });
    metrics.record(
      outcomeOf({ context, cause: "CANARY", broken: [{ stage: "limits", cause: "CANARY" }] }),
    );
    expect(metrics.expose()).not.toContain("CANARY");
  });

  test("an upstream's impossible status makes no new series", () => {
    for (const status of [600, 999, 42, Number.NaN]) metrics.record(outcomeOf({ status }));
    expect(samples("portcullis_requests_total")).toHaveLength(1);
  });

  test.skipIf(!hasPromtool)("promtool finds nothing to say", () => {
    metrics.record(
      outcomeOf({
        shadows: [{ stage: "headers", code: "answered" }],
        broken: [{ stage: "limits", cause: "x" }],
      }),
    );
    metrics.malformed({
      listener: 'we"ird\\\n',
      address: "::1",
      rejection: rejection("listener.malformed_request"),
    });
    metrics.configReloaded("failure");
    metrics.watch("connections", () => [[["public"], 12]]);
    metrics.watch("upstreamQueued", () => [[["churn"], 0]]);
    metrics.watch("recorderFailures", () => [[["log"], 0]]);
    for (const what of [
      "logLinesDropped",
      "logWriteFailures",
      "spansDropped",
      "spansExported",
    ] as const)
      metrics.watch(what, () => 0);
    const said = execFileSync("promtool", ["check", "metrics"], {
      input: metrics.expose(),
      encoding: "utf8",
      stdio: ["pipe", "pipe", "pipe"],
    });
    expect(said).toBe("");
  });
});

describe("the process", () => {
  test("tells CPU, memory, descriptors and how busy the event loop was", async () => {
    const registry = new Registry();
    const stop = watchProcess(registry, 50);
    const until = performance.now() + 200;
    while (performance.now() < until) JSON.stringify({ busy: true });
    await new Promise((resolve) => setTimeout(resolve, 120));
    const values = new Map(
      registry
        .expose()
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("#"))
        .map((line) => [line.split(" ")[0] as string, Number(line.split(" ")[1])] as const),
    );
    stop();
    expect(values.get("process_cpu_seconds_total")).toBeGreaterThan(0.1);
    expect(values.get("process_resident_memory_bytes")).toBeGreaterThan(10_000_000);
    expect(values.get("process_open_fds")).toBeGreaterThan(2);
    expect(values.get("process_max_fds")).toBeGreaterThan(10);
    expect(values.get("nodejs_heap_size_used_bytes")).toBeGreaterThan(1_000_000);
    expect(
      Math.abs((values.get("process_start_time_seconds") ?? 0) - Date.now() / 1_000),
    ).toBeLessThan(3_600);
    for (const name of [
      "lag_mean_seconds",
      "lag_p99_seconds",
      "lag_max_seconds",
      "utilization_ratio",
    ])
      expect(values.get(`nodejs_eventloop_${name}`), name).toBeGreaterThanOrEqual(0);
    expect(values.get("nodejs_eventloop_active_seconds_total")).toBeGreaterThan(0.1);
  });
});
