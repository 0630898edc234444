import { describe, expect, test } from "vitest";
import { requestIds, type IdHeaders } from "./request-ids.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const ids = (headers: Partial<IdHeaders>, isRecorded: (traceId: string) => boolean = () => false) =>
  requestIds(
    {
      requestId: undefined,
      correlationId: undefined,
      traceparent: undefined,
      tracestate: undefined,
      ...headers,
    },
    isRecorded,
  );

describe("request ids", () => {
  test("are made when none is given, and never twice", () => {
    const many = Array.from({ length: 5000 }, () => ids({}));
    expect(new Set(many.map(({ requestId }) => requestId)).size).toBe(5000);
    expect(new Set(many.map(({ trace }) => trace.spanId)).size).toBe(5000);
    expect(many[0]).toMatchObject({
      requestId: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      correlationId: many[0]?.requestId,
      trace: { traceId: expect.stringMatching(/^[0-9a-f]{32}$/) as string, isSampled: false },
    });
  });

  test("say that a trace begun here is recorded exactly when it will be", () => {
    const asked: string[] = [];
    const { trace } = ids({}, (traceId) => asked.push(traceId) > 0);
    expect(trace.isSampled).toBe(true);
    expect(asked).toEqual([trace.traceId]);
  });

  test.each([
    ["a sane id", "order-7.A_b", "order-7.A_b"],
    ["128 characters", "x".repeat(128), "x".repeat(128)],
    ["129 characters", "x".repeat(129), undefined],
    ["nothing", "", undefined],
    ["a space", "a b", undefined],
    ["a quotation mark", 'a"b', undefined],
    ["a line feed at the end", "a\n", undefined],
  ])("%s", (_, given, kept) => {
    const made = ids({ requestId: given, correlationId: given });
    if (kept === undefined) expect(made.requestId).toMatch(/^[0-9a-f]{32}$/);
    else expect(made).toMatchObject({ requestId: kept, correlationId: kept });
  });
});

describe("traces", () => {
  test.each([
    ["sampled", `00-${TRACE}-${SPAN}-01`, true],
    ["not sampled", `00-${TRACE}-${SPAN}-00`, false],
    ["other flags", `00-${TRACE}-${SPAN}-02`, false],
    ["a later version with more fields", `01-${TRACE}-${SPAN}-01-what-else`, true],
  ])("continued: %s", (_, traceparent, isSampled) => {
    const { trace } = ids({ traceparent, tracestate: "a=1,b=2" });
    expect(trace).toMatchObject({
      traceId: TRACE,
      parentSpanId: SPAN,
      isSampled,
      state: "a=1,b=2",
    });
    expect(trace.spanId).not.toBe(SPAN);
  });

  test.each([
    ["no trace id", `00-${"0".repeat(32)}-${SPAN}-01`],
    ["no span id", `00-${TRACE}-${"0".repeat(16)}-01`],
    ["upper case", `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ["version ff", `ff-${TRACE}-${SPAN}-01`],
    ["version 00 with more fields", `00-${TRACE}-${SPAN}-01-x`],
    ["too short", `00-${TRACE}-${SPAN}`],
    ["nonsense", "hello"],
  ])("begun anew: %s", (_, traceparent) => {
    const { trace } = ids({ traceparent, tracestate: "a=1" });
    expect(trace.traceId).not.toBe(TRACE);
    expect(trace.parentSpanId).toBeUndefined();
    expect(trace.state).toBeUndefined();
  });
});
