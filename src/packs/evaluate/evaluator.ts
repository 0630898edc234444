/**
 * Decides about requests by one pack. The first output that fires decides; when none does the answer is no. It must never
 * let a request pass because something is not known: an allow output needs true, a deny output everything but false.
 */
import type { FieldName, PackContext } from "../fields.ts";
import type { Output, Pack } from "../pack.ts";
import { nextIn, type BitRow } from "./bit-rows.ts";
import { CandidateIndex } from "./candidate-index.ts";
import type { PackDecision, PackTrace } from "./decision.ts";
import { fieldsRead } from "./fields-read.ts";
import { KnownDecisions, StepBudget, type Deciding } from "./known-decisions.ts";
import { RuleGraph } from "./rule-graph.ts";
import { truthOf } from "./truth.ts";

export type { PackDecision, PackTrace } from "./decision.ts";

export interface PackEvaluator {
  /** `nowSeconds` are seconds since the epoch. Decisions are frozen and shared between requests. */
  decide(context: PackContext, nowSeconds: number): PackDecision;
  /** The decision and the value of everything, for people; far dearer than `decide`. */
  trace(context: PackContext, nowSeconds: number): PackTrace;
  /** Whether an output depends on this field. */
  readsField(name: FieldName): boolean;
}

/** Makes a pack ready. Some milliseconds for hundreds of rules; done once, when the pack is loaded. */
export function compilePack(pack: Pack): PackEvaluator {
  return new CompiledPack(pack);
}

const DEFAULT_DENY: Deciding = {
  id: "default_deny",
  effect: "deny",
  status: 403,
  reason: "default_deny",
};
/** When there is no allow output at all, there is no wire to name. */
const NOTHING_ALLOWS: PackDecision = Object.freeze({
  effect: "deny",
  output: DEFAULT_DENY.id,
  status: DEFAULT_DENY.status,
  reason: DEFAULT_DENY.reason,
  wire: undefined,
  bitFailed: undefined,
  bitValue: undefined,
  chain: Object.freeze([DEFAULT_DENY.id]),
});

interface CompiledOutput {
  readonly id: string;
  readonly trigger: number;
  /** Whether it is asked if the trigger is true, or if it is false. */
  readonly asksTrue: boolean;
  /** The answer with which it fires. */
  readonly firesOn: boolean;
  readonly decisions: KnownDecisions;
}

class CompiledPack implements PackEvaluator {
  readonly #pack: Pack;
  readonly #graph: RuleGraph;
  readonly #outputs: readonly CompiledOutput[];
  readonly #index: CandidateIndex | undefined;
  readonly #defaultDeny: KnownDecisions | undefined;
  readonly #fields: ReadonlySet<FieldName>;

  constructor(pack: Pack) {
    const graph = new RuleGraph(pack);
    const budget = new StepBudget();
    this.#pack = pack;
    this.#graph = graph;
    this.#outputs = pack.outputs.map((output) => compileOutput(output, graph, budget));
    this.#index = CandidateIndex.of(pack);
    this.#defaultDeny = defaultDenyOf(pack, graph, budget);
    this.#fields = fieldsRead(pack);
  }

  decide(context: PackContext, nowSeconds: number): PackDecision {
    this.#graph.forget();
    const fired = this.#index
      ? this.#firstOf(this.#index.candidates(context), context, nowSeconds)
      : this.#outputs.find((output) => this.#fires(output, context, nowSeconds));
    if (fired) return fired.decisions.of(context, nowSeconds);
    return this.#defaultDeny?.of(context, nowSeconds) ?? NOTHING_ALLOWS;
  }

  trace(context: PackContext, nowSeconds: number): PackTrace {
    const decision = this.decide(context, nowSeconds);
    const valueOf = ({ id }: { readonly id: string }): PackTrace["bits"][number] => {
      const node = this.#graph.nodeOf(id);
      return { id, value: truthOf(this.#graph.valueOf(node, context, nowSeconds)) };
    };
    return {
      decision,
      bits: this.#pack.bits.map(valueOf),
      wires: this.#pack.wires.map(valueOf),
      outputs: this.#outputs.map((output) => ({
        id: output.id,
        fires: this.#fires(output, context, nowSeconds),
      })),
    };
  }

  readsField(name: FieldName): boolean {
    return this.#fields.has(name);
  }

  #firstOf(
    candidates: BitRow,
    context: PackContext,
    nowSeconds: number,
  ): CompiledOutput | undefined {
    for (let place = nextIn(candidates, 0); place >= 0; place = nextIn(candidates, place + 1)) {
      const output = this.#outputs[place] as CompiledOutput;
      if (this.#fires(output, context, nowSeconds)) return output;
    }
    return undefined;
  }

  #fires(
    { trigger, asksTrue, firesOn }: CompiledOutput,
    context: PackContext,
    nowSeconds: number,
  ): boolean {
    const answer = asksTrue
      ? this.#graph.isTrue(trigger, context, nowSeconds)
      : this.#graph.isFalse(trigger, context, nowSeconds);
    return answer === firesOn;
  }
}

/**
 * An allow fires when its trigger is true, a deny unless it is false; NOT exchanges true and false and leaves undefined.
 * So each output asks one question: `allow W` and `deny NOT(W)` whether W is true, the others whether it is false.
 */
function compileOutput(output: Output, graph: RuleGraph, budget: StepBudget): CompiledOutput {
  const { id, effect, trigger } = output;
  const node = graph.nodeOf(trigger.of.id);
  const firesOn = effect === "allow";
  const decisions = new KnownDecisions(output, node, graph, budget);
  return { id, trigger: node, asksTrue: firesOn !== trigger.negated, firesOn, decisions };
}

function defaultDenyOf(
  { outputs }: Pack,
  graph: RuleGraph,
  budget: StepBudget,
): KnownDecisions | undefined {
  const first = outputs.find(({ effect }) => effect === "allow");
  return (
    first && new KnownDecisions(DEFAULT_DENY, graph.nodeOf(first.trigger.of.id), graph, budget)
  );
}
