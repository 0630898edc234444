/** Spans as a collector receives them: a real OTLP/HTTP sink on loopback. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Outcome } from "../pipeline/outcome.ts";
import { contextOf, NOON_MS, TEST_TRACE, unmatchedRouteOf } from "../../test/support/context.ts";
import { createSampler } from "./sampling.ts";
import { createTraces, type Traces, type TracesConfig, type TracesOptions } from "./traces.ts";

interface OtlpSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  status: { code: number };
  attributes: { key: string; value: Record<string, unknown> }[];
}

interface OtlpMessage {
  resourceSpans: {
    resource: { attributes: OtlpSpan["attributes"] };
    scopeSpans: { spans: OtlpSpan[] }[];
  }[];
}

let sink: Server;
let messages: OtlpMessage[];
let heads: { url: string | undefined; headers: IncomingHttpHeaders }[];
let answerStatus: number | "never";
let traces: Traces | undefined;

beforeEach(async () => {
  messages = [];
  heads = [];
  answerStatus = 200;
  sink = createServer(async (request, response) => {
    heads.push({ url: request.url, headers: request.headers });
    messages.push((await json(request)) as OtlpMessage);
    if (answerStatus === "never") return;
    response.writeHead(answerStatus, { "content-type": "application/json" }).end("{}");
  }).listen(0, "127.0.0.1");
  await once(sink, "listening");
});
afterEach(async () => {
  await traces?.close();
  traces = undefined;
  sink.closeAllConnections();
  sink.close();
});

async function open(
  changes: Partial<TracesConfig> = {},
  options: Partial<TracesOptions> = {},
): Promise<Traces> {
  traces = await createTraces(
    {
      otlp: `http://127.0.0.1:${(sink.address() as AddressInfo).port}/v1/traces`,
      sampling: { ratio: 1, followCaller: false },
      headers: {},
      ...changes,
    },
    { version: "1.2.3", exportTimeoutMs: 500, ...options },
  );
  return traces;
}

function outcomeOf(changes: Partial<Outcome> = {}): Outcome {
  return {
    context: contextOf(),
    decision: "allow",
    status: 200,
    stage: "upstream",
    code: "ok",
    cause: undefined,
    latencyMs: 12.5,
    upstreamMs: 11,
    bytesIn: 1,
    bytesOut: 1,
    shadows: [],
    broken: [],
    ...changes,
  };
}

const spans = (): OtlpSpan[] =>
  messages.flatMap(({ resourceSpans }) =>
    resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)),
  );
const attributesOf = (list: OtlpSpan["attributes"]): Record<string, unknown> =>
  Object.fromEntries(list.map(({ key, value }) => [key, Object.values(value)[0]]));

describe("a span", () => {
  test("bears the request's own ids, its parent, times and the conventions' names", async () => {
    const opened = await open({ headers: { "x-collector-key": "s3cret" } });
    const context = contextOf({
      authority: "gateway.example:8443",
      trace: { ...TEST_TRACE, parentSpanId: "00f067aa0ba902b7", state: "vendor=CANARY" },
    });
    opened.record(
      outcomeOf({ context, shadows: [{ stage: "sources", code: "sources.address_denied" }] }),
    );
    await opened.flush();
    const [span] = spans() as [OtlpSpan];
    expect(span).toMatchObject({
      traceId: TEST_TRACE.traceId,
      spanId: TEST_TRACE.spanId,
      parentSpanId: "00f067aa0ba902b7",
      name: "POST /churn/v2/predict",
      kind: 2,
      startTimeUnixNano: `${NOON_MS}000000`,
      endTimeUnixNano: `${NOON_MS + 12}500000`,
      status: { code: 0 },
    });
    expect(attributesOf(span.attributes)).toEqual({
      "http.request.method": "POST",
      "http.route": "/churn/v2/predict",
      "http.response.status_code": 200,
      "url.scheme": "https",
      "server.address": "gateway.example",
      "server.port": 8443,
      "network.protocol.name": "http",
      "network.protocol.version": "1.1",
      "portcullis.decision": "allow",
      "portcullis.stage": "upstream",
      "portcullis.code": "ok",
      "portcullis.route": "churn.v2.predict",
      "portcullis.model": "churn",
      "portcullis.version": "v2",
      "portcullis.request_id": "req-1",
      "portcullis.upstream_duration_ms": 11,
      "portcullis.shadow_codes": { values: [{ stringValue: "sources.address_denied" }] },
    });
    expect(attributesOf(messages[0]?.resourceSpans[0]?.resource.attributes ?? [])).toMatchObject({
      "service.name": "portcullis",
      "service.version": "1.2.3",
    });
    expect(heads[0]).toMatchObject({ url: "/v1/traces", headers: { "x-collector-key": "s3cret" } });
    expect(opened.exportedSpans).toBe(1);
  });

  test("has no parent where the trace begins here", async () => {
    const opened = await open();
    opened.record(outcomeOf());
    await opened.flush();
    expect(spans()[0]?.parentSpanId).toBeUndefined();
  });

  test.each([
    [
      "a refusal is no error",
      outcomeOf({ decision: "deny", status: 403, code: "authorization.no_grant" }),
      0,
      undefined,
    ],
    [
      "a bad upstream is one, named by its code",
      outcomeOf({ decision: "error", status: 502, code: "upstream.unreachable" }),
      2,
      "upstream.unreachable",
    ],
    ["an upstream's own 500 is named by its status", outcomeOf({ status: 500 }), 2, "500"],
  ])("%s", async (_, outcome, code, errorType) => {
    const opened = await open();
    opened.record(outcome);
    await opened.flush();
    const [span] = spans() as [OtlpSpan];
    expect(span.status.code).toBe(code);
    expect(attributesOf(span.attributes)["error.type"]).toBe(errorType);
  });

  test("is not named by anything a caller says", async () => {
    const opened = await open();
    const context = contextOf({
      method: "CANARY",
      path: "/CANARY",
      query: "CANARY",
      headers: { a: "CANARY" },
    });
    opened.record(
      outcomeOf({ context: { ...context, route: unmatchedRouteOf() }, cause: "CANARY" }),
    );
    await opened.flush();
    expect(spans()[0]?.name).toBe("HTTP");
    expect(attributesOf(spans()[0]?.attributes ?? [])["http.request.method"]).toBe("_OTHER");
    expect(JSON.stringify(messages)).not.toContain("CANARY");
  });
});

describe("a collector", () => {
  test("gets spans in batches without being asked to", async () => {
    const opened = await open({}, { exportIntervalMs: 20 });
    for (let i = 0; i < 1_000; i++) opened.record(outcomeOf());
    await expect.poll(() => spans().length).toBe(1_000);
    expect(messages.length).toBeLessThan(10);
  });

  test("that never answers costs a bounded queue; what does not fit is counted", async () => {
    answerStatus = "never";
    const opened = await open({}, { queueLimit: 100, exportIntervalMs: 10 });
    for (let i = 0; i < 1_000; i++) opened.record(outcomeOf());
    // One batch is on its way and another fills the queue.
    expect(opened.droppedSpans).toBe(800);
    await opened.close();
    expect(opened.droppedSpans).toBe(1_000);
    expect(opened.exportedSpans).toBe(0);
  });

  test("that refuses is counted and never throws", async () => {
    answerStatus = 400;
    const opened = await open();
    opened.record(outcomeOf());
    await opened.flush();
    expect(opened.droppedSpans).toBe(1);
  });

  test("gets what waits when the gateway closes", async () => {
    const opened = await open();
    opened.record(outcomeOf());
    await opened.close();
    expect(spans()).toHaveLength(1);
  });
});

describe("sampling", () => {
  const traceOf = (i: number) => ({
    // Digits spread by a multiplication, so that the test is the same each time.
    traceId: `${"0".repeat(16)}${((BigInt(i) * 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn).toString(16).padStart(16, "0")}`,
    isSampled: false,
  });

  test.each([0, 0.1, 0.5, 1])("a ratio of %d takes that share", (ratio) => {
    const isTraced = createSampler({ ratio, followCaller: false });
    const taken = Array.from({ length: 10_000 }, (_, i) => isTraced(traceOf(i + 1))).filter(
      Boolean,
    ).length;
    expect(Math.abs(taken / 10_000 - ratio)).toBeLessThan(0.02);
  });

  test.each([
    [true, true, true, true],
    [true, true, false, false],
    [true, false, true, false],
    [false, true, true, false],
  ])(
    "followCaller %s, begun by the caller %s, its flag %s: %s",
    (followCaller, hasParent, isSampled, isTaken) => {
      const isTraced = createSampler({ ratio: 0, followCaller });
      expect(
        isTraced({ traceId: "f".repeat(32), isSampled, ...(hasParent && { parentSpanId: "1" }) }),
      ).toBe(isTaken);
    },
  );

  test("a trace id that is none is not sampled", () => {
    expect(
      createSampler({ ratio: 0.5, followCaller: false })({ traceId: "zz", isSampled: true }),
    ).toBe(false);
  });

  test("what is not sampled is not sent", async () => {
    const opened = await open({ sampling: { ratio: 0, followCaller: false } });
    opened.record(outcomeOf());
    await opened.flush();
    expect(messages).toHaveLength(0);
  });
});

test("nothing of OpenTelemetry is loaded until traces are created", () => {
  const rooms = ["traces.ts", "recorder.ts", "config.ts"].map(
    (name) => new URL(name, import.meta.url).href,
  );
  const program = `
    import { registerHooks } from "node:module";
    const seen = [];
    registerHooks({ load(url, context, next) { seen.push(url); return next(url, context); } });
    for (const room of ${JSON.stringify(rooms)}) await import(room);
    console.log(seen.some((url) => url.includes("opentelemetry")), seen.length > 3);`;
  const said = execFileSync(process.execPath, ["--input-type=module", "--eval", program], {
    encoding: "utf8",
  });
  expect(said.trim()).toBe("false true");
});
