/** What every answer carries and which web pages may call, decided on requests as browsers and attackers send them. */
import { describe, expect, test } from "vitest";
import {
  contextOf,
  routeOf,
  unmatchedRouteOf,
  type ContextInput,
} from "../../../test/support/context.ts";
import { applyEdits } from "../../pipeline/response.ts";
import type { Route } from "../../pipeline/request-context.ts";
import type { Decision } from "../../pipeline/stage.ts";
import { headersSchema, routeCorsSchema } from "./config.ts";
import { headers } from "./stage.ts";

const APP = "https://app.example.bank";
const OPEN = { cors: { origins: [APP, "http://localhost:5173"] } };

interface Setup {
  readonly section?: object;
  readonly cors?: unknown;
  readonly route?: Route;
}

function exchange({ section = {}, cors, route = routeOf() }: Setup, input: ContextInput) {
  const routes = new Map(
    cors === undefined ? [] : [[route.id, routeCorsSchema.parse(cors)] as const],
  );
  const handlers = headers({ ...headersSchema.parse(section), routes }).bind(route);
  const context = contextOf({ ...input, route });
  const decision = handlers?.onHead?.(context) as Decision<"headers">;
  const answered = (status: number, upstream: readonly string[] = []): Map<string, string> => {
    const list = [...upstream];
    applyEdits(list, handlers?.decorate?.(context, status) ?? []);
    const names = list.filter((_, i) => i % 2 === 0);
    expect(new Set(names).size, `repeated fields: ${names.join()}`).toBe(names.length);
    return new Map(names.map((name, i) => [name, list[2 * i + 1] as string]));
  };
  return { decision, answered };
}

const codeOf = (decision: Decision<"headers">): string =>
  decision.verdict === "reject" ? decision.rejection.code : decision.verdict;

const preflightOf = (origin: string, method = "POST", asked?: string): ContextInput => ({
  method: "OPTIONS",
  headers: {
    origin,
    "access-control-request-method": method,
    ...(asked !== undefined && { "access-control-request-headers": asked }),
  },
});

const corsFieldsOf = (fields: Map<string, string>): string[] =>
  [...fields.keys()].filter((name) => name.startsWith("access-control-"));

describe("security headers", () => {
  test("every answer has them, refusals included, and the upstream's own do not count", () => {
    const { answered } = exchange({}, {});
    for (const status of [200, 308, 401, 404, 429, 500])
      expect(Object.fromEntries(answered(status, ["x-frame-options", "ALLOWALL"]))).toEqual({
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "permissions-policy": expect.stringContaining("camera=()") as string,
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "cross-origin-resource-policy": "same-origin",
        "cache-control": "no-store",
        "strict-transport-security": "max-age=31536000; includeSubDomains",
        "x-request-id": "req-1",
      });
  });

  test("what names software or opens CORS is taken from upstream answers", () => {
    const leaks = {
      server: "uvicorn/0.30",
      "x-powered-by": "Express",
      via: "1.1 model-7.internal",
      "x-aspnet-version": "4",
      "x-runtime": "0.2",
      "x-internal-node": "gpu-3",
      "access-control-allow-origin": "*",
      "access-control-allow-credentials": "true",
      "access-control-allow-private-network": "true",
      "x-request-id": "theirs",
    };
    const { answered } = exchange({ section: { remove: ["X-Internal-Node"] } }, {});
    const fields = answered(200, [...Object.entries(leaks).flat(), "x-model", "churn"]);
    expect(fields.get("x-model")).toBe("churn");
    expect(fields.get("x-request-id")).toBe("req-1");
    for (const name of Object.keys(leaks).filter((leak) => leak !== "x-request-id"))
      expect(fields.has(name), name).toBe(false);
  });

  test("HSTS is never sent over plain HTTP, not even the upstream's", () => {
    const { answered } = exchange({}, { isSecure: false });
    expect(
      answered(200, ["strict-transport-security", "max-age=1"]).has("strict-transport-security"),
    ).toBe(false);
  });

  test("HSTS follows the configuration", () => {
    const hsts = { maxAge: "730d", preload: true };
    expect(exchange({ section: { hsts } }, {}).answered(200).get("strict-transport-security")).toBe(
      "max-age=63072000; includeSubDomains; preload",
    );
    const none = exchange({ section: { hsts: false } }, {});
    expect(none.answered(200).has("strict-transport-security")).toBe(false);
  });

  test("caching is the upstream's only where the operator says so", () => {
    const upstream = ["cache-control", "max-age=60"];
    expect(exchange({}, {}).answered(200, upstream).get("cache-control")).toBe("no-store");
    const left = exchange({ section: { cacheControl: "upstream" } }, {});
    expect(left.answered(200, upstream).get("cache-control")).toBe("max-age=60");
  });

  test("unmatched paths are decorated too", () => {
    const fields = exchange({ route: unmatchedRouteOf() }, {}).answered(404);
    expect(fields.get("x-content-type-options")).toBe("nosniff");
  });
});

describe("plain HTTP where only HTTPS is served", () => {
  const section = { httpsOnly: true };

  test.each(["GET", "HEAD"])("%s is sent to the same target over HTTPS", (method) => {
    const { decision } = exchange(
      { section },
      { method, isSecure: false, path: "/a/b", query: "c=d&e", authority: "gw.example:8080" },
    );
    expect(decision).toMatchObject({
      verdict: "answer",
      response: { status: 308, headers: ["location", "https://gw.example:8080/a/b?c=d&e"] },
    });
  });

  test.each([
    { authority: "gw.example:8080", httpsPort: 8443, host: "gw.example:8443" },
    { authority: "gw.example", httpsPort: 8443, host: "gw.example:8443" },
    { authority: "gw.example:80", httpsPort: 443, host: "gw.example" },
    { authority: "[2001:db8::1]:80", httpsPort: 8443, host: "[2001:db8::1]:8443" },
    { authority: "[2001:db8::1]", httpsPort: 8443, host: "[2001:db8::1]:8443" },
  ])("$authority goes to $host", ({ authority, httpsPort, host }) => {
    const { decision } = exchange(
      { section: { ...section, httpsPort } },
      { method: "GET", isSecure: false, authority, path: "/" },
    );
    expect(decision).toMatchObject({ response: { headers: ["location", `https://${host}/`] } });
  });

  test.each(["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"])(
    "%s is refused, not redirected",
    (method) => {
      const { decision } = exchange({ section }, { method, isSecure: false });
      expect(codeOf(decision)).toBe("headers.https_required");
      expect(decision.verdict === "reject" && decision.rejection.status).toBe(403);
    },
  );

  test("a preflight on plain HTTP is refused like the rest", () => {
    const { decision } = exchange(
      { section: { ...section, ...OPEN } },
      { ...preflightOf(APP), isSecure: false },
    );
    expect(codeOf(decision)).toBe("headers.https_required");
  });

  test("what comes over HTTPS passes, and by default plain HTTP does too", () => {
    expect(codeOf(exchange({ section }, {}).decision)).toBe("continue");
    expect(codeOf(exchange({}, { isSecure: false }).decision)).toBe("continue");
  });
});

describe("CORS is closed by default", () => {
  test("a request without Origin is nobody's page and passes", () => {
    const { decision, answered } = exchange({}, {});
    expect(codeOf(decision)).toBe("continue");
    expect(answered(200).has("vary")).toBe(false);
  });

  test.each([
    { name: "another site", origin: "https://evil.example" },
    { name: "a sandboxed frame", origin: "null" },
    { name: "an empty origin", origin: "" },
    { name: "a parent domain", origin: "https://example" },
    { name: "a look-alike", origin: "https://gateway.example.evil.example" },
    { name: "another port of this host", origin: "https://gateway.example:8443" },
    { name: "this host over plain HTTP", origin: "http://gateway.example" },
    { name: "two origins", origin: ["https://gateway.example", "https://evil.example"] },
  ])("$name is refused", ({ origin }) => {
    const { decision, answered } = exchange({}, { headers: { origin } });
    expect(codeOf(decision)).toBe("headers.origin_refused");
    expect(corsFieldsOf(answered(403))).toEqual([]);
  });

  test.each([
    { origin: "https://gateway.example", authority: "gateway.example", isSecure: true },
    { origin: "https://gateway.example", authority: "gateway.example:443", isSecure: true },
    { origin: "https://gateway.example:8443", authority: "gateway.example:8443", isSecure: true },
    { origin: "http://gateway.example", authority: "gateway.example", isSecure: false },
    { origin: "http://gateway.example", authority: "gateway.example:80", isSecure: false },
    { origin: "https://gateway.example", authority: "gateway.example", isSecure: false },
  ])("the gateway's own origin $origin at $authority passes", ({ origin, ...head }) => {
    expect(codeOf(exchange({}, { ...head, headers: { origin } }).decision)).toBe("continue");
  });

  test("a preflight is refused, never forwarded", () => {
    const { decision, answered } = exchange({}, preflightOf(APP));
    expect(codeOf(decision)).toBe("headers.preflight_refused");
    expect(corsFieldsOf(answered(403))).toEqual([]);
  });

  test("OPTIONS without the preflight's header is no preflight", () => {
    expect(codeOf(exchange({}, { method: "OPTIONS" }).decision)).toBe("continue");
    const own = { method: "OPTIONS", headers: { origin: "https://gateway.example" } };
    expect(codeOf(exchange({}, own).decision)).toBe("continue");
  });

  test("unmatched paths are left to be 404", () => {
    const setup = { section: OPEN, route: unmatchedRouteOf() };
    expect(codeOf(exchange(setup, preflightOf(APP)).decision)).toBe("continue");
    const { decision, answered } = exchange(setup, { headers: { origin: "https://evil.example" } });
    expect(codeOf(decision)).toBe("continue");
    expect(corsFieldsOf(answered(404))).toEqual([]);
  });

  test("with `refuseUnknownOrigins: false` a stranger's call goes on, and its page cannot read the answer", () => {
    const section = { ...OPEN, refuseUnknownOrigins: false };
    const { decision, answered } = exchange(
      { section },
      { headers: { origin: "https://evil.example" } },
    );
    expect(codeOf(decision)).toBe("continue");
    expect(corsFieldsOf(answered(200))).toEqual([]);
    expect(answered(200).get("vary")).toBe("Origin");
  });
});

describe("an allowed origin", () => {
  const call = { headers: { origin: APP } };

  test("passes, is recorded, and may read the answer", () => {
    const { decision, answered } = exchange({ section: OPEN }, call);
    expect(decision).toEqual({ verdict: "continue", learned: { origin: APP } });
    const fields = answered(200, ["vary", "Accept-Encoding"]);
    expect(fields.get("access-control-allow-origin")).toBe(APP);
    expect(fields.get("access-control-expose-headers")).toBe("retry-after, x-request-id");
    expect(fields.get("cross-origin-resource-policy")).toBe("cross-origin");
    expect(fields.get("vary")).toBe("Accept-Encoding, Origin");
    expect(fields.has("access-control-allow-credentials")).toBe(false);
    expect(fields.has("access-control-allow-methods")).toBe(false);
  });

  test("may read refusals too", () => {
    const { answered } = exchange({ section: OPEN }, call);
    expect(answered(401).get("access-control-allow-origin")).toBe(APP);
    expect(answered(429).get("access-control-allow-origin")).toBe(APP);
  });

  test("is matched byte for byte", () => {
    for (const origin of [
      "https://APP.example.bank",
      `${APP}:443`,
      `${APP}/`,
      `${APP}.`,
      ` ${APP}`,
    ])
      expect(codeOf(exchange({ section: OPEN }, { headers: { origin } }).decision), origin).toBe(
        "headers.origin_refused",
      );
  });

  test("credentials are granted only where the operator does", () => {
    const section = { cors: { origins: [APP], credentials: true } };
    const fields = exchange({ section }, call).answered(200);
    expect(fields.get("access-control-allow-credentials")).toBe("true");
  });

  test.each([200, 401, 403, 404, 429, 503])(
    "every answer of such a route varies by Origin, whoever asked (%i)",
    (status) => {
      for (const input of [{}, call, { headers: { origin: "https://evil.example" } }]) {
        expect(exchange({ section: OPEN }, input).answered(status).get("vary")).toBe("Origin");
      }
    },
  );
});

describe("preflights", () => {
  test("an allowed one is answered with what is allowed and nothing that was asked", () => {
    const { decision, answered } = exchange(
      { section: OPEN },
      preflightOf(APP, "POST", "content-type,authorization"),
    );
    expect(decision).toMatchObject({ verdict: "answer", response: { status: 204, headers: [] } });
    const fields = answered(204);
    expect(Object.fromEntries(fields)).toMatchObject({
      "access-control-allow-origin": APP,
      "access-control-allow-methods": "POST",
      "access-control-allow-headers": "authorization, content-type",
      "access-control-max-age": "600",
      vary: "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
      "x-content-type-options": "nosniff",
    });
    expect(fields.has("access-control-allow-credentials")).toBe(false);
  });

  test.each([
    { name: "another origin", input: preflightOf("https://evil.example") },
    { name: "`null`", input: preflightOf("null") },
    { name: "another method", input: preflightOf(APP, "DELETE") },
    { name: "a method in other letters", input: preflightOf(APP, "post") },
    { name: "an empty method", input: preflightOf(APP, "") },
    { name: "another header", input: preflightOf(APP, "POST", "content-type, x-admin") },
    { name: "a header named `*`", input: preflightOf(APP, "POST", "*") },
  ])("$name is refused, and its answer grants nothing", ({ input }) => {
    const { decision, answered } = exchange({ section: OPEN }, input);
    expect(codeOf(decision)).toBe("headers.preflight_refused");
    expect(decision.verdict === "reject" && decision.rejection.status).toBe(403);
    const fields = answered(403);
    expect(corsFieldsOf(fields)).toEqual([]);
    expect(fields.get("vary")).toContain("Origin");
  });

  test.each([undefined, "", "Content-Type", " content-type , authorization,", "AUTHORIZATION"])(
    "the list of headers %j is understood",
    (asked) => {
      expect(codeOf(exchange({ section: OPEN }, preflightOf(APP, "POST", asked)).decision)).toBe(
        "answer",
      );
    },
  );
});

describe("a route's own CORS", () => {
  const own = {
    origins: ["https://other.example"],
    methods: ["GET", "PUT"],
    headers: [],
    maxAge: "0s",
  };

  test("takes the place of the common one as a whole", () => {
    const setup = { section: OPEN, cors: own };
    expect(codeOf(exchange(setup, { headers: { origin: APP } }).decision)).toBe(
      "headers.origin_refused",
    );
    const { decision, answered } = exchange(setup, preflightOf("https://other.example", "PUT"));
    expect(codeOf(decision)).toBe("answer");
    expect(answered(204).get("access-control-allow-methods")).toBe("GET, PUT");
    expect(answered(204).get("access-control-max-age")).toBe("0");
    expect(answered(204).has("access-control-allow-headers")).toBe(false);
    const asking = preflightOf("https://other.example", "PUT", "content-type");
    expect(codeOf(exchange(setup, asking).decision)).toBe("headers.preflight_refused");
  });

  test("`false` closes the route", () => {
    const setup = { section: OPEN, cors: false };
    const { decision, answered } = exchange(setup, { headers: { origin: APP } });
    expect(codeOf(decision)).toBe("headers.origin_refused");
    expect(answered(403).has("vary")).toBe(false);
  });
});
