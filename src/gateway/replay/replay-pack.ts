/**
 * One pack, asked again about what is only partly known. It answers only where every value that is not on record would
 * lead to the same answer.
 *
 * How that is told: unknown fields are left out, so that what depends on them is undefined. Kleene's logic is monotone: a
 * bit or wire that is true or false all the same would be so with any value. Only where a trigger is undefined because of
 * an unknown field could its value have made the output fire, or not.
 */
import {
  compilePack,
  type PackDecision,
  type PackEvaluator,
} from "../../packs/evaluate/evaluator.ts";
import type { FieldName } from "../../packs/fields.ts";
import type { Expression, Member, Output, Pack } from "../../packs/pack.ts";
import { parseTemplate } from "../path-template.ts";
import type { RecordedFields } from "./replay-fields.ts";
import { withKnownPath } from "./replay-path.ts";

/** Longest time a decision may have taken to be tried second by second; a rule may depend on the time. */
const WINDOW_LIMIT_SECONDS = 120;
/** Templates remembered. A ledger that outlived many configurations has a few thousand; beyond, they are read anew. */
const REMEMBERED_TEMPLATES = 10_000;

/** Seconds since the epoch, both included: the decision was made at one of them. */
export interface Window {
  readonly fromSeconds: number;
  readonly toSeconds: number;
}

export class ReplayPack {
  readonly #pack: Pack;
  readonly #byTemplate = new Map<string, PackOfTemplate>();

  constructor(pack: Pack) {
    this.#pack = pack;
  }

  /** `template` as recorded. */
  decide(recorded: RecordedFields, template: string, window: Window): PackDecision | "unknown" {
    const { fromSeconds, toSeconds } = window;
    if (toSeconds - fromSeconds > WINDOW_LIMIT_SECONDS) return "unknown";
    const pack = this.#packOf(template);
    let first: PackDecision | undefined;
    for (let seconds = fromSeconds; seconds <= toSeconds; seconds++) {
      const decision = pack.decide(recorded, seconds);
      if (decision === "unknown" || (first && !isSame(first, decision))) return "unknown";
      first ??= decision;
    }
    return first ?? "unknown";
  }

  #packOf(template: string): PackOfTemplate {
    const known = this.#byTemplate.get(template);
    if (known) return known;
    if (this.#byTemplate.size >= REMEMBERED_TEMPLATES) this.#byTemplate.clear();
    const pack = new PackOfTemplate(withKnownPath(this.#pack, parseTemplate(template)));
    this.#byTemplate.set(template, pack);
    return pack;
  }
}

const isSame = (a: PackDecision, b: PackDecision): boolean =>
  a.output === b.output && a.effect === b.effect && a.status === b.status;

/** The pack, with all decided that the template decides. */
class PackOfTemplate {
  readonly #evaluator: PackEvaluator;
  /** In order, each with the bits its trigger leads to. */
  readonly #outputs: readonly { readonly output: Output; readonly bits: ReadonlySet<string> }[];
  readonly #fieldsOfBits: ReadonlyMap<string, ReadonlySet<FieldName>>;

  constructor(pack: Pack) {
    this.#evaluator = compilePack(pack);
    this.#outputs = pack.outputs.map((output) => ({
      output,
      bits: bitsOf(output.trigger.of, pack),
    }));
    this.#fieldsOfBits = new Map(pack.bits.map((bit) => [bit.id, fieldsOf(bit.expression)]));
  }

  decide({ fields, unknown }: RecordedFields, nowSeconds: number): PackDecision | "unknown" {
    if (![...unknown].some((field) => this.#evaluator.readsField(field)))
      return this.#evaluator.decide(fields, nowSeconds);
    const { decision, bits, wires } = this.#evaluator.trace(fields, nowSeconds);
    const values = new Map([...bits, ...wires].map(({ id, value }) => [id, value]));
    for (const { output, bits: reached } of this.#outputs) {
      const isUndecided = values.get(output.trigger.of.id) === "undefined";
      const isInDoubt = (id: string): boolean =>
        values.get(id) === "undefined" && this.#readsAny(id, unknown);
      if (isUndecided && [...reached].some(isInDoubt)) return "unknown";
      if (output.id === decision.output) return decision;
    }
    return decision;
  }

  #readsAny(bit: string, fields: ReadonlySet<FieldName>): boolean {
    const read = this.#fieldsOfBits.get(bit);
    return read !== undefined && [...read].some((field) => fields.has(field));
  }
}

function bitsOf(of: Output["trigger"]["of"], pack: Pack): ReadonlySet<string> {
  const wires = new Map(pack.wires.map((wire) => [wire.id, wire]));
  const bits = new Set<string>();
  const seen = new Set<string>();
  const visit = (member: Member): void => {
    if (member.kind === "structure") return member.structure.members.forEach(visit);
    if (member.kind === "bit") return void bits.add(member.id);
    if (seen.has(member.id)) return;
    seen.add(member.id);
    wires.get(member.id)?.structure.members.forEach(visit);
  };
  visit(of);
  return bits;
}

function fieldsOf(expression: Expression): ReadonlySet<FieldName> {
  const fields = new Set<FieldName>();
  const visit = (part: Expression): void => {
    switch (part.kind) {
      case "literal":
        return;
      case "field":
        return void fields.add(part.field);
      case "not":
        return visit(part.of);
      case "and":
      case "or":
        return part.of.forEach(visit);
      case "compare":
        for (const operand of [part.left, part.right])
          if (operand.kind === "field") fields.add(operand.field);
    }
  };
  visit(expression);
  return fields;
}
