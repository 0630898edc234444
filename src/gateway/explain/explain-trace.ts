/**
 * Watches a plan at work: the same steps in the same order, walked by the runner, with each decision noted on its way.
 * It changes no decision. Steps that judge an upstream's answer are left out: there will be none.
 */
import type { Plan, Step } from "../../pipeline/plan.ts";
import { Fault } from "../../pipeline/rejection.ts";
import type { RequestContext } from "../../pipeline/request-context.ts";
import type { Decision } from "../../pipeline/stage.ts";
import { describe, rejectionOfThrown } from "../../pipeline/thrown.ts";
import { isAlwaysThere, knewOf, STAGES_IN_ORDER, type Row } from "./explain-rows.ts";

type Pass = "head" | "body";

/** What a step said, or threw. */
type Noted = { readonly decision: Decision } | { readonly error: unknown };

export class Trace {
  /** The plan to run in the place of the one that is watched. */
  readonly plan: Plan;
  readonly #watched: Plan;
  readonly #noted = new Map<string, Noted>();
  #context: RequestContext | undefined;

  constructor(plan: Plan) {
    this.#watched = plan;
    this.plan = {
      ...plan,
      head: plan.head.map((step) => this.#watch(step, "head")),
      body: plan.body.map((step) => this.#watch(step, "body")),
      response: [],
      // Nothing may be had signed that was never answered.
      seal: [],
    };
  }

  /** A row for each turn of each stage, in order; once the request has ended. */
  rows(): Row[] {
    const { head, body, response } = this.#watched;
    const bound = new Set([...head, ...body, ...response].map(({ stage }) => stage));
    const heads = STAGES_IN_ORDER.flatMap((stage): Row[] => {
      const step = head.find((one) => one.stage === stage);
      if (step) return [this.#rowOf(step, "head")];
      const hasNothing = isAlwaysThere(stage) && !bound.has(stage);
      return hasNothing ? [{ stage, pass: "head", verdict: "not_here" }] : [];
    });
    return [...heads, ...body.map((step) => this.#rowOf(step, "body"))];
  }

  /** Rows of the stages that would judge the upstream's answer. */
  answerRows(): Row[] {
    return this.#watched.response.map(({ stage }) => ({
      stage,
      pass: "answer",
      verdict: "not_asked",
      why: "judges what the upstream answers",
    }));
  }

  #watch(step: Step, pass: Pass): Step {
    const name = pass === "head" ? "onHead" : "onBody";
    const handler = step.handlers[name]?.bind(step.handlers);
    if (!handler) return step;
    const note = (noted: Noted): void => {
      this.#noted.set(`${pass} ${step.stage}`, noted);
    };
    const watched = (context: RequestContext): Decision | Promise<Decision> => {
      this.#context = context;
      const noteDecision = (decision: Decision): Decision => {
        note({ decision });
        return decision;
      };
      const noteError = (error: unknown): never => {
        note({ error });
        throw error;
      };
      try {
        const said = handler(context);
        return said instanceof Promise ? said.then(noteDecision, noteError) : noteDecision(said);
      } catch (error) {
        return noteError(error);
      }
    };
    return { ...step, handlers: { [name]: watched } };
  }

  #rowOf({ stage, mode, whenBroken }: Step, pass: Pass): Row {
    const noted = this.#noted.get(`${pass} ${stage}`);
    if (!noted || !this.#context) return { stage, pass, verdict: "not_asked" };
    const row = { stage, pass };
    if ("error" in noted) {
      const isPassed = noted.error instanceof Fault && whenBroken === "continue";
      const { code } = rejectionOfThrown(noted.error);
      const why = noted.error instanceof Fault ? describe(noted.error) : "a bug of the gateway";
      return { ...row, verdict: isPassed ? "broken" : "failed", code, why };
    }
    const { decision } = noted;
    if (decision.verdict === "continue")
      return { ...row, verdict: "passed", knew: this.#knew(stage, pass, this.#context) };
    const isShadow = mode === "shadow";
    if (decision.verdict === "answer")
      return { ...row, verdict: isShadow ? "shadowed" : "answered", code: "answered" };
    const { code, message, cause = message } = decision.rejection;
    const why = stage === "waf" ? this.#knew(stage, pass, this.#context) : cause;
    return { ...row, verdict: isShadow ? "shadowed" : "refused", code, why };
  }

  #knew(stage: Step["stage"], pass: Pass, context: RequestContext): string {
    const isTold = pass === "head" || stage === "constitution" || stage === "waf";
    if (isTold) return knewOf(stage, context);
    return `${context.body.length} bytes${context.facts.contract ? ", sound JSON" : ""}`;
  }
}
