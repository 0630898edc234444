/** A route's stages, sorted at load into the flat lists that the runner walks. */
import type { StageName } from "./facts.ts";
import type { Rejection } from "./rejection.ts";
import type { Route } from "./request-context.ts";
import type { StageHandlers, StageMode, WhenBroken } from "./stage.ts";

/** One stage bound to one route, with the operator's mode for it. */
export interface Step {
  readonly stage: StageName;
  readonly mode: StageMode;
  readonly whenBroken: WhenBroken;
  readonly handlers: StageHandlers;
}

/** A route and its stages in order, sorted at load into the lists the runner walks. */
export interface Plan {
  readonly route: Route;
  readonly head: readonly Step[];
  readonly body: readonly Step[];
  readonly answer: readonly Step[];
  readonly response: readonly Step[];
  readonly decorate: readonly Step[];
  readonly seal: readonly Step[];
  readonly end: readonly Step[];
  /** Most bytes of an upstream answer that a response step may make the runner hold. */
  readonly responseLimitBytes: number;
  /** What is said when every head step let the request pass but there is nowhere to send it. */
  readonly destination: "upstream" | Rejection;
}

/** Sorts bound steps, given in the order of the poster, into a plan. */
export function planOf(
  route: Route,
  steps: readonly Step[],
  rest: Pick<Plan, "responseLimitBytes" | "destination">,
): Plan {
  const having = (name: keyof StageHandlers) =>
    steps.filter((step) => step.handlers[name] !== undefined);
  return {
    route,
    head: having("onHead"),
    body: having("onBody"),
    answer: having("onAnswer"),
    response: having("onResponse"),
    decorate: having("decorate").reverse(),
    seal: having("seal").reverse(),
    end: having("onEnd"),
    ...rest,
  };
}
