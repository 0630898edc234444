/**
 * What changes for whom when one pack takes the place of another: the kinds of requests that another output decides, with a request
 * of each. Two packs that decide alike show nothing, however differently they are written.
 */
import { compilePack, type PackDecision, type PackEvaluator } from "../evaluate/evaluator.ts";
import type { Pack } from "../pack.ts";
import { BudgetExceeded, type Assignment, type Edge } from "./diagram.ts";
import { exampleOf, RequestMaker, type ExampleRequest } from "./example.ts";
import { PackDiagrams } from "./pack-diagrams.ts";
import { searchRequest } from "./request-search.ts";
import { RequestModel } from "./request-model.ts";

export type Outcome = Pick<PackDecision, "output" | "effect" | "status" | "reason">;

/** All requests that `from` decides in the one pack and `to` in the other. */
export interface PackChange {
  readonly change: "deny_to_allow" | "allow_to_deny" | "same_effect";
  readonly from: Outcome;
  readonly to: Outcome;
  /** Tried with both packs; absent where none could be made, and nothing but the proof says that there are some. */
  readonly example?: ExampleRequest;
}

export interface PackDifference {
  /** Whether these are all changes; false when the packs are too involved, and there may be more. */
  readonly isComplete: boolean;
  /** What opens first, then what closes, then what only answers otherwise. */
  readonly changes: readonly PackChange[];
}

const ORDER: readonly PackChange["change"][] = ["deny_to_allow", "allow_to_deny", "same_effect"];

/** Proves how two packs differ, within the same budget as lint. */
export function diffPacks(a: Pack, b: Pack): PackDifference {
  const changes: PackChange[] = [];
  let isComplete = true;
  try {
    const diff = new Diff(a, b);
    for (const change of diff.changes()) changes.push(change);
  } catch (error) {
    if (!(error instanceof BudgetExceeded)) throw error;
    isComplete = false;
  }
  changes.sort((one, other) => ORDER.indexOf(one.change) - ORDER.indexOf(other.change));
  return { isComplete, changes };
}

/** One of the two packs. */
interface Side {
  readonly of: PackDiagrams;
  readonly evaluator: PackEvaluator;
  /** By place; the last is what decides when none fires. */
  readonly outcomes: readonly Outcome[];
  /** The first output that fires on just these requests. */
  readonly firstThatFires: ReadonlyMap<Edge, number>;
}

class Diff {
  readonly #model: RequestModel;
  readonly #maker: RequestMaker;
  readonly #a: Side;
  readonly #b: Side;

  constructor(a: Pack, b: Pack) {
    this.#model = new RequestModel([a, b]);
    this.#maker = new RequestMaker(this.#model);
    this.#a = sideOf(a, this.#model);
    this.#b = sideOf(b, this.#model);
  }

  *changes(): Generator<PackChange> {
    for (const [placeA, from] of this.#a.outcomes.entries())
      for (const [placeB, to] of this.#b.outcomes.entries()) {
        if (isSame(from, to) || this.#isSettled(placeA, placeB)) continue;
        yield* this.#changeBetween(placeA, placeB);
      }
  }

  /** An output that fires on the same requests stands before one of them in the other pack: no request has both. */
  #isSettled(placeA: number, placeB: number): boolean {
    const a = this.#a.firstThatFires.get(this.#b.of.firesAt(placeB)) ?? placeA;
    const b = this.#b.firstThatFires.get(this.#a.of.firesAt(placeA)) ?? placeB;
    return a < placeA || b < placeB;
  }

  *#changeBetween(placeA: number, placeB: number): Generator<PackChange> {
    const { diagrams } = this.#model;
    const earlier = ({ of }: Side, place: number, values: Uint8Array): Edge | undefined => {
      const decider = of.deciderOf(values);
      return decider < place ? diagrams.not(of.firesAt(decider)) : undefined;
    };
    const found = searchRequest(this.#model, {
      within: diagrams.and(this.#a.of.firesAt(placeA), this.#b.of.firesAt(placeB)),
      mustBe: (values) => earlier(this.#a, placeA, values) ?? earlier(this.#b, placeB, values),
      show: (assignment) => this.#try(placeA, placeB, assignment),
    });
    if (found.kind === "never") return;
    const from = this.#a.outcomes[placeA] as Outcome;
    const to = this.#b.outcomes[placeB] as Outcome;
    const change =
      from.effect === to.effect
        ? "same_effect"
        : to.effect === "allow"
          ? "deny_to_allow"
          : "allow_to_deny";
    yield { change, from, to, ...(found.kind === "shown" && { example: found.shown }) };
  }

  #try(placeA: number, placeB: number, assignment: Assignment): ExampleRequest | undefined {
    const made = this.#maker.make(assignment);
    if (!made) return undefined;
    const isDecidedBy = ({ evaluator, outcomes }: Side, place: number): boolean =>
      evaluator.decide(made.context, made.nowSeconds ?? 0).output === outcomes[place]?.output;
    const isSo = isDecidedBy(this.#a, placeA) && isDecidedBy(this.#b, placeB);
    return isSo ? exampleOf(made) : undefined;
  }
}

function sideOf(pack: Pack, model: RequestModel): Side {
  const of = new PackDiagrams(pack, model);
  const outcomes: Outcome[] = pack.outputs.map(({ id: output, effect, status, reason }) => ({
    output,
    effect,
    status,
    reason,
  }));
  outcomes.push({
    output: "default_deny",
    effect: "deny",
    status: 403,
    reason: "default_deny",
  });
  const firstThatFires = new Map<Edge, number>();
  for (const place of outcomes.keys()) {
    const fires = of.firesAt(place);
    if (!firstThatFires.has(fires)) firstThatFires.set(fires, place);
  }
  return { of, evaluator: compilePack(pack), outcomes, firstThatFires };
}

function isSame(a: Outcome, b: Outcome): boolean {
  return (
    a.output === b.output && a.effect === b.effect && a.status === b.status && a.reason === b.reason
  );
}
