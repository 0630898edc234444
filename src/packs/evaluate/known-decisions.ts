/**
 * All that one output can decide, each decision made once and shared: a decision is an output and the way down to a bit,
 * and there are few of those. It must never remember anything of a request.
 */
import type { PackContext } from "../fields.ts";
import type { Output } from "../pack.ts";
import type { PackDecision } from "./decision.ts";
import type { RuleGraph } from "./rule-graph.ts";
import { UNDEFINED } from "./truth.ts";

/**
 * Steps kept for one pack, some hundred bytes each. Wires can be joined in more ways than fit into memory, and a caller
 * chooses the way; beyond the limit decisions are made anew each time.
 */
const KEPT_STEPS = 20_000;

/** Counts what all outputs of a pack keep together. */
export class StepBudget {
  #left = KEPT_STEPS;

  take(): boolean {
    if (this.#left > 0) this.#left--;
    return this.#left > 0;
  }
}

/** A node on the way from a trigger down to a bit. */
interface Step {
  readonly node: number;
  readonly above: Step | undefined;
  readonly below: (Step | undefined)[];
  /** The decision when the way ends here; two, because a bit may be false or undefined. */
  known?: PackDecision;
  knownUndefined?: PackDecision;
}

/** What is told of an output. */
export type Deciding = Pick<Output, "id" | "effect" | "status" | "reason">;

export class KnownDecisions {
  readonly #output: Deciding;
  readonly #graph: RuleGraph;
  readonly #budget: StepBudget;
  readonly #trigger: number;
  readonly #held: Step;
  readonly #failed: Step;

  constructor(output: Deciding, trigger: number, graph: RuleGraph, budget: StepBudget) {
    this.#output = output;
    this.#graph = graph;
    this.#budget = budget;
    this.#trigger = trigger;
    this.#held = { node: trigger, above: undefined, below: [] };
    this.#failed = { node: trigger, above: undefined, below: [] };
  }

  /** The decision of this output for the request that the graph was last asked about. */
  of(context: PackContext, nowSeconds: number): PackDecision {
    const graph = this.#graph;
    const isHeld = graph.isTrue(this.#trigger, context, nowSeconds);
    let step = isHeld ? this.#held : this.#failed;
    for (;;) {
      const place = graph.tellingMember(step.node, isHeld, context, nowSeconds);
      if (place < 0) break;
      step = step.below[place] ?? this.#stepBelow(step, place);
    }
    if (isHeld || !graph.isBit(step.node)) return (step.known ??= this.#decision(step, undefined));
    if (graph.bit(step.node, context, nowSeconds) === UNDEFINED)
      return (step.knownUndefined ??= this.#decision(step, "undefined"));
    return (step.known ??= this.#decision(step, "false"));
  }

  #stepBelow(above: Step, place: number): Step {
    const node = this.#graph.membersOf(above.node)[place] as number;
    const step: Step = { node, above, below: [] };
    if (this.#budget.take()) above.below[place] = step;
    return step;
  }

  #decision(last: Step, bitValue: PackDecision["bitValue"]): PackDecision {
    const { id: output, effect, status, reason } = this.#output;
    const ids: string[] = [];
    for (let step: Step | undefined = last; step; step = step.above) {
      const id = this.#graph.idOf(step.node);
      if (id !== undefined) ids.unshift(id);
    }
    return Object.freeze({
      effect,
      output,
      status,
      reason,
      wire: ids[0],
      bitFailed: bitValue === undefined ? undefined : ids.at(-1),
      bitValue,
      chain: Object.freeze([output, ...ids]),
    });
  }
}
