/**
 * Takes one request through lists of steps and says what they came to. It applies modes and the three failures; it never
 * forwards, answers or records.
 */
import type { StageName } from "./facts.ts";
import type { BrokenStage, ShadowVerdict } from "./outcome.ts";
import type { Step } from "./plan.ts";
import { Fault } from "./rejection.ts";
import type { RunContext } from "./run-context.ts";
import type { Decision, ResponseDecision } from "./stage.ts";
import { describe, rejectionOfThrown } from "./thrown.ts";
import {
  allowed,
  refused,
  type JudgedResponse,
  type Verdict,
  type WatchedResponse,
} from "./verdict.ts";

const NO_SHADOWS: readonly ShadowVerdict[] = [];
const NO_BROKEN: readonly BrokenStage[] = [];

export class Passes {
  readonly context: RunContext;
  #shadows: ShadowVerdict[] | undefined;
  #broken: BrokenStage[] | undefined;

  constructor(context: RunContext) {
    this.context = context;
  }

  /** What shadowed stages would have done so far. */
  get shadows(): readonly ShadowVerdict[] {
    return this.#shadows ?? NO_SHADOWS;
  }

  /** Stages that failed so far while the operator lets requests pass. */
  get broken(): readonly BrokenStage[] {
    return this.#broken ?? NO_BROKEN;
  }

  /** One pass over the request steps; undefined when all of them said `continue`. Waits only for promises. */
  walk(
    steps: readonly Step[],
    pass: "onHead" | "onBody",
    from = 0,
  ): Verdict | undefined | Promise<Verdict | undefined> {
    for (let i = from; i < steps.length; i++) {
      const step = steps[i] as Step;
      let decision: Decision | Promise<Decision> | undefined;
      try {
        decision = step.handlers[pass]?.(this.context);
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
    return verdict ?? this.walk(steps, pass, at + 1);
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
        if (decision.learned !== undefined) this.#learn(step.stage, decision.learned);
        if (step.mode === "shadow") return this.#shadowed(step.stage, decision.rejection.code);
        return refused(step.stage, decision.rejection, this.context.request);
    }
  }

  /** The response steps from `from` on; like a pass over the request, it waits only for promises. */
  judge(steps: readonly Step[], response: JudgedResponse, from = 0): Verdict | Promise<Verdict> {
    let judged = response;
    for (let i = from; i < steps.length; i++) {
      const step = steps[i] as Step;
      let decision: ResponseDecision | Promise<ResponseDecision> | undefined;
      try {
        decision = step.handlers.onResponse?.(this.context, judged);
      } catch (error) {
        const verdict = this.#threw(step, error);
        if (verdict) return verdict;
        continue;
      }
      if (decision instanceof Promise) return this.#judgeOn(steps, judged, i, decision);
      const outcome = this.#applyToResponse(step, decision, judged);
      if ("by" in outcome) return outcome;
      judged = outcome;
    }
    return allowed(judged);
  }

  /** An event stream on its way through the stages that watch it; none of them waits. */
  watch(steps: readonly Step[], response: WatchedResponse): Verdict {
    let watched = response;
    for (const step of steps) {
      if (step.mode === "shadow") continue;
      try {
        const decision = step.handlers.onStream?.(this.context, watched);
        if (decision === undefined) throw new Error(`stage ${step.stage} returned no decision`);
        if (decision.verdict === "watch") watched = { ...watched, body: decision.body };
        if (decision.verdict !== "reject") continue;
        watched.body.destroy();
        return refused(step.stage, decision.rejection, this.context.request);
      } catch (error) {
        const verdict = this.#threw(step, error);
        if (!verdict) continue;
        watched.body.destroy();
        return verdict;
      }
    }
    return allowed(watched);
  }

  async #judgeOn(
    steps: readonly Step[],
    response: JudgedResponse,
    at: number,
    pending: Promise<ResponseDecision>,
  ): Promise<Verdict> {
    const step = steps[at] as Step;
    let outcome: Verdict | JudgedResponse = response;
    try {
      outcome = this.#applyToResponse(step, await pending, response);
    } catch (error) {
      outcome = this.#threw(step, error) ?? response;
    }
    return "by" in outcome ? outcome : this.judge(steps, outcome, at + 1);
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
        if (step.mode === "enforce")
          return refused(step.stage, decision.rejection, this.context.request);
        this.#shadowed(step.stage, decision.rejection.code);
        return response;
    }
  }

  /** A stage writes only the fact that bears its own name, and only once. */
  #learn(stage: StageName, learned: unknown): void {
    if (this.context.facts[stage] !== undefined)
      throw new Error(`stage ${stage} wrote its fact twice`);
    (this.context.facts as Record<StageName, unknown>)[stage] = learned;
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
    return refused(step.stage, rejectionOfThrown(error), this.context.request);
  }
}
