/**
 * Finds literals one of which every matching value must contain, in lower case. A filter built on them may let values
 * through for nothing; it must never hold back one that matches.
 */
import { literalFrequency } from "./byte-frequency.ts";
import type { ByteSet } from "./byte-set.ts";
import type { Pattern, PatternNode, Repeat } from "./pattern-tree.ts";

/** A condition every matching value fulfils. */
export interface RequiredLiterals {
  /** One of these occurs in the value after its ASCII letters were put in lower case. Never empty strings, never none. */
  readonly literals: readonly string[];
  /** The estimated share of places in benign values where one of them begins; the lower, the better the filter. */
  readonly hitRate: number;
}

/** Literals of one pattern; raised, the automaton for all rules grows, and with it the time to load them. */
const LITERALS_LIMIT = 4_096;
/** Strings of a node when all are known; products of neighbours are not spelled out beyond the second limit. */
const STRINGS_LIMIT = 512;
const PRODUCT_LIMIT = 256;
/** Longer literals say no more: the rest is cut off. */
const LITERAL_LENGTH_LIMIT = 24;
/** Above this share a filter stops nothing. */
const USELESS_HIT_RATE = 0.5;

/** What is known of the text a node matches, in lower case. */
interface Knowledge {
  /** All texts it can match, if they are few. */
  readonly strings?: readonly string[];
  /** The best set of which each text it matches contains one. */
  readonly required?: RequiredLiterals;
}

const NOTHING: Knowledge = {};
const EMPTY_TEXT: Knowledge = { strings: [""] };

/** The cheapest literals, or undefined when a match may do without any. */
export function requiredLiterals(pattern: Pattern): RequiredLiterals | undefined {
  const best = bestOf(knowledgeOf(pattern.root));
  const fewest = best && withoutLonger(best.literals);
  return fewest && fewest.hitRate <= USELESS_HIT_RATE ? fewest : undefined;
}

function knowledgeOf(node: PatternNode): Knowledge {
  switch (node.kind) {
    case "bytes":
      return ofSet(node.set);
    case "sequence":
      return ofSequence(node.items);
    case "alternation":
      return ofAlternation(node.items);
    case "repeat":
      return ofRepeat(node);
    case "capture":
    case "atomic":
      return knowledgeOf(node.item);
    case "empty":
    case "assertion":
      return EMPTY_TEXT;
    case "look":
      return ofLook(node);
    case "reference":
      return NOTHING;
  }
}

const ofSets = new WeakMap<ByteSet, Knowledge>();

function ofSet(set: ByteSet): Knowledge {
  const known = ofSets.get(set) ?? newOfSet(set);
  ofSets.set(set, known);
  return known;
}

function newOfSet(set: ByteSet): Knowledge {
  const strings = new Set(set.bytes().map((byte) => String.fromCharCode(lowerCase(byte))));
  return strings.size <= PRODUCT_LIMIT / 4 ? { strings: [...strings] } : NOTHING;
}

/** ASCII only: 0xC3 and 0xE3 are different bytes to every pattern. */
function lowerCase(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}

/** A look-around takes no bytes; what it demands to be there is in the value all the same. */
function ofLook({ item, isNegated }: PatternNode & { readonly kind: "look" }): Knowledge {
  if (isNegated) return EMPTY_TEXT;
  return withRequired(EMPTY_TEXT, bestOf(knowledgeOf(item)));
}

function ofSequence(items: readonly PatternNode[]): Knowledge {
  let required: RequiredLiterals | undefined;
  let isComplete = true;
  // All texts of the items since the last one whose texts are not known.
  let strings: readonly string[] = [""];
  for (const item of items) {
    const known = knowledgeOf(item);
    required = cheaper(required, known.required);
    const product = known.strings && productOf(strings, known.strings);
    if (product) {
      strings = product;
      continue;
    }
    isComplete = false;
    required = cheaper(required, literalsOf(strings));
    strings = known.strings ?? [""];
  }
  if (isComplete) return withRequired({ strings }, required);
  return withRequired(NOTHING, cheaper(required, literalsOf(strings)));
}

function productOf(
  left: readonly string[],
  right: readonly string[],
): readonly string[] | undefined {
  if (left.length === 1 && left[0] === "") return right;
  // One text on one side multiplies nothing, and makes no two texts equal.
  const [onlyLeft, onlyRight] = [left[0] ?? "", right[0] ?? ""];
  if (left.length === 1 && right.length === 1) return [onlyLeft + onlyRight];
  if (left.length === 1) return right.map((tail) => onlyLeft + tail);
  if (right.length === 1) return left.map((head) => head + onlyRight);
  if (left.length * right.length > PRODUCT_LIMIT) return undefined;
  const product = new Set<string>();
  for (const head of left) for (const tail of right) product.add(head + tail);
  return [...product];
}

function ofAlternation(items: readonly PatternNode[]): Knowledge {
  const all = items.map(knowledgeOf);
  const strings = new Set<string>();
  const isComplete = all.every((known) => known.strings !== undefined);
  if (isComplete)
    for (const known of all) for (const text of known.strings ?? []) strings.add(text);
  const literals = new Set<string>();
  let isRequired = true;
  for (const known of all) {
    const best = bestOf(known);
    if (!best) isRequired = false;
    for (const literal of best?.literals ?? []) literals.add(literal);
  }
  const required = isRequired ? literalsOf([...literals]) : undefined;
  const isFew = isComplete && strings.size <= STRINGS_LIMIT;
  return withRequired(isFew ? { strings: [...strings] } : NOTHING, required);
}

function ofRepeat({ item, min, max }: Repeat): Knowledge {
  const known = knowledgeOf(item);
  if (max === 0) return EMPTY_TEXT;
  if (min === 0) {
    if (max > 1 || !known.strings || known.strings.length >= STRINGS_LIMIT) return NOTHING;
    return { strings: [...new Set([...known.strings, ""])] };
  }
  let strings = known.strings;
  for (let i = 1; i < min && strings && known.strings; i++) {
    const product = productOf(strings, known.strings);
    // What comes first must be there, whatever follows.
    if (!product || longestOf(product) > LITERAL_LENGTH_LIMIT) {
      return withRequired(NOTHING, cheaper(known.required, literalsOf(strings)));
    }
    strings = product;
  }
  if (max === min && strings) return withRequired({ strings }, known.required);
  return withRequired(NOTHING, cheaper(known.required, strings && literalsOf(strings)));
}

function longestOf(strings: readonly string[]): number {
  return strings.reduce((longest, text) => Math.max(longest, text.length), 0);
}

function withRequired(known: Knowledge, required: RequiredLiterals | undefined): Knowledge {
  return required ? { ...known, required } : known;
}

function bestOf(known: Knowledge): RequiredLiterals | undefined {
  return cheaper(known.required, known.strings && literalsOf(known.strings));
}

function cheaper(
  one: RequiredLiterals | undefined,
  other: RequiredLiterals | undefined,
): RequiredLiterals | undefined {
  if (!one || !other) return one ?? other;
  return other.hitRate < one.hitRate ? other : one;
}

/** The texts as a condition; none if one of them is empty, or if there are too many. */
function literalsOf(strings: readonly string[]): RequiredLiterals | undefined {
  const cut = cutOff(strings);
  if (cut.length === 0 || cut.length > LITERALS_LIMIT || cut.includes("")) return undefined;
  return withHitRate(cut);
}

/** The texts, which are all different, cut to what a literal may have, and all different still. */
function cutOff(strings: readonly string[]): readonly string[] {
  if (longestOf(strings) <= LITERAL_LENGTH_LIMIT) return strings;
  return [...new Set(strings.map((text) => text.slice(0, LITERAL_LENGTH_LIMIT)))];
}

function withHitRate(literals: readonly string[]): RequiredLiterals {
  const hitRate = literals.reduce((sum, literal) => sum + literalFrequency(literal), 0);
  return { literals, hitRate };
}

/** Without those in which a shorter one occurs, which then says all. */
function withoutLonger(literals: readonly string[]): RequiredLiterals {
  const all = new Set(literals);
  const singles = literals.filter(({ length }) => length === 1);
  const lengths = lengthsByBeginning(literals);
  const holdsAnother = (literal: string): boolean => {
    if (literal.length === 1) return false;
    if (singles.some((single) => literal.includes(single))) return true;
    for (let start = 0; start + 1 < literal.length; start++) {
      for (const length of lengths.get(beginningAt(literal, start)) ?? [])
        if (length < literal.length && all.has(literal.slice(start, start + length))) return true;
    }
    return false;
  };
  return withHitRate(literals.filter((literal) => !holdsAnother(literal)));
}

/** The lengths of the literals of two bytes and more, by their first two: few places begin like any of them. */
function lengthsByBeginning(literals: readonly string[]): ReadonlyMap<number, ReadonlySet<number>> {
  const lengths = new Map<number, Set<number>>();
  for (const literal of literals) {
    if (literal.length === 1) continue;
    const beginning = beginningAt(literal, 0);
    const known = lengths.get(beginning);
    if (known === undefined) lengths.set(beginning, new Set([literal.length]));
    else known.add(literal.length);
  }
  return lengths;
}

function beginningAt(literal: string, at: number): number {
  return literal.charCodeAt(at) * 256 + literal.charCodeAt(at + 1);
}
