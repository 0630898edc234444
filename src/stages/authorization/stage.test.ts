/** Who may do what: grants as an operator writes them, callers as identity proves them. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ANONYMOUS,
  contextOf,
  identityOf,
  routeOf,
  unmatchedRouteOf,
  type IdentityInput,
} from "../../../test/support/context.ts";
import type { Identity } from "../../pipeline/facts.ts";
import type { Rejection } from "../../pipeline/rejection.ts";
import type { Route } from "../../pipeline/request-context.ts";
import type { Decision } from "../../pipeline/stage.ts";
import { authorizationSchema, type RouteAuthorization } from "./config.ts";
import { authorization, idleGrants, OPEN_ROUTE_GRANT } from "./stage.ts";

interface Setup {
  readonly grants?: readonly object[];
  readonly roles?: object;
  readonly settings?: Partial<RouteAuthorization>;
}

interface Call {
  readonly identity?: Identity;
  readonly route?: Partial<Route>;
  readonly method?: string;
}

function decide(
  { grants = [], roles = {}, settings = {} }: Setup,
  { identity, route = {}, method = "POST" }: Call,
): Decision<"authorization"> {
  const bound = routeOf(route);
  const routes = new Map([[bound.id, { identity: "required", scopes: [], ...settings } as const]]);
  const stage = authorization({ ...authorizationSchema.parse({ grants, roles }), routes });
  const context = contextOf({ route, method, ...(identity && { identity }) });
  return stage.bind(bound)?.onHead?.(context) as Decision<"authorization">;
}

const grantOf = (decision: Decision<"authorization">): string | undefined =>
  decision.verdict === "continue" ? decision.learned?.grant : undefined;

function refusalOf(decision: Decision<"authorization">): Rejection {
  if (decision.verdict !== "reject") throw new Error(`not refused: ${decision.verdict}`);
  return decision.rejection;
}

describe("one condition", () => {
  const rows: readonly {
    name: string;
    grant: object;
    yes: IdentityInput;
    no: IdentityInput;
  }[] = [
    { name: "caller", grant: { caller: "a" }, yes: { caller: "a" }, no: { caller: "b" } },
    {
      name: "caller, any of",
      grant: { caller: ["x", "a"] },
      yes: { caller: "a" },
      no: { caller: "A" },
    },
    { name: "tenant", grant: { tenant: "t" }, yes: { tenant: "t" }, no: { tenant: undefined } },
    {
      name: "scopes, all of",
      grant: { scopes: ["p", "q"] },
      yes: { scopes: ["q", "r", "p"] },
      no: { scopes: ["p"] },
    },
    {
      name: "permissions, all of",
      grant: { permissions: ["p", "q"] },
      yes: { permissions: ["p", "q"] },
      no: { permissions: ["q"] },
    },
    {
      name: "groups, any of",
      grant: { groups: ["g", "h"] },
      yes: { groups: ["h"] },
      no: { groups: [] },
    },
    {
      name: "roles, any of",
      grant: { roles: ["r", "s"] },
      yes: { roles: ["s"] },
      no: { roles: ["t"] },
    },
  ];

  test.each(rows)("$name: what fulfils it is allowed, what does not is refused", (row) => {
    const setup = { grants: [{ name: "it", ...row.grant }] };
    expect(grantOf(decide(setup, { identity: identityOf(row.yes) }))).toBe("it");
    expect(refusalOf(decide(setup, { identity: identityOf(row.no) })).status).toBe(403);
  });

  const routeRows: readonly { name: string; grant: object; yes: Call; no: Call }[] = [
    { name: "model", grant: { model: "churn" }, yes: {}, no: { route: { model: "fraud" } } },
    {
      name: "version",
      grant: { version: ["v1", "v2"] },
      yes: {},
      no: { route: { version: undefined } },
    },
    {
      name: "route",
      grant: { route: "churn.v2.predict" },
      yes: {},
      no: { route: { id: "other" } },
    },
    {
      name: "method",
      grant: { method: "POST" },
      yes: { route: { methods: ["GET", "POST"] } },
      no: { route: { methods: ["GET", "POST"] }, method: "GET" },
    },
  ];

  test.each(routeRows)("$name: the route decides", ({ grant, yes, no }) => {
    const setup = { grants: [{ name: "it", ...grant }] };
    const identity = identityOf();
    expect(grantOf(decide(setup, { identity, ...yes }))).toBe("it");
    expect(refusalOf(decide(setup, { identity, ...no })).code).toBe("authorization.no_grant");
  });
});

describe("deny by default", () => {
  test("without a grant nothing is allowed", () => {
    const refusal = refusalOf(decide({}, { identity: identityOf() }));
    expect(refusal).toMatchObject({ code: "authorization.no_grant", status: 403 });
    expect(refusal.cause).toBe("there is no grant at all");
  });

  test("every condition of a grant must hold, not one of them", () => {
    const setup = { grants: [{ caller: "core-banking", tenant: "other", scopes: ["x"] }] };
    expect(refusalOf(decide(setup, { identity: identityOf({ scopes: ["x"] }) })).code).toBe(
      "authorization.no_grant",
    );
  });

  test("conditions of two grants do not add up", () => {
    const setup = {
      grants: [
        { caller: "core-banking", tenant: "x" },
        { caller: "y", tenant: "retail" },
      ],
    };
    expect(refusalOf(decide(setup, { identity: identityOf() })).code).toBe(
      "authorization.no_grant",
    );
  });

  test.each([
    { name: "no identity at all", identity: undefined },
    { name: "an anonymous identity", identity: ANONYMOUS },
  ])(
    "$name is 401 with a challenge, even where a grant asks for nothing of the caller",
    ({ identity }) => {
      const refusal = refusalOf(
        decide({ grants: [{ model: "churn" }] }, identity ? { identity } : {}),
      );
      expect(refusal).toMatchObject({
        code: "authorization.no_identity",
        status: 401,
        headers: ["www-authenticate", "Bearer"],
      });
    },
  );

  test("a route nobody described requires an identity", () => {
    const stage = authorization({ roles: {}, grants: [], routes: new Map() });
    expect(
      refusalOf(stage.bind(routeOf())?.onHead?.(contextOf()) as Decision<"authorization">).code,
    ).toBe("authorization.no_identity");
  });
});

describe("open routes", () => {
  test.each([{ identity: ANONYMOUS }, { identity: identityOf() }, {}])(
    "`identity: none` lets everyone through, and the record says why",
    (call) => {
      expect(grantOf(decide({ settings: { identity: "none" } }, call))).toBe(OPEN_ROUTE_GRANT);
    },
  );

  test("an open route that asks for scopes is a contradiction, not a pass", () => {
    const settings = { identity: "none", scopes: ["x"] } as const;
    expect(() => decide({ settings }, {})).toThrow(/identity: none/);
  });

  test("paths that match nothing are not this stage's", () => {
    const stage = authorization({ roles: {}, grants: [], routes: new Map() });
    expect(stage.bind(unmatchedRouteOf())).toBeNull();
  });
});

describe("roles bring permissions", () => {
  const setup = {
    roles: { analyst: ["churn:predict", "churn:read"], admin: ["churn:write"] },
    grants: [{ name: "it", permissions: ["churn:read", "churn:write"] }],
  };

  test.each([
    { name: "two roles together", identity: { roles: ["analyst", "admin"] } },
    {
      name: "a role and a permission of the key",
      identity: { roles: ["admin"], permissions: ["churn:read"] },
    },
  ])("$name are enough", ({ identity }) => {
    expect(grantOf(decide(setup, { identity: identityOf(identity) }))).toBe("it");
  });

  test.each([
    { name: "one role alone", roles: ["analyst"] },
    { name: "a role nobody defined", roles: ["analyst", "root"] },
    { name: "a role named like a built-in", roles: ["analyst", "constructor", "__proto__"] },
  ])("$name is not", ({ roles }) => {
    const refusal = refusalOf(decide(setup, { identity: identityOf({ roles }) }));
    expect(refusal.cause).toContain("permission churn:write missing");
  });
});

describe("scopes of the route", () => {
  const setup = { grants: [{ tenant: "retail" }], settings: { scopes: ["predict:churn", "use"] } };

  test("all of them are needed besides a grant", () => {
    const identity = identityOf({ scopes: ["use", "predict:churn"] });
    expect(grantOf(decide(setup, { identity }))).toBe("grants[0]");
  });

  test("a missing one is 403 with the challenge of RFC 6750", () => {
    const refusal = refusalOf(decide(setup, { identity: identityOf({ scopes: ["use"] }) }));
    expect(refusal).toMatchObject({
      code: "authorization.scope_missing",
      status: 403,
      headers: ["www-authenticate", 'Bearer error="insufficient_scope", scope="predict:churn use"'],
      cause: "the route needs scope predict:churn",
    });
  });

  test.each(["api_key", "mtls"] as const)("%s callers get no bearer challenge", (method) => {
    expect(refusalOf(decide(setup, { identity: identityOf({ method }) })).headers).toEqual([]);
  });
});

describe("the nearest grant explains a refusal to the operator alone", () => {
  const grants = [
    { name: "far", caller: "somebody", tenant: "else", model: "fraud" },
    {
      name: "core-v1",
      caller: "core-banking",
      model: "churn",
      version: "v1",
      scopes: ["predict:churn"],
    },
    { name: "retail", tenant: "retail", model: "fraud", groups: ["risk"] },
  ];

  test("the right caller on the wrong version", () => {
    const identity = identityOf({ scopes: ["predict:churn"] });
    const refusal = refusalOf(decide({ grants }, { identity }));
    expect(refusal.cause).toBe('nearest grant "core-v1": version is v2, not v1');
    expect(refusal.message).toBe("No grant allows this caller to do this.");
    expect(JSON.stringify([refusal.headers, refusal.violations])).not.toContain("v1");
  });

  test("when only scopes are missing, the caller learns that much and no more", () => {
    const route = { id: "churn.v1.predict", version: "v1" };
    const refusal = refusalOf(decide({ grants }, { identity: identityOf(), route }));
    expect(refusal).toMatchObject({
      code: "authorization.scope_missing",
      headers: ["www-authenticate", 'Bearer error="insufficient_scope"'],
      cause: 'nearest grant "core-v1": scope predict:churn missing',
    });
  });

  test("the wrong tenant", () => {
    const identity = identityOf({ caller: "branch", tenant: "wholesale", groups: ["risk"] });
    const refusal = refusalOf(decide({ grants }, { identity, route: { model: "fraud" } }));
    expect(refusal.cause).toBe('nearest grant "retail": tenant is wholesale, not retail');
  });

  test("an explanation has a bounded length and a bounded cost", () => {
    const far = Array.from({ length: 5_000 }, (_, i) => ({ groups: [`g${i}`], roles: ["r"] }));
    const many = [...far, { name: "last", groups: ["g"] }];
    const refusal = refusalOf(decide({ grants: many }, { identity: identityOf() }));
    expect(refusal.cause).toBe('nearest grant "grants[0]": group g0 none held; role r none held');
    const callers = Array.from({ length: 200 }, (_, i) => `caller-${i}`.padEnd(100, "x"));
    const long = refusalOf(decide({ grants: [{ caller: callers }] }, { identity: identityOf() }));
    expect(long.cause).toHaveLength(500);
  });
});

test("the index finds a grant exactly when a plain reading of all grants does", () => {
  const letter = fc.constantFrom("a", "b", "c");
  const some = fc.array(letter, { minLength: 1, maxLength: 2 });
  const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 });
  const grant = fc
    .record({
      caller: maybe(some),
      tenant: maybe(some),
      model: maybe(some),
      scopes: maybe(some),
      permissions: maybe(some),
      groups: maybe(some),
      roles: maybe(some),
    })
    .map((conditions) =>
      Object.fromEntries(Object.entries(conditions).filter(([, wanted]) => wanted !== undefined)),
    )
    .filter((conditions) => Object.keys(conditions).length > 0);
  const caller = fc.record({
    caller: letter,
    tenant: maybe(letter),
    scopes: fc.subarray(["a", "b", "c"]),
    permissions: fc.subarray(["a", "b", "c"]),
    groups: fc.subarray(["a", "b", "c"]),
    roles: fc.subarray(["a", "b", "c"]),
  });
  const roles: Record<string, string[]> = { a: ["b"], b: ["a", "c"] };

  fc.assert(
    fc.property(fc.array(grant, { maxLength: 12 }), caller, letter, (grants, who, model) => {
      const held = new Set([...who.permissions, ...who.roles.flatMap((role) => roles[role] ?? [])]);
      const given: Record<string, readonly (string | undefined)[]> = {
        ...who,
        caller: [who.caller],
        tenant: [who.tenant],
        model: [model],
        permissions: [...held],
      };
      const holds = ([field, wanted]: [string, string[]]): boolean =>
        field === "scopes" || field === "permissions"
          ? wanted.every((one) => given[field]?.includes(one))
          : wanted.some((one) => given[field]?.includes(one));
      const isExpected = grants.some((one) =>
        Object.entries(one as Record<string, string[]>).every(holds),
      );
      const decision = decide({ grants, roles }, { identity: identityOf(who), route: { model } });
      expect(decision.verdict).toBe(isExpected ? "continue" : "reject");
    }),
    { numRuns: 500 },
  );
});

test("grants that no route can use are found", () => {
  const grants = [
    { name: "used", model: "churn" },
    { name: "typo", model: "chrun" },
    { method: "PUT" },
  ];
  const config = { ...authorizationSchema.parse({ grants }), routes: new Map() };
  expect(idleGrants(config, [routeOf()])).toEqual(["typo", "grants[2]"]);
});
