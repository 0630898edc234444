/** The limits stage on a real memory store and a frozen clock, with what a test needs to play caller, clock and runner. */
import {
  contextOf,
  FrozenClock,
  identityOf,
  routeOf,
  type ContextInput,
  type TestContext,
} from "../../../test/support/context.ts";
import type { Identity } from "../../pipeline/facts.ts";
import type { Route } from "../../pipeline/request-context.ts";
import { applyEdits, headerValue } from "../../pipeline/response.ts";
import type { Decision, Ending, StageHandlers } from "../../pipeline/stage.ts";
import type { LimitStore } from "../../stores/limits/limit-store.ts";
import { MemoryLimitStore } from "../../stores/limits/memory-limit-store.ts";
import { limitsSchema } from "./config.ts";
import { routeLimitsSchema } from "./route-config.ts";
import { limits } from "./stage.ts";

export interface Setup {
  readonly section?: object;
  readonly routes?: Readonly<Record<string, object>>;
  readonly store?: LimitStore;
  readonly clock?: FrozenClock;
  readonly random?: () => number;
  /** Whether the constitution is told of refusals on the route of most tests. */
  readonly isLeft?: boolean;
}

export const ROUTE_ID = "churn.v2.predict";
const ANSWERED: Ending = { status: 200, code: "ok", wasForwarded: true };

export interface Asking extends Omit<ContextInput, "route"> {
  readonly route?: Partial<Route>;
}

export function stageOf({
  section = {},
  routes = {},
  store = new MemoryLimitStore(),
  clock = new FrozenClock(),
  random,
  isLeft,
}: Setup) {
  const config = {
    ...limitsSchema.parse(section),
    routes: new Map(
      Object.entries(routes).map(([id, settings]) => [id, routeLimitsSchema.parse(settings)]),
    ),
    leftToConstitution: isLeft ? new Set([ROUTE_ID]) : undefined,
  };
  const stage = limits(config, { store, clock, ...(random && { random }) });
  const bound = new Map<string, StageHandlers<"limits">>();
  const handlersOf = (route: Route): StageHandlers<"limits"> => {
    const handlers = bound.get(route.id) ?? stage.bind(route);
    if (!handlers) throw new Error("not bound");
    bound.set(route.id, handlers);
    return handlers;
  };

  /** A request that has been decided and runs. */
  const ask = (asking: Asking) => {
    const handlers = handlersOf(routeOf(asking.route));
    const context = contextOf(asking);
    const decision = handlers.onHead?.(context) as Decision<"limits">;
    if (decision.verdict !== "answer" && decision.learned) context.facts.limits = decision.learned;
    const end = (ending = ANSWERED) => handlers.onEnd?.(context, ending);
    return {
      handlers,
      context,
      decision,
      end,
      answer: () => answerOf(handlers, context, decision),
    };
  };
  const start = (identity: Identity = identityOf(), id = ROUTE_ID) =>
    ask({ identity, route: { id } });
  const call = (identity?: Identity, id?: string) => {
    const running = start(identity, id);
    running.end();
    return running;
  };
  /** How many such requests, one after the other, pass; at most `most`. */
  const passes = (asking: Asking, most = 100): number => {
    for (let passed = 0; passed < most; passed++) {
      const running = ask(asking);
      running.end();
      if (running.decision.verdict !== "continue") return passed;
    }
    return most;
  };
  return { stage, clock, ask, start, call, passes };
}

/** The headers of the answer, as the runner would put them together. */
function answerOf(
  handlers: StageHandlers<"limits">,
  context: TestContext,
  decision: Decision<"limits">,
): Record<string, string | undefined> {
  const headers =
    decision.verdict === "reject"
      ? [...(decision.rejection.headers ?? [])]
      : ["x-ratelimit-limit", "9", "x-portcullis-degraded", "limits;mode=forged"];
  applyEdits(headers, handlers.decorate?.(context, 200) ?? []);
  return Object.fromEntries(
    [
      "x-ratelimit-limit",
      "x-ratelimit-remaining",
      "x-ratelimit-reset",
      "ratelimit",
      "ratelimit-policy",
      "x-portcullis-degraded",
    ].map((name) => [name, headerValue(headers, name)]),
  );
}

export const codeOf = (decision: Decision<"limits">): string =>
  decision.verdict === "reject" ? decision.rejection.code : decision.verdict;

export const retryOf = (decision: Decision<"limits">): number | undefined =>
  decision.verdict === "reject" ? decision.rejection.retryAfterSeconds : undefined;
