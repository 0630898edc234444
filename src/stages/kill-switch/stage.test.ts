/** Version policy on frozen clocks. */
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { contextOf, FrozenClock, routeOf } from "../../../test/support/context.ts";
import { applyEdits } from "../../pipeline/response.ts";
import { refineVersionPolicy, versionPolicyFields, type VersionPolicy } from "./config.ts";
import { killSwitch } from "./stage.ts";

const NONE: ReadonlySet<string> = new Set();

const handlersOf = (policy: VersionPolicy) => {
  const routes = new Map([["churn.v1.predict", policy]]);
  const stage = killSwitch({ routes, served: [], governed: NONE }, { clock: new FrozenClock() });
  const handlers = stage.bind(routeOf({ id: "churn.v1.predict", version: "v1" }));
  if (!handlers) throw new Error("not bound");
  return handlers;
};

const headersOn = (policy: VersionPolicy, status = 200, from: string[] = []): string[] => {
  const headers = [...from];
  applyEdits(headers, handlersOf(policy).decorate?.(contextOf(), status) ?? []);
  return headers;
};

const MARCH_31 = Date.UTC(2027, 2, 31);

describe("the kill switch", () => {
  test("an active version passes without a header", () => {
    const handlers = handlersOf({ status: "active" });
    expect(handlers.onHead?.(contextOf())).toEqual({
      verdict: "continue",
      learned: { status: "active" },
    });
    expect(headersOn({ status: "active" })).toEqual([]);
  });

  test("a deprecated version passes and is recorded as such", () => {
    expect(handlersOf({ status: "deprecated" }).onHead?.(contextOf())).toEqual({
      verdict: "continue",
      learned: { status: "deprecated" },
    });
  });

  test("a revoked version is 410, and the operator reads which", () => {
    const decision = handlersOf({ status: "revoked" }).onHead?.(contextOf());
    expect(decision).toMatchObject({
      verdict: "reject",
      rejection: {
        code: "kill-switch.version_revoked",
        status: 410,
        family: "VERSION_REVOKED",
        cause: "churn v1 is revoked by configuration",
      },
    });
  });

  test.each(["deprecated", "revoked"] as const)(
    "every answer of a %s version says since when, until when and what to use instead",
    (status) => {
      const policy = {
        status,
        deprecatedSinceMs: Date.UTC(2026, 5, 30, 23, 59, 59),
        sunsetMs: MARCH_31,
        successorPath: "/churn/v2/predict",
      };
      for (const code of [200, 401, 410, 429, 502])
        expect(headersOn(policy, code, ["link", "<a>; rel=x", "deprecation", "true"])).toEqual([
          "link",
          "<a>; rel=x",
          "deprecation",
          "@1782863999",
          "sunset",
          "Wed, 31 Mar 2027 00:00:00 GMT",
          "link",
          '</churn/v2/predict>; rel="successor-version"',
        ]);
    },
  );

  test("without a date the deprecation counts from the day of loading", () => {
    expect(headersOn({ status: "deprecated" })).toEqual([
      "deprecation",
      `@${Date.UTC(2026, 10, 22) / 1000}`,
    ]);
  });

  test("a successor's path cannot break out of its header", () => {
    const [, , , link] = headersOn({ status: "revoked", successorPath: '/a>; rel="x"\r\nb: c' });
    expect(link).toBe('</a%3E;%20rel=%22x%22%0D%0Ab:%20c>; rel="successor-version"');
  });

  test("a route without a version is not this stage's", () => {
    const stage = killSwitch(
      { routes: new Map(), served: [], governed: NONE },
      { clock: new FrozenClock() },
    );
    expect(stage.bind(routeOf())).toBeNull();
  });
});

describe("configuration", () => {
  const schema = z.strictObject(versionPolicyFields).superRefine(refineVersionPolicy);

  test("a day and a moment are both understood", () => {
    expect(
      schema.parse({
        status: "deprecated",
        deprecatedSince: "2026-06-30T23:59:59+02:00",
        sunset: "2027-03-31",
        successor: "v2",
      }),
    ).toEqual({
      status: "deprecated",
      deprecatedSince: Date.UTC(2026, 5, 30, 21, 59, 59),
      sunset: MARCH_31,
      successor: "v2",
    });
    expect(schema.parse({})).toEqual({ status: "active" });
  });

  test.each([
    { name: "a status that does not exist", policy: { status: "retired" } },
    { name: "a sunset of an active version", policy: { sunset: "2027-03-31" } },
    { name: "a successor of an active version", policy: { status: "active", successor: "v2" } },
    {
      name: "a sunset before the deprecation",
      policy: { status: "deprecated", deprecatedSince: "2027-04-01", sunset: "2027-03-31" },
    },
    { name: "a day that does not exist", policy: { status: "deprecated", sunset: "2027-02-29" } },
    {
      name: "a date without its zone",
      policy: { status: "revoked", sunset: "2027-02-01T10:00:00" },
    },
  ])("$name is refused at load", ({ policy }) => {
    expect(schema.safeParse(policy).success).toBe(false);
  });
});
