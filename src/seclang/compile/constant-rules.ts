/**
 * Works out what a rule set's own set-up computes, once instead of for every request: settings in TX, and the paranoia levels
 * that are off. A rule is only taken away when it would do the same in every transaction.
 */
import type { ByteString } from "../byte-string.ts";
import { lowerName } from "../collections/lower-name.ts";
import type { Action, MacroPart } from "../parse/ast.ts";
import { parseMacros } from "../parse/macro.ts";
import { isCaptureName, type TxLayout } from "../transaction/tx-variables.ts";
import { nextValue } from "./compile-effects.ts";
import type { CompiledMember, CompiledRule } from "./compile-rule.ts";
import { skipTarget, type Place } from "./program.ts";
import type { Target } from "./target.ts";

/** Values of TX that are the same in every transaction, by lower-case name. */
export type KnownTx = Map<ByteString, ByteString>;

type SetVar = Extract<Action, { kind: "setvar" }>;

/** Goes through the phases in the order in which they run. */
export class ConstantFolder {
  readonly known: KnownTx;
  readonly #layout: TxLayout;
  /** Names that rules write at run time, from here on. */
  readonly #dynamic = new Set<ByteString>();
  /** Beginnings of names that rules make at run time. */
  readonly #madeNames: readonly ByteString[];

  constructor(options: {
    readonly layout: TxLayout;
    readonly initialTx: KnownTx;
    readonly rules: Iterable<CompiledRule>;
  }) {
    this.#layout = options.layout;
    this.known = new Map(options.initialTx);
    this.#madeNames = madeNamesOf(options.rules);
  }

  /** The places of a phase, less the rules that need not be run. What a phase sets that runs more than once, it sets each time. */
  fold(places: readonly Place[], isRepeated = false): readonly Place[] {
    const kept: Place[] = [];
    // Up to here rules may be skipped at run time: what they would set is not sure.
    let unsureUntil = 0;
    for (let at = 0; at < places.length; at++) {
      const place = places[at];
      if (place?.kind !== "rule") {
        if (place !== undefined) kept.push(place);
        continue;
      }
      const { rule } = place;
      const matches = this.#matches(rule);
      if (matches === false) {
        kept.push(gone(place));
        continue;
      }
      const target = skipTarget(places, at) ?? at + 1;
      const isSure = at >= unsureUntil && !(isRepeated && rule.effects.length > 0);
      if (matches === true && isSure && this.#settle(rule)) {
        kept.push(...places.slice(at, target).map(gone));
        at = target - 1;
        continue;
      }
      kept.push(place);
      this.#forget(rule);
      const { disruption } = rule.rule;
      unsureUntil = Math.max(unsureUntil, disruption.kind === "allow" ? Infinity : target);
    }
    return kept;
  }

  /** The start values, by slot. */
  initialSlots(): readonly (ByteString | undefined)[] {
    return this.#layout.names.map((name) => this.known.get(name));
  }

  /** Whether the rule matches in every transaction, in none, or that is not known. */
  #matches(rule: CompiledRule): boolean | undefined {
    const head = this.#memberMatches(rule, rule.rule.operator?.argument);
    if (head === false || rule.links.length === 0) return head;
    const links = rule.links.map((link, at) =>
      this.#memberMatches(link, rule.rule.links[at]?.operator?.argument),
    );
    // WHY: effects of the members before a link would change what it sees.
    if (head !== true || rule.effects.length > 0) return undefined;
    if (links.includes(false)) return false;
    return links.every((link) => link === true) && doesNothing(rule.links) ? true : undefined;
  }

  #memberMatches(member: CompiledMember, argument: ByteString | undefined): boolean | undefined {
    if (member.isUnconditional) return true;
    const { operator, stageChains } = member;
    if (stageChains !== undefined) return undefined;
    const values: ByteString[] = [];
    for (const target of member.targets) {
      const value = this.#valueOf(target);
      if (value === undefined) return undefined;
      if (value !== null) values.push(value);
    }
    const expanded =
      operator.argument === undefined ? "" : this.#expanded(parseMacros(argument ?? "", () => {}));
    if (expanded === undefined || member.targets.length === 0) return undefined;
    return values.some(
      (value) => operator.test(transformed(value, member), expanded) !== operator.isNegated,
    );
  }

  /** The target's constant value; null when the variable does not exist; undefined when that is not known. */
  #valueOf(target: Target): ByteString | null | undefined {
    if (target.excludes !== undefined) return undefined;
    const key =
      target.kind === "tx" ? target.key : target.name === "TX" ? target.selector?.key : undefined;
    if (key === undefined || !this.#isConstant(key)) return undefined;
    const value = this.known.get(key);
    if (target.isCount) return value === undefined ? "0" : "1";
    return value ?? null;
  }

  #isConstant(key: ByteString): boolean {
    return (
      !isCaptureName(key) &&
      !this.#dynamic.has(key) &&
      !this.#madeNames.some((beginning) => key.startsWith(beginning))
    );
  }

  #expanded(parts: readonly MacroPart[]): ByteString | undefined {
    let text = "";
    for (const part of parts) {
      if (part.kind === "text") text += part.text;
      else {
        const key = part.key === undefined ? undefined : lowerName(part.key);
        if (part.variable !== "TX" || key === undefined || !this.#isConstant(key)) return undefined;
        text += this.known.get(key) ?? "";
      }
    }
    return text;
  }

  /** Does now what the rule would do every time; false when that cannot be done once and for all. */
  #settle({ rule, isCapturing, links }: CompiledRule): boolean {
    const isSilent = !rule.isLogged && rule.disruption.kind === "pass";
    if (!isSilent || isCapturing || !doesNothing(links)) return false;
    const before = new Map(this.known);
    for (const action of rule.actions) {
      if (action.kind === "ctl" || action.kind === "initcol" || action.kind === "expirevar")
        return this.#undo(before);
      if (action.kind === "setenv") return this.#undo(before);
      if (action.kind !== "setvar") continue;
      const change = this.#changeOf(action);
      if (change === undefined) return this.#undo(before);
      this.#apply(change);
    }
    return true;
  }

  #undo(before: KnownTx): false {
    this.known.clear();
    for (const [key, value] of before) this.known.set(key, value);
    return false;
  }

  #apply([key, value]: readonly [ByteString, ByteString | undefined]): void {
    this.#layout.slotOf(key);
    if (value === undefined) this.known.delete(key);
    else this.known.set(key, value);
  }

  #changeOf(action: SetVar): [ByteString, ByteString | undefined] | undefined {
    if (action.collection !== "TX") return undefined;
    const name = this.#expanded(action.key);
    const text = this.#expanded(action.value);
    if (name === undefined || text === undefined) return undefined;
    const key = lowerName(name);
    if (!this.#isConstant(key)) return undefined;
    return [key, nextValue(action.op, text, () => this.known.get(key))];
  }

  /** What a rule writes that stays is unknown from here on. */
  #forget({ rule }: CompiledRule): void {
    for (const member of [rule, ...rule.links])
      for (const action of member.actions)
        if (action.kind === "setvar" && action.collection === "TX") {
          const key = textOnly(action.key);
          if (key !== undefined) this.#dynamic.add(lowerName(key));
        }
  }
}

function transformed(value: ByteString, { transformations }: CompiledMember): ByteString {
  return transformations.reduce((text, transform) => transform(text), value);
}

function doesNothing(links: readonly CompiledMember[]): boolean {
  return links.every(({ effects, isCapturing }) => effects.length === 0 && !isCapturing);
}

function gone(place: Place): Place {
  return place.kind === "rule" ? { kind: "gone", rule: place.rule } : place;
}

function textOnly(parts: readonly MacroPart[]): ByteString | undefined {
  return parts.every(({ kind }) => kind === "text")
    ? parts.map((part) => (part.kind === "text" ? part.text : "")).join("")
    : undefined;
}

/** The constant beginnings of names with macros; an empty one means that any name may be written. */
function madeNamesOf(rules: Iterable<CompiledRule>): readonly ByteString[] {
  const beginnings = new Set<ByteString>();
  for (const { rule } of rules)
    for (const { actions } of [rule, ...rule.links])
      for (const action of actions)
        if (
          action.kind === "setvar" &&
          action.collection === "TX" &&
          textOnly(action.key) === undefined
        ) {
          const [first] = action.key;
          beginnings.add(first?.kind === "text" ? lowerName(first.text) : "");
        }
  return [...beginnings];
}
