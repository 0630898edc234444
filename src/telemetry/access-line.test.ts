/** The access line: its golden shape, and that no input can break out of it. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Limited } from "../pipeline/facts.ts";
import type { Outcome } from "../pipeline/outcome.ts";
import { rejection } from "../pipeline/rejection.ts";
import {
  ANONYMOUS,
  contextOf,
  identityOf,
  routeOf,
  unmatchedRouteOf,
} from "../../test/support/context.ts";
import { ACCESS_LINE_FIELDS, accessLine, malformedLine } from "./access-line.ts";
import { DEFAULT_FIELD_LIMIT_CHARS, DEFAULT_TEXT_LIMIT_CHARS } from "./json-text.ts";

const LIMIT = { name: "gold-day", limit: 9, remaining: 0, resetSeconds: 60 };
const TIME = "2026-11-22T12:00:00.000Z";

function outcomeOf(changes: Partial<Outcome> = {}): Outcome {
  return {
    context: contextOf({ identity: identityOf({ subject: "svc-1" }) }),
    decision: "allow",
    status: 200,
    stage: "upstream",
    code: "ok",
    cause: undefined,
    latencyMs: 12.345_678,
    upstreamMs: 11,
    bytesIn: 570,
    bytesOut: 120,
    shadows: [],
    broken: [],
    ...changes,
  };
}

const parse = (outcome: Outcome): Record<string, unknown> =>
  JSON.parse(accessLine(TIME, outcome)) as Record<string, unknown>;

describe("the golden shape", () => {
  test("an allowed request", () => {
    expect(accessLine(TIME, outcomeOf())).toBe(
      '{"time":"2026-11-22T12:00:00.000Z","level":"info","msg":"request","request_id":"req-1",' +
        '"correlation_id":"corr-1","trace_id":"0af7651916cd43dd8448eb211c80319c",' +
        '"span_id":"b7ad6b7169203331","tenant_id":"retail","client_id":"core-banking",' +
        '"subject":"svc-1","model":"churn","version":"v2","route":"churn.v2.predict","routed_to":null,' +
        '"method":"POST","path":"/churn/v2/predict","status":200,"decision":"allow",' +
        '"stage":"upstream","code":"ok","cause":null,"latency_ms":12.346,"upstream_ms":11.000,' +
        '"bytes_in":570,"bytes_out":120,"caller_address":"192.0.2.10","shadows":[],"broken":[],"waf":null,"limits":null,"marks":[],"extraction":null}\n',
    );
  });

  test.each<readonly [Limited, unknown]>([
    [{ states: [] }, null],
    [{ states: [], tier: "gold" }, null],
    [{ states: [], refusedBy: LIMIT }, { refused_by: "gold-day" }],
    [
      { states: [LIMIT], degraded: "share", cost: { reserved: 9, settled: 4 } },
      { degraded: "share", cost: { reserved: 9, settled: 4 } },
    ],
    [{ states: [], cost: { reserved: 9, settled: undefined } }, { cost: { reserved: 9 } }],
  ])("what the limits made of a request: %j", (limits, said) => {
    const line = parse(outcomeOf({ context: contextOf({ facts: { limits } }) }));
    expect(line["limits"]).toEqual(said);
  });

  test("a refused request with everything else there is", () => {
    const line = parse(
      outcomeOf({
        context: { ...contextOf({ identity: ANONYMOUS }), route: unmatchedRouteOf() },
        decision: "deny",
        status: 404,
        stage: "router",
        code: "router.not_found",
        cause: 'no route for "/x"\nsecond line',
        upstreamMs: undefined,
        shadows: [{ stage: "sources", code: "sources.address_denied" }],
        broken: [{ stage: "limits", cause: "store at redis://:hunter2@cache is down" }],
      }),
    );
    expect(line).toMatchObject({
      level: "info",
      tenant_id: null,
      client_id: null,
      subject: null,
      model: null,
      version: null,
      route: "unmatched",
      path: "",
      decision: "deny",
      cause: 'no route for "/x"\nsecond line',
      upstream_ms: null,
      shadows: [{ stage: "sources", code: "sources.address_denied" }],
      broken: [{ stage: "limits", cause: "store at redis://[credentials]@cache is down" }],
    });
  });

  test("always the same fields in the same order", () => {
    for (const changes of [{}, { cause: "x", upstreamMs: undefined }, { latencyMs: Number.NaN }])
      expect(Object.keys(parse(outcomeOf(changes)))).toEqual([...ACCESS_LINE_FIELDS]);
  });

  test("errors are logged as errors, refusals are not", () => {
    expect(parse(outcomeOf({ decision: "error", status: 502 }))["level"]).toBe("error");
    expect(parse(outcomeOf({ decision: "deny", status: 403 }))["level"]).toBe("info");
  });

  test("the path is the template, never what the caller sent", () => {
    const context = contextOf({ path: "/churn/v2/predict/CANARY", query: "token=CANARY" });
    expect(accessLine(TIME, outcomeOf({ context }))).not.toContain("CANARY");
  });

  test("a connection that never became a request", () => {
    const line = malformedLine(TIME, {
      listener: "public",
      address: "192.0.2.1",
      rejection: rejection("listener.malformed_request", { cause: "HPE_INVALID password=CANARY" }),
    });
    expect(JSON.parse(line)).toEqual({
      time: TIME,
      level: "info",
      msg: "malformed request",
      status: 400,
      decision: "deny",
      stage: "listener",
      code: "listener.malformed_request",
      cause: "HPE_INVALID password=[secret]",
      caller_address: "192.0.2.1",
      listener: "public",
    });
  });
});

describe("milliseconds", () => {
  test.each([
    [0, 0],
    [0.000_4, 0],
    [0.0006, 0.001],
    [1, 1],
    [9.999_6, 10],
    [12.3456, 12.346],
    [1_234.005, 1_234.005],
    [86_400_000.5, 86_400_000.5],
    [-0.25, -0.25],
    [Number.NaN, null],
    [Infinity, null],
  ])("%d is written as %d", (latencyMs, written) => {
    expect(parse(outcomeOf({ latencyMs }))["latency_ms"]).toBe(written);
  });
});

describe("what a caller controls", () => {
  test("an e-mail address as subject is not written", () => {
    const context = contextOf({ identity: identityOf({ subject: "jane.canary@bank.example" }) });
    expect(parse(outcomeOf({ context }))["subject"]).toBe("[email]");
  });

  test("fields and texts are capped", () => {
    const context = contextOf({
      requestId: "r".repeat(100_000),
      identity: identityOf({ subject: "s".repeat(100_000), caller: "é".repeat(100_000) }),
    });
    const line = parse(outcomeOf({ context, cause: "word ".repeat(100_000) }));
    const limit = DEFAULT_FIELD_LIMIT_CHARS + 16;
    for (const field of ["request_id", "subject", "client_id"])
      expect((line[field] as string).length).toBeLessThanOrEqual(limit);
    expect((line["cause"] as string).length).toBeLessThanOrEqual(DEFAULT_TEXT_LIMIT_CHARS + 16);
  });

  test("whatever it is, the line stays one line of JSON with the same fields", () => {
    const nasty = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({
        unit: fc.constantFrom(
          "\n",
          "\r",
          "\u2028",
          "\u2029",
          "\u0085",
          "\u009b",
          "\x1b[2J",
          "\x7f",
          '"',
          "\\",
          "\u202e",
          "\0",
          "\ud800",
          "\udc00",
          "a",
          ",",
          "}",
        ),
      }),
    );
    fc.assert(
      fc.property(nasty, nasty, nasty, nasty, (a, b, c, d) => {
        const context = contextOf({
          requestId: a,
          correlationId: b,
          method: c,
          callerAddress: d,
          trace: { traceId: a, spanId: b, isSampled: true },
          identity: identityOf({ subject: a, caller: b, tenant: c }),
          route: routeOf({ id: a, template: b, model: c, version: d }),
        });
        const line = accessLine(
          TIME,
          outcomeOf({ context, cause: d, broken: [{ stage: "limits", cause: a }] }),
        );
        expect(line.endsWith("}\n")).toBe(true);
        // Every control and format character of Unicode, line and paragraph separators, lone surrogates.
        expect(line.slice(0, -1)).not.toMatch(
          /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/u,
        );
        expect(Object.keys(JSON.parse(line) as object)).toEqual([...ACCESS_LINE_FIELDS]);
      }),
      { numRuns: 200 },
    );
  });
});
