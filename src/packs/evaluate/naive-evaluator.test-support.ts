/**
 * Decides by a pack's text as slowly and as plainly as one can: the YAML library's own objects, a rule parsed anew each
 * time it is needed, texts for truth values. It shares nothing with the evaluator it is compared with, and never will.
 */
import { parse } from "yaml";

type Truth = "true" | "false" | "undefined";
/** Values by name as written: "context.tenant". */
export type NaiveContext = ReadonlyMap<string, boolean | number | string | ReadonlySet<string>>;

interface RawPack {
  readonly policies: readonly { readonly id: string; readonly logic: string }[];
  readonly wiring: readonly { readonly id: string; readonly structure: RawStructure }[];
  readonly outputs: readonly Record<
    string,
    { readonly trigger: string; readonly action: string }
  >[];
}

interface RawStructure {
  readonly sequence?: readonly RawMember[];
  readonly parallel?: { readonly policies: readonly RawMember[]; readonly aggregator: string };
}

type RawMember = string | RawStructure;

export interface NaiveDecision {
  readonly output: string;
  readonly status: number;
  readonly wire: string | undefined;
  readonly bitFailed: string | undefined;
  readonly bitValue: string | undefined;
  readonly chain: readonly string[];
}

export class NaivePack {
  readonly raw: RawPack;

  constructor(yaml: string) {
    this.raw = parse(yaml) as RawPack;
  }

  decide(context: NaiveContext, now: number): NaiveDecision {
    let firstAllow: string | undefined;
    for (const output of this.raw.outputs) {
      const [[id, { trigger, action }]] = Object.entries(output) as [
        [string, { trigger: string; action: string }],
      ];
      const isAllow = id.startsWith("allow");
      if (isAllow) firstAllow ??= trigger;
      const value = this.trigger(trigger, context, now);
      const fires = isAllow ? value === "true" : value !== "false";
      if (fires) return this.#told(id, Number(action.slice(5, 8)), trigger, { context, now });
    }
    if (firstAllow === undefined)
      return {
        output: "default_deny",
        status: 403,
        wire: undefined,
        bitFailed: undefined,
        bitValue: undefined,
        chain: ["default_deny"],
      };
    return this.#told("default_deny", 403, firstAllow, { context, now });
  }

  trigger(trigger: string, context: NaiveContext, now: number): Truth {
    const inner = innerOf(trigger);
    const value = this.valueOf(inner, context, now);
    return inner === trigger ? value : opposite(value);
  }

  /** Of a bit, a wire or a structure. */
  valueOf(member: RawMember, context: NaiveContext, now: number): Truth {
    if (typeof member === "string") {
      const bit = this.raw.policies.find(({ id }) => id === member);
      if (bit) return new NaiveRule(bit.logic, context, now).value();
      const wire = this.raw.wiring.find(({ id }) => id === member);
      return this.valueOf((wire as { structure: RawStructure }).structure, context, now);
    }
    const values = membersOf(member).map((each) => this.valueOf(each, context, now));
    return isAny(member) ? anyOf(values) : allOf(values);
  }

  #told(
    output: string,
    status: number,
    trigger: string,
    { context, now }: { context: NaiveContext; now: number },
  ): NaiveDecision {
    const wire = innerOf(trigger);
    const isTrue = this.valueOf(wire, context, now) === "true";
    const path: string[] = [];
    const last = isTrue
      ? this.#down(wire, path, true, { context, now })
      : this.#down(wire, path, false, { context, now });
    const isFailedBit = !isTrue && last !== undefined;
    return {
      output,
      status,
      wire,
      bitFailed: isFailedBit ? last : undefined,
      bitValue: isFailedBit ? this.valueOf(last, context, now) : undefined,
      chain: [output, ...path],
    };
  }

  /** Writes down the ids on the way, and gives the bit at its end when there is one. */
  #down(
    member: RawMember,
    path: string[],
    wanted: boolean,
    at: { context: NaiveContext; now: number },
  ): string | undefined {
    if (typeof member === "string") path.push(member);
    if (typeof member === "string" && this.raw.policies.some(({ id }) => id === member))
      return member;
    const structure =
      typeof member === "string"
        ? (this.raw.wiring.find(({ id }) => id === member) as { structure: RawStructure }).structure
        : member;
    const members = membersOf(structure);
    if (wanted && !isAny(structure) && members.length > 1) return undefined;
    const next = members.find(
      (each) => (this.valueOf(each, at.context, at.now) === "true") === wanted,
    );
    return next === undefined ? undefined : this.#down(next, path, wanted, at);
  }
}

function innerOf(trigger: string): string {
  return trigger.startsWith("NOT(") ? trigger.slice(4, -1).trim() : trigger;
}

function isAny({ parallel }: RawStructure): boolean {
  return parallel?.aggregator === "ANY";
}

function membersOf({ sequence, parallel }: RawStructure): readonly RawMember[] {
  return sequence ?? parallel?.policies ?? [];
}

const opposite = (value: Truth): Truth =>
  value === "true" ? "false" : value === "false" ? "true" : "undefined";
const allOf = (values: readonly Truth[]): Truth =>
  values.includes("false") ? "false" : values.includes("undefined") ? "undefined" : "true";
const anyOf = (values: readonly Truth[]): Truth => opposite(allOf(values.map(opposite)));

const WORDS = /'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[A-Za-z_][\w.]*|-?[\d.]+|[=!<>]=|[<>()[\],]/g;

/** Reads a rule and works it out in the same breath. */
class NaiveRule {
  readonly #words: string[];
  readonly #context: NaiveContext;
  readonly #now: number;

  constructor(logic: string, context: NaiveContext, now: number) {
    this.#words = logic.match(WORDS) ?? [];
    this.#context = context;
    this.#now = now;
  }

  value(): Truth {
    const values = [this.#conjunction()];
    while (this.#words[0] === "OR") {
      this.#words.shift();
      values.push(this.#conjunction());
    }
    return anyOf(values);
  }

  #conjunction(): Truth {
    const values = [this.#single()];
    while (this.#words[0] === "AND") {
      this.#words.shift();
      values.push(this.#single());
    }
    return allOf(values);
  }

  #single(): Truth {
    if (this.#words[0] === "NOT") {
      this.#words.shift();
      return opposite(this.#single());
    }
    if (this.#words[0] === "(") {
      this.#words.shift();
      const value = this.value();
      this.#words.shift();
      return value;
    }
    const left = this.#operand();
    const next = this.#words[0];
    if (next === undefined || ["AND", "OR", ")"].includes(next))
      return left === undefined ? "undefined" : left === true ? "true" : "false";
    this.#words.shift();
    const right = this.#operand();
    if (left === undefined || right === undefined) return "undefined";
    return compare(left, next, right) ? "true" : "false";
  }

  #operand(): unknown {
    const word = this.#words.shift() as string;
    if (word === "now") {
      this.#words.splice(0, 2);
      return this.#now;
    }
    if (word === "true" || word === "false") return word === "true";
    if (word.startsWith("'") || word.startsWith('"'))
      return word.slice(1, -1).replaceAll(/\\(.)/g, "$1");
    if (word !== "[") return /^[-\d]/.test(word) ? Number(word) : this.#context.get(word);
    const items: unknown[] = [];
    while (this.#words[0] !== "]") {
      items.push(this.#operand());
      if (this.#words[0] === ",") this.#words.shift();
    }
    this.#words.shift();
    return items;
  }
}

function compare(left: unknown, operator: string, right: unknown): boolean {
  switch (operator) {
    case "==":
      return left === right;
    case "!=":
      return left !== right;
    case "<":
      return Number(left) < Number(right);
    case "<=":
      return Number(left) <= Number(right);
    case ">":
      return Number(left) > Number(right);
    case ">=":
      return Number(left) >= Number(right);
    case "IN":
      return [...(right as Iterable<unknown>)].some((item) => item === left);
    case "CONTAINS":
      if (typeof left === "string") return left.split(right as string).length > 1 || right === "";
      return [...(left as Iterable<unknown>)].some((item) => item === right);
    case "STARTS_WITH":
      return String(left).slice(0, String(right).length) === right;
    case "ENDS_WITH":
      return right === "" || String(left).slice(-String(right).length) === right;
    case "MATCHES":
      return new RegExp(right as string, "u").test(left as string);
    default:
      throw new TypeError(`no operator ${operator}`);
  }
}
