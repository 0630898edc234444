/** Kill switches on frozen clocks: what each scope shuts, what it leaves alone, and what serves instead. */
import { describe, expect, test } from "vitest";
import {
  ANONYMOUS,
  contextOf,
  FrozenClock,
  identityOf,
  NOON_MS,
  routeOf,
} from "../../../test/support/context.ts";
import type { Facts, Identity } from "../../pipeline/facts.ts";
import type { Route } from "../../pipeline/request-context.ts";
import type { Decision } from "../../pipeline/stage.ts";
import type { KillScope, KillSwitch } from "../../stores/kill/kill-switch-store.ts";
import type { VersionPolicy } from "./config.ts";
import { killedCallers } from "./killed-callers.ts";
import { killSwitch } from "./stage.ts";
import type { ActivePolicy } from "./switches.ts";

const route = (model: string, version: string, suffix = "predict"): Route =>
  routeOf({
    id: `${model}.${version}.${suffix}`,
    template: `/${model}/${version}/${suffix}`,
    model,
    version,
    upstream: `${model}-${version}`,
  });

const V1 = route("churn", "v1");
const V2 = route("churn", "v2");
const V3 = route("churn", "v3");
const OTHER = route("fraud", "v2");
const ROUTES = [V1, V2, V3, OTHER];

interface World {
  readonly routes?: readonly Route[];
  readonly policies?: Readonly<Record<string, VersionPolicy>>;
  readonly governed?: readonly string[];
  readonly active?: () => readonly ActivePolicy[];
}

/** Both halves of the stage over switches that a test puts on. */
function world({ routes = ROUTES, policies = {}, governed = [], active }: World = {}) {
  const clock = new FrozenClock();
  const store = { active: [] as readonly KillSwitch[] };
  const config = {
    routes: new Map(routes.map(({ id }) => [id, policies[id] ?? { status: "active" as const }])),
    served: routes,
    governed: new Set(governed),
  };
  const tools = { clock, killSwitches: store, activePolicies: active };
  const [first, second] = [killSwitch(config, tools), killedCallers(config, tools)];
  let count = 0;
  const on = (scope: KillScope, changes: Partial<KillSwitch> = {}): KillSwitch => {
    count += 1;
    const one = {
      id: `switch-${count}`,
      scope,
      reason: "wrong scores",
      author: "ana",
      createdAtMs: NOON_MS + count,
      expiresAtMs: undefined,
      routeTo: undefined,
      ...changes,
    };
    store.active = [...store.active, one];
    return one;
  };
  const bound = new Map(routes.map((one) => [one, [first.bind(one), second.bind(one)] as const]));
  const head = (of: Route, query = ""): Decision => {
    const context = contextOf({ route: of, path: of.template, query });
    // The handlers compare routes by identity, as the router's own are.
    Object.assign(context, { route: of });
    return bound.get(of)?.[0]?.onHead?.(context) as Decision;
  };
  const caller = (of: Route, identity: Identity | undefined, facts: Facts = {}): Decision =>
    bound
      .get(of)?.[1]
      ?.onHead?.(contextOf({ route: of, facts, ...(identity && { identity }) })) as Decision;
  return { clock, store, on, head, caller };
}

const codeOf = (decision: Decision): string =>
  decision.verdict === "reject" ? decision.rejection.code : decision.verdict;

const shutRoutes = (head: (of: Route) => Decision): string[] =>
  ROUTES.filter((one) => codeOf(head(one)) === "kill-switch.killed").map(({ id }) => id);

describe("what is shut for everybody", () => {
  test.each<[KillScope, string[]]>([
    [{ model: "churn" }, ["churn.v1.predict", "churn.v2.predict", "churn.v3.predict"]],
    [{ model: "churn", version: "v2" }, ["churn.v2.predict"]],
    [{ route: "fraud.v2.predict" }, ["fraud.v2.predict"]],
    [{ provider: "churn-v3" }, ["churn.v3.predict"]],
    [{ model: "churn", provider: "fraud-v2" }, []],
    [{ model: "nothing" }, []],
    [{ model: "Churn" }, []],
    [{ caller: "core-banking" }, []],
    [{ model: "churn", tenant: "retail" }, []],
  ])("%j shuts %j", (scope, expected) => {
    const { on, head } = world();
    expect(shutRoutes(head)).toEqual([]);
    on(scope);
    expect(shutRoutes(head)).toEqual(expected);
  });

  test("the caller is told nothing of it, the operator all", () => {
    const { on, head } = world();
    on({ model: "churn", version: "v2" });
    expect(head(V2)).toEqual({
      verdict: "reject",
      rejection: {
        code: "kill-switch.killed",
        status: 503,
        family: "SERVICE_UNAVAILABLE",
        reason: "kill-switch.killed",
        message: "This is out of service. Try again later.",
        cause: "kill switch switch-1 (model churn, version v2): wrong scores",
        retryAfterSeconds: 60,
      },
    });
  });

  test("callers come back when the last of the switches ends; one without an end counts most", () => {
    const { on, head } = world();
    const retryAfter = (): unknown => {
      const decision = head(V2);
      return decision.verdict === "reject" && decision.rejection.retryAfterSeconds;
    };
    on({ model: "churn" }, { expiresAtMs: NOON_MS + 1_500 });
    expect(retryAfter()).toBe(2);
    on({ version: "v2", model: "churn" }, { expiresAtMs: NOON_MS + 90_000 });
    expect(retryAfter()).toBe(90);
    on({ provider: "churn-v2" });
    expect(retryAfter()).toBe(60);
  });

  test("a switch whose time is over shuts nothing, even before it is taken away", () => {
    const { on, head, clock } = world();
    on({ model: "churn" }, { expiresAtMs: NOON_MS + 1_000 });
    expect(codeOf(head(V2))).toBe("kill-switch.killed");
    clock.advance(1_000);
    expect(codeOf(head(V2))).toBe("continue");
  });

  test("off opens it again at once", () => {
    const { on, head, store } = world();
    on({ model: "churn" });
    expect(codeOf(head(V2))).toBe("kill-switch.killed");
    store.active = [];
    expect(head(V2)).toEqual({ verdict: "continue", learned: { status: "active" } });
  });

  test("a revoked version stays gone", () => {
    const { on, head } = world({ policies: { [V2.id]: { status: "revoked" } } });
    on({ model: "churn", version: "v2" }, { routeTo: "v1" });
    expect(codeOf(head(V2))).toBe("kill-switch.version_revoked");
  });

  test("a policy shuts the routes that it decides about, by version or hash, while it decides", () => {
    const hash = "ab".repeat(32);
    let active: readonly ActivePolicy[] = [{ version: "2026.11", blake3: hash }];
    const { on, head, store } = world({ governed: [V2.id], active: () => active });
    on({ policy: "2026.11" });
    expect(shutRoutes(head)).toEqual([V2.id]);
    store.active = [];
    on({ policy: hash });
    expect(shutRoutes(head)).toEqual([V2.id]);
    active = [{ version: "2026.12", blake3: "cd".repeat(32) }];
    expect(shutRoutes(head)).toEqual([]);
  });
});

describe("what is shut for a caller", () => {
  const RETAIL = identityOf({ caller: "batch", tenant: "retail", credentialId: "token-7" });

  test.each<[string, KillScope, Route, string]>([
    ["their name", { caller: "batch" }, V2, "kill-switch.caller_killed"],
    ["their tenant", { tenant: "retail" }, V2, "kill-switch.caller_killed"],
    ["their credential", { key: "token-7" }, V2, "kill-switch.caller_killed"],
    [
      "all of it",
      { caller: "batch", tenant: "retail", key: "token-7" },
      V2,
      "kill-switch.caller_killed",
    ],
    [
      "their name on this model",
      { caller: "batch", model: "churn" },
      V1,
      "kill-switch.caller_killed",
    ],
    ["their name on another model", { caller: "batch", model: "churn" }, OTHER, "continue"],
    ["another credential of theirs", { caller: "batch", key: "token-8" }, V2, "continue"],
    ["another tenant", { caller: "batch", tenant: "cards" }, V2, "continue"],
    ["nobody's name", { model: "churn" }, V2, "continue"],
  ])("%s", (_, scope, of, expected) => {
    const { on, caller } = world();
    expect(codeOf(caller(of, RETAIL))).toBe("continue");
    on(scope);
    expect(codeOf(caller(of, RETAIL))).toBe(expected);
  });

  test("those without a name, a tenant or a credential fit none", () => {
    const { on, caller } = world();
    on({ caller: "" });
    on({ tenant: "retail" });
    on({ key: "token-7" });
    const bare = identityOf({ caller: "x", tenant: undefined, credentialId: undefined });
    for (const identity of [bare, ANONYMOUS, undefined])
      expect(codeOf(caller(V2, identity))).toBe("continue");
  });

  test("the operator reads which switch it was", () => {
    const { on, caller } = world();
    on({ caller: "batch" });
    expect(caller(V2, RETAIL)).toMatchObject({
      rejection: { status: 403, cause: "kill switch switch-1 (caller batch): wrong scores" },
    });
  });
});

describe("another version in its place", () => {
  const rolledBack = (changes: World = {}) => {
    const made = world(changes);
    made.on({ model: "churn", version: "v2" }, { routeTo: "v1" });
    return made;
  };

  test("the request goes to the same thing of the other version, and stays what was asked", () => {
    const { head } = rolledBack({ policies: { [V2.id]: { status: "deprecated" } } });
    expect(head(V2, "explain=1")).toEqual({
      verdict: "continue",
      learned: {
        status: "deprecated",
        routedTo: { version: "v1", route: V1, target: "/churn/v1/predict?explain=1" },
      },
    });
    expect(codeOf(head(V3))).toBe("continue");
  });

  test.each<[string, (made: ReturnType<typeof world>) => void]>([
    ["is shut too", ({ on }) => on({ model: "churn", version: "v1" })],
    ["has an upstream that is shut", ({ on }) => on({ provider: "churn-v1" })],
    [
      "is itself served by another",
      ({ on }) => on({ model: "churn", version: "v1" }, { routeTo: "v3" }),
    ],
    [
      "would be served by this one",
      ({ on }) => on({ model: "churn", version: "v1" }, { routeTo: "v2" }),
    ],
  ])("a version that %s serves nothing: refused, and never the one that is shut", (_, shut) => {
    const made = rolledBack();
    shut(made);
    expect(codeOf(made.head(V2))).toBe("kill-switch.killed");
  });

  test("a version that is revoked, or not there, serves nothing", () => {
    const revoked = rolledBack({ policies: { [V1.id]: { status: "revoked" } } });
    expect(revoked.head(V2)).toMatchObject({
      rejection: { code: "kill-switch.killed", cause: /v1 is revoked/ },
    });
    const gone = rolledBack({ routes: [V2, V3] });
    expect(gone.head(V2)).toMatchObject({
      rejection: { code: "kill-switch.killed", cause: /v1 has no route/ },
    });
  });

  test("a switch that refuses goes before one that routes; of two that route the newer", () => {
    const { on, head, store } = rolledBack();
    on({ model: "churn", version: "v2" }, { routeTo: "v3" });
    expect(head(V2)).toMatchObject({ learned: { routedTo: { version: "v3" } } });
    const before = store.active;
    on({ route: V2.id });
    expect(codeOf(head(V2))).toBe("kill-switch.killed");
    store.active = before;
    expect(codeOf(head(V2))).toBe("continue");
  });

  test("a caller who is shut out of the other version is shut out on this way too", () => {
    const { on, caller } = rolledBack();
    on({ model: "churn", version: "v1", caller: "batch" });
    const batch = identityOf({ caller: "batch" });
    const routedTo = { version: "v1", route: V1, target: "/churn/v1/predict" };
    expect(codeOf(caller(V2, batch))).toBe("continue");
    expect(codeOf(caller(V2, batch, { "kill-switch": { status: "active", routedTo } }))).toBe(
      "kill-switch.caller_killed",
    );
  });
});
