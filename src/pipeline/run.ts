/**
 * The runner: takes one exchange through the stages of its route and ends it in exactly one recorded outcome. It alone
 * awaits, answers, shadows and records; it never decides.
 */
import { BodyRejected, type Exchange } from "./exchange.ts";
import type { Decider, Facts, StageName } from "./facts.ts";
import type { Forwarder } from "./forward.ts";
import type { BrokenStage, Outcome, Recorder, ShadowVerdict } from "./outcome.ts";
import { Fault, rejection, type Rejection } from "./rejection.ts";
import { renderRejection } from "./render.ts";
import type { CallerRequest, Peer, RequestContext, Route } from "./request-context.ts";
import { applyEdits, type GatewayResponse } from "./response.ts";
import type {
  Clock,
  Decision,
  ResponseDecision,
  StageHandlers,
  StageMode,
  WhenBroken,
} from "./stage.ts";

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
  readonly response: readonly Step[];
  readonly decorate: readonly Step[];
  readonly end: readonly Step[];
  /** Most bytes of an upstream answer that a response step may make the runner hold. */
  readonly responseLimitBytes: number;
  /** What is said when every head step let the request pass but there is nowhere to send it. */
  readonly destination: "upstream" | Rejection;
}

export interface RunTools {
  readonly forwarder: Forwarder;
  readonly recorder: Recorder;
  readonly clock: Clock;
}

const EMPTY = Buffer.alloc(0);
const NO_SHADOWS: readonly ShadowVerdict[] = [];
const NO_BROKEN: readonly BrokenStage[] = [];

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
    response: having("onResponse"),
    decorate: having("decorate").reverse(),
    end: having("onEnd"),
    ...rest,
  };
}

/** The runner's own view of a context: the only place where it is written. */
class Context implements RequestContext {
  readonly request: CallerRequest;
  readonly peer: Peer;
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
  body: Buffer = EMPTY;
  readonly facts: Facts = {};

  constructor(request: CallerRequest, route: Route, params: Readonly<Record<string, string>>) {
    this.request = request;
    this.peer = request.peer;
    this.route = route;
    this.params = params;
  }
}

/** How the stages and the upstream left it: what to answer, and who said so. */
interface Verdict {
  readonly by: Decider;
  readonly code: Outcome["code"];
  readonly rejection: Rejection | undefined;
  readonly response: GatewayResponse;
}

export interface RunInput {
  readonly exchange: Exchange;
  readonly plan: Plan;
  readonly params: Readonly<Record<string, string>>;
}

/** Runs one request to its end. Settles when the answer is sent and the outcome recorded; never rejects. */
export async function run(input: RunInput, tools: RunTools): Promise<void> {
  await new Run(input, tools).toEnd();
}

/** Answers a request that the listener itself refuses; `plan` is that of unmatched paths, for its header edits. */
export async function refuse(input: RunInput, refusal: Rejection, tools: RunTools): Promise<void> {
  await new Run(input, tools).toRefusal(refusal);
}

class Run {
  readonly #exchange: Exchange;
  readonly #plan: Plan;
  readonly #tools: RunTools;
  readonly #context: Context;
  #shadows: ShadowVerdict[] | undefined;
  #broken: BrokenStage[] | undefined;
  #upstreamStartedMs: number | undefined;
  #upstreamEndedMs: number | undefined;

  constructor({ exchange, plan, params }: RunInput, tools: RunTools) {
    this.#exchange = exchange;
    this.#plan = plan;
    this.#tools = tools;
    this.#context = new Context(exchange.request, plan.route, params);
  }

  async toEnd(): Promise<void> {
    let verdict: Verdict;
    try {
      verdict = await this.#decide();
    } catch (error) {
      verdict = this.#refused("gateway", rejectionOfThrown(error));
    }
    await this.#finish(verdict);
  }

  async toRefusal(refusal: Rejection): Promise<void> {
    await this.#finish(this.#refused("listener", refusal));
  }

  async #decide(): Promise<Verdict> {
    const head =
      this.#plan.head.length > 0 ? await this.#walk(this.#plan.head, "onHead") : undefined;
    if (head) return head;
    if (this.#plan.destination !== "upstream")
      return this.#refused("router", this.#plan.destination);

    const isStreamed = this.#plan.route.bodyMode === "stream";
    if (!isStreamed) {
      const body = await this.#exchange.readBody(this.#plan.route.bodyLimitBytes);
      if (!Buffer.isBuffer(body)) return this.#refused(deciderOf(body), body);
      this.#context.body = body;
      const judged =
        this.#plan.body.length > 0 ? await this.#walk(this.#plan.body, "onBody") : undefined;
      if (judged) return judged;
    }
    if (this.#exchange.isCallerGone)
      return this.#refused("listener", rejection("listener.caller_gone"));
    return this.#forward(isStreamed);
  }

  async #forward(isStreamed: boolean): Promise<Verdict> {
    const { route, response: judges, responseLimitBytes } = this.#plan;
    this.#upstreamStartedMs = this.#tools.clock.monotonicMs();
    const forwarded = await this.#tools.forwarder.forward(this.#context, {
      body: isStreamed ? this.#exchange.streamBody(route.bodyLimitBytes) : this.#context.body,
      mustBuffer: judges.length > 0,
      responseLimitBytes,
      onCallerGone: (listener) => this.#exchange.onCallerGone(listener),
    });
    this.#upstreamEndedMs = this.#tools.clock.monotonicMs();
    if (forwarded.kind === "rejected")
      return this.#refused(deciderOf(forwarded.rejection), forwarded.rejection);
    const { response } = forwarded;
    if (judges.length > 0) {
      // An answer that must be judged is never passed on unjudged: a forwarder that streams it all the same is a bug.
      if (!Buffer.isBuffer(response.body)) {
        response.body.destroy();
        throw new Error("the forwarder streamed an answer that a stage must see whole");
      }
      return this.#judge({ ...response, body: response.body });
    }
    return { by: "upstream", code: "ok", rejection: undefined, response };
  }

  /** One pass over the request steps; undefined when all of them said `continue`. */
  #walk(
    steps: readonly Step[],
    pass: "onHead" | "onBody",
    from = 0,
  ): Verdict | undefined | Promise<Verdict | undefined> {
    for (let i = from; i < steps.length; i++) {
      const step = steps[i] as Step;
      let decision: Decision | Promise<Decision> | undefined;
      try {
        decision = step.handlers[pass]?.(this.#context);
      } catch (error) {
        const verdict = this.#threw(step, error);
        if (verdict) return verdict;
        continue;
      }
      if (decision instanceof Promise) return this.#walkOn(steps, pass, i, decision);
      const verdict = this.#apply(step, decision);
      if (verdict) return verdict;
    }
    return undefined;
  }

  /** The rest of a pass, once a step had to wait. A synchronous pass never gets here. */
  async #walkOn(
    steps: readonly Step[],
    pass: "onHead" | "onBody",
    at: number,
    pending: Promise<Decision>,
  ): Promise<Verdict | undefined> {
    const step = steps[at] as Step;
    let verdict: Verdict | undefined;
    try {
      verdict = this.#apply(step, await pending);
    } catch (error) {
      verdict = this.#threw(step, error);
    }
    return verdict ?? this.#walk(steps, pass, at + 1);
  }

  #apply(step: Step, decision: Decision | undefined): Verdict | undefined {
    if (decision === undefined) throw new Error(`stage ${step.stage} returned no decision`);
    switch (decision.verdict) {
      case "continue":
        if (decision.learned !== undefined) this.#learn(step.stage, decision.learned);
        return undefined;
      case "answer":
        if (step.mode === "shadow") return this.#shadowed(step.stage, "answered");
        return {
          by: step.stage,
          code: "answered",
          rejection: undefined,
          response: decision.response,
        };
      case "reject":
        if (step.mode === "shadow") return this.#shadowed(step.stage, decision.rejection.code);
        return this.#refused(step.stage, decision.rejection);
    }
  }

  async #judge(upstreamResponse: GatewayResponse & { readonly body: Buffer }): Promise<Verdict> {
    let response = upstreamResponse;
    for (const step of this.#plan.response) {
      let decision: ResponseDecision | undefined;
      try {
        decision = await step.handlers.onResponse?.(this.#context, response);
      } catch (error) {
        const verdict = this.#threw(step, error);
        if (verdict) return verdict;
        continue;
      }
      if (decision === undefined) throw new Error(`stage ${step.stage} returned no decision`);
      if (decision.verdict === "continue") continue;
      if (decision.verdict === "replace") {
        if (step.mode === "enforce") response = { ...response, body: decision.body };
        else this.#shadowed(step.stage, "answered");
        continue;
      }
      if (step.mode === "enforce") return this.#refused(step.stage, decision.rejection);
      this.#shadowed(step.stage, decision.rejection.code);
    }
    return { by: "upstream", code: "ok", rejection: undefined, response };
  }

  /** A stage writes only the fact that bears its own name, and only once. */
  #learn(stage: StageName, learned: unknown): void {
    if (this.#context.facts[stage] !== undefined)
      throw new Error(`stage ${stage} wrote its fact twice`);
    (this.#context.facts as Record<StageName, unknown>)[stage] = learned;
  }

  #shadowed(stage: StageName, code: ShadowVerdict["code"]): undefined {
    (this.#shadows ??= []).push({ stage, code });
    return undefined;
  }

  /** The three failures: a fault obeys `whenBroken`; anything else thrown is a bug and never passes. */
  #threw(step: Step, error: unknown): Verdict | undefined {
    if (error instanceof Fault && step.whenBroken === "continue") {
      (this.#broken ??= []).push({ stage: step.stage, cause: describe(error) });
      return undefined;
    }
    return this.#refused(step.stage, rejectionOfThrown(error));
  }

  #refused(by: Decider, refusal: Rejection): Verdict {
    return {
      by,
      code: refusal.code,
      rejection: refusal,
      response: renderRejection(refusal, this.#exchange.request),
    };
  }

  async #finish(verdict: Verdict): Promise<void> {
    const { response } = verdict;
    const headers = [...response.headers];
    for (const step of this.#plan.decorate) {
      const edits = step.handlers.decorate?.(this.#context, response.status);
      if (edits && edits.length > 0) applyEdits(headers, edits);
    }
    let isComplete = false;
    let bytesOut = 0;
    if (!this.#exchange.isCallerGone) {
      const sending = this.#exchange.send({
        status: response.status,
        headers,
        body: response.body,
      });
      ({ isComplete, bytesOut } = sending instanceof Promise ? await sending : sending);
      if (!Buffer.isBuffer(response.body)) this.#upstreamEndedMs = this.#tools.clock.monotonicMs();
    } else if (!Buffer.isBuffer(response.body)) response.body.destroy();
    this.#record(verdict, { isComplete, bytesOut });
  }

  #record(verdict: Verdict, sent: { isComplete: boolean; bytesOut: number }): void {
    const isLost = !sent.isComplete && this.#exchange.isCallerGone;
    const status = isLost ? 499 : verdict.response.status;
    const now = this.#tools.clock.monotonicMs();
    const started = this.#upstreamStartedMs;
    const ending = { status, wasForwarded: started !== undefined };
    for (const step of this.#plan.end) step.handlers.onEnd?.(this.#context, ending);
    const isBrokenStream = !sent.isComplete && !isLost;
    this.#tools.recorder.record({
      context: this.#context,
      decision: isBrokenStream ? "error" : decisionOf(verdict),
      status,
      stage: isBrokenStream
        ? "upstream"
        : isLost && verdict.by === "upstream"
          ? "listener"
          : verdict.by,
      code: isBrokenStream
        ? "upstream.connection_lost"
        : isLost && verdict.code === "ok"
          ? "listener.caller_gone"
          : verdict.code,
      cause: verdict.rejection?.cause,
      latencyMs: now - this.#exchange.request.startedAtMs,
      upstreamMs: started === undefined ? undefined : (this.#upstreamEndedMs ?? now) - started,
      bytesIn: this.#exchange.bytesIn,
      bytesOut: sent.bytesOut,
      shadows: this.#shadows ?? NO_SHADOWS,
      broken: this.#broken ?? NO_BROKEN,
    });
  }
}

function decisionOf(verdict: Verdict): Outcome["decision"] {
  if (!verdict.rejection) return "allow";
  return verdict.rejection.status >= 500 ? "error" : "deny";
}

/** The code's first part names who said it; body and upstream failures reach the runner as codes only. */
function deciderOf(refusal: Rejection): Decider {
  return refusal.code.slice(0, refusal.code.indexOf(".")) as Decider;
}

function rejectionOfThrown(error: unknown): Rejection {
  if (error instanceof Fault) {
    return rejection(error.code, {
      cause: describe(error),
      retryAfterSeconds: error.retryAfterSeconds,
    });
  }
  if (error instanceof BodyRejected) return error.rejection;
  return rejection("gateway.invariant_broken", { cause: describe(error) });
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return error instanceof Fault ? `${error.message}${cause}` : (error.stack ?? error.message);
}
