/**
 * The runner: takes one exchange through the stages of its route and ends it in exactly one recorded outcome. It alone
 * awaits, answers, shadows and records; it never decides.
 */
import type { Readable } from "node:stream";
import { AnswerBroken, type Exchange, type Sent } from "./exchange.ts";
import type { Decider, StageName } from "./facts.ts";
import type { Forwarded, Forwarder, ForwardOptions } from "./forward.ts";
import type { BrokenStage, Recorder, ShadowVerdict } from "./outcome.ts";
import { Fault, rejection, type Rejection } from "./rejection.ts";
import type { Plan, Step } from "./plan.ts";
import { renderRejection } from "./render.ts";
import { applyEdits } from "./response.ts";
import { RunContext } from "./run-context.ts";
import type { Clock, Decision, ResponseDecision } from "./stage.ts";
import { describe, rejectionOfThrown } from "./thrown.ts";
import { allowed, deciderOf, type End, type JudgedResponse, type Verdict } from "./verdict.ts";

export interface RunTools {
  readonly forwarder: Forwarder;
  readonly recorder: Recorder;
  readonly clock: Clock;
}

const NOTHING_SENT: Sent = { bytesOut: 0, isComplete: false };
const NO_SHADOWS: readonly ShadowVerdict[] = [];
const NO_BROKEN: readonly BrokenStage[] = [];

export interface RunInput {
  readonly exchange: Exchange;
  readonly plan: Plan;
  readonly params: Readonly<Record<string, string>>;
}

/** Runs one request to its end. Settles when the answer is sent and the outcome recorded; never rejects. */
export function run(input: RunInput, tools: RunTools): Promise<void> {
  return new Run(input, tools).toEnd();
}

/** Answers a request that the listener itself refuses; `plan` is that of unmatched paths, for its header edits. */
export async function refuse(input: RunInput, refusal: Rejection, tools: RunTools): Promise<void> {
  await new Run(input, tools).toRefusal(refusal);
}

class Run {
  readonly #exchange: Exchange;
  readonly #plan: Plan;
  readonly #tools: RunTools;
  readonly #context: RunContext;
  #shadows: ShadowVerdict[] | undefined;
  #broken: BrokenStage[] | undefined;
  #upstreamStartedMs: number | undefined;
  #upstreamEndedMs: number | undefined;

  constructor({ exchange, plan, params }: RunInput, tools: RunTools) {
    this.#exchange = exchange;
    this.#plan = plan;
    this.#tools = tools;
    this.#context = new RunContext(exchange.request, plan.route, params);
  }

  async toEnd(): Promise<void> {
    let verdict: Verdict;
    try {
      verdict = await this.#decide();
    } catch (error) {
      verdict = this.#refused("gateway", rejectionOfThrown(error));
    }
    // Waited for only when the answer takes its time: the rest is sent at once.
    const finishing = this.#finish(verdict);
    if (finishing) await finishing;
  }

  async toRefusal(refusal: Rejection): Promise<void> {
    await this.#finish(this.#refused("listener", refusal));
  }

  /** Head, body, upstream, answer. One function and not four: each that waits costs every request a turn. */
  async #decide(): Promise<Verdict> {
    const exchange = this.#exchange;
    const { route, destination } = this.#plan;
    const heads = this.#walk(this.#plan.head, "onHead");
    const head = heads instanceof Promise ? await heads : heads;
    if (head) return head;
    if (destination !== "upstream") return this.#refused("router", destination);
    if (!this.#isStreamed) {
      const body = await exchange.readBody(route.bodyLimitBytes);
      if (!Buffer.isBuffer(body)) return this.#refused(deciderOf(body), body);
      this.#context.body = body;
      const bodies = this.#walk(this.#plan.body, "onBody");
      const verdict = bodies instanceof Promise ? await bodies : bodies;
      if (verdict) return verdict;
    }
    if (exchange.isCallerGone) return this.#refused("listener", rejection("listener.caller_gone"));
    this.#upstreamStartedMs = this.#tools.clock.monotonicMs();
    const forwarded = await this.#tools.forwarder.forward(this.#context, this.#toForward());
    this.#upstreamEndedMs = this.#tools.clock.monotonicMs();
    return this.#answerOf(forwarded);
  }

  get #isStreamed(): boolean {
    return this.#plan.route.bodyMode === "stream";
  }

  #toForward(): ForwardOptions {
    const { route, response: judges, responseLimitBytes } = this.#plan;
    const exchange = this.#exchange;
    return {
      body: this.#isStreamed ? exchange.streamBody(route.bodyLimitBytes) : this.#context.body,
      mustBuffer: judges.length > 0,
      responseLimitBytes,
      onCallerGone: (listener) => exchange.onCallerGone(listener),
    };
  }

  #answerOf(forwarded: Forwarded): Verdict | Promise<Verdict> {
    if (forwarded.kind === "rejected") {
      return this.#refused(deciderOf(forwarded.rejection), forwarded.rejection);
    }
    const { response } = forwarded;
    if (this.#plan.response.length === 0) return allowed(response);
    // An answer that must be judged is never passed on unjudged: a forwarder that streams it all the same is a bug.
    if (!Buffer.isBuffer(response.body)) {
      response.body.destroy();
      throw new Error("the forwarder streamed an answer that a stage must see whole");
    }
    return this.#judge({ ...response, body: response.body }, 0);
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

  /** The response steps from `from` on; like a pass over the request, it waits only for promises. */
  #judge(response: JudgedResponse, from: number): Verdict | Promise<Verdict> {
    let judged = response;
    for (let i = from; i < this.#plan.response.length; i++) {
      const step = this.#plan.response[i] as Step;
      let decision: ResponseDecision | Promise<ResponseDecision> | undefined;
      try {
        decision = step.handlers.onResponse?.(this.#context, judged);
      } catch (error) {
        const verdict = this.#threw(step, error);
        if (verdict) return verdict;
        continue;
      }
      if (decision instanceof Promise) return this.#judgeOn(judged, i, decision);
      const outcome = this.#applyToResponse(step, decision, judged);
      if ("by" in outcome) return outcome;
      judged = outcome;
    }
    return allowed(judged);
  }

  async #judgeOn(
    response: JudgedResponse,
    at: number,
    pending: Promise<ResponseDecision>,
  ): Promise<Verdict> {
    const step = this.#plan.response[at] as Step;
    let outcome: Verdict | JudgedResponse = response;
    try {
      outcome = this.#applyToResponse(step, await pending, response);
    } catch (error) {
      outcome = this.#threw(step, error) ?? response;
    }
    return "by" in outcome ? outcome : this.#judge(outcome, at + 1);
  }

  #applyToResponse(
    step: Step,
    decision: ResponseDecision | undefined,
    response: JudgedResponse,
  ): Verdict | JudgedResponse {
    if (decision === undefined) throw new Error(`stage ${step.stage} returned no decision`);
    switch (decision.verdict) {
      case "continue":
        return response;
      case "replace":
        if (step.mode === "enforce") return { ...response, body: decision.body };
        this.#shadowed(step.stage, "answered");
        return response;
      case "reject":
        if (step.mode === "enforce") return this.#refused(step.stage, decision.rejection);
        this.#shadowed(step.stage, decision.rejection.code);
        return response;
    }
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

  #finish(verdict: Verdict): void | Promise<void> {
    const { status, body, headers: given } = verdict.response;
    const headers = [...given];
    for (const step of this.#plan.decorate) {
      const edits = step.handlers.decorate?.(this.#context, status);
      if (edits && edits.length > 0) applyEdits(headers, edits);
    }
    if (this.#exchange.isCallerGone) {
      if (!Buffer.isBuffer(body)) body.destroy();
      return this.#record(verdict, NOTHING_SENT);
    }
    let sending: Sent | Promise<Sent>;
    try {
      sending = this.#exchange.send({ status, headers, body });
    } catch (error) {
      // An answer that cannot be written is cut off by the exchange; it is recorded like every other end.
      return this.#record(this.#refused("gateway", rejectionOfThrown(error)), NOTHING_SENT);
    }
    if (!(sending instanceof Promise)) return this.#record(verdict, sending);
    return sending.then((sent) => {
      if (!Buffer.isBuffer(body)) this.#upstreamEndedMs = this.#tools.clock.monotonicMs();
      this.#record(verdict, sent);
    });
  }

  #record(verdict: Verdict, sent: Sent): void {
    const end = this.#endOf(verdict, sent);
    const now = this.#tools.clock.monotonicMs();
    const started = this.#upstreamStartedMs;
    const ending = { status: end.status, wasForwarded: started !== undefined };
    for (const step of this.#plan.end) step.handlers.onEnd?.(this.#context, ending);
    this.#tools.recorder.record({
      context: this.#context,
      decision: end.decision,
      status: end.status,
      stage: end.by,
      code: end.code,
      cause: verdict.rejection?.cause,
      latencyMs: now - this.#exchange.request.startedAtMs,
      upstreamMs: started === undefined ? undefined : (this.#upstreamEndedMs ?? now) - started,
      bytesIn: this.#exchange.bytesIn,
      bytesOut: sent.bytesOut,
      shadows: this.#shadows ?? NO_SHADOWS,
      broken: this.#broken ?? NO_BROKEN,
    });
  }

  /** What became of a verdict on its way out: said as meant, lost with its caller, or broken off in its stream. */
  #endOf(verdict: Verdict, sent: Sent): End {
    const { by, code, rejection: refusal, response } = verdict;
    // What the listener refuses is the caller's doing, 501 too: it must not fill the log with errors.
    const decision = !refusal
      ? "allow"
      : refusal.status >= 500 && by !== "listener"
        ? "error"
        : "deny";
    if (sent.isComplete) return { decision, status: response.status, by, code };
    if (this.#exchange.isCallerGone) {
      if (refusal) return { decision, status: 499, by, code };
      return { decision, status: 499, by: "listener", code: "listener.caller_gone" };
    }
    if (refusal) return { decision, status: response.status, by, code };
    const { errored } = response.body as Readable;
    const brokenBy = errored instanceof AnswerBroken ? errored.code : "upstream.connection_lost";
    return { decision: "error", status: response.status, by: "upstream", code: brokenBy };
  }
}
