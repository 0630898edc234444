/**
 * Writes a pattern as a JavaScript RegExp that means the same over byte strings. Never uses the flags u, v, m or s: what
 * a byte is, where a line ends and which letters are equal is written out, so that no Unicode rule can slip in.
 */
import type { ByteRange, ByteSet } from "./byte-set.ts";
import {
  childrenOf,
  PatternRefused,
  type Assertion,
  type Pattern,
  type PatternNode,
} from "./pattern-tree.ts";

/** What `new RegExp` takes, and where PCRE's groups went. */
export interface JavaScriptPattern {
  readonly source: string;
  readonly flags: "" | "i";
  /** At the number of a group in the original, its number in the RegExp; 0 stands for the whole match. */
  readonly groups: readonly number[];
}

/**
 * Translates, or throws `PatternRefused`. Two differences remain: a reference to a group that took no part matches the
 * empty string instead of failing, and a case-insensitive reference takes Latin-1 letters of both cases for equal.
 */
export function toJavaScript(pattern: Pattern): JavaScriptPattern {
  const survey = surveyOf(pattern);
  const writer = new JavaScriptWriter(survey.groups);
  const source = writer.write(pattern.root);
  return { source, flags: survey.ignoresCase ? "i" : "", groups: survey.groups };
}

/** As `toJavaScript`, compiled. Further flags may be g, y or d. */
export function toRegExp(pattern: Pattern, flags = ""): RegExp {
  const translated = toJavaScript(pattern);
  return new RegExp(translated.source, translated.flags + flags);
}

interface Survey {
  readonly groups: readonly number[];
  readonly ignoresCase: boolean;
}

/** Numbers the groups: those that stand for atomic ones count, too, in the order of their parentheses. */
function surveyOf(pattern: Pattern): Survey {
  const groups: number[] = [0];
  let next = 1;
  let ignoresCase = false;
  const sets = new Set<ByteSet>();
  const visit = (node: PatternNode): void => {
    if (node.kind === "capture") groups[node.index] = next++;
    if (isAtomic(node)) next++;
    if (node.kind === "reference" && node.ignoresCase) ignoresCase = true;
    if (node.kind === "bytes") sets.add(node.set);
    if (node.kind === "look" && node.isBehind && hasAtomic(node.item)) {
      throw new PatternRefused("unsupported", "an atomic group inside a look-behind");
    }
    for (const child of childrenOf(node)) visit(child);
  };
  visit(pattern.root);
  if (ignoresCase && ![...sets].every(isClosedUnderFolding)) {
    throw new PatternRefused(
      "unsupported",
      "a case-insensitive back-reference beside parts where case matters",
    );
  }
  return { groups, ignoresCase };
}

function isAtomic(node: PatternNode): boolean {
  return node.kind === "atomic" || (node.kind === "repeat" && node.mode === "possessive");
}

function hasAtomic(node: PatternNode): boolean {
  return isAtomic(node) || childrenOf(node).some(hasAtomic);
}

/** Whether flag i of JavaScript (which folds Latin-1 letters, too) would leave the set as it is. */
function isClosedUnderFolding(set: ByteSet): boolean {
  for (let upper = 0x41; upper <= 0xde; upper++) {
    const isLetter = upper <= 0x5a || (upper >= 0xc0 && upper !== 0xd7);
    if (isLetter && set.has(upper) !== set.has(upper + 0x20)) return false;
  }
  return true;
}

const ASSERTIONS: Readonly<Record<Assertion, string>> = {
  start: "^",
  end: "$",
  endOrFinalNewline: "(?=\\n?$)",
  lineStart: "(?:^|(?<=\\n)(?!$))",
  lineEnd: "(?=\\n|$)",
  wordBoundary: "\\b",
  notWordBoundary: "\\B",
};

class JavaScriptWriter {
  readonly #groups: readonly number[];
  #next = 1;

  constructor(groups: readonly number[]) {
    this.#groups = groups;
  }

  write(node: PatternNode): string {
    switch (node.kind) {
      case "empty":
        return "";
      case "bytes":
        return setSource(node.set);
      case "sequence":
        return node.items.map((item) => this.#part(item)).join("");
      case "alternation":
        return node.items.map((item) => this.write(item)).join("|");
      case "capture":
        this.#next++;
        return `(${this.write(node.item)})`;
      case "assertion":
        return ASSERTIONS[node.assertion];
      case "look":
        return `(?${node.isBehind ? "<" : ""}${node.isNegated ? "!" : "="}${this.write(node.item)})`;
      case "reference":
        return `(?:\\${this.#groups[node.index] ?? 0})`;
      case "atomic":
        return this.#atomic(() => this.write(node.item));
      case "repeat":
        if (node.mode === "possessive") return this.#atomic(() => this.#repeat(node));
        return this.#repeat(node) + (node.mode === "lazy" ? "?" : "");
    }
  }

  #part(node: PatternNode): string {
    const source = this.write(node);
    return node.kind === "alternation" ? `(?:${source})` : source;
  }

  /** What a look-ahead has found is found: taken from there by reference it cannot be given back in parts. */
  #atomic(inner: () => string): string {
    const group = this.#next++;
    return `(?:(?=(${inner()}))\\${group})`;
  }

  #repeat({ item, min, max }: PatternNode & { readonly kind: "repeat" }): string {
    const source = this.write(item);
    const isUnit = item.kind === "bytes" || item.kind === "capture" || item.kind === "reference";
    return (isUnit ? source : `(?:${source})`) + quantifier(min, max);
  }
}

function quantifier(min: number, max: number): string {
  if (max === Infinity) return min === 0 ? "*" : min === 1 ? "+" : `{${min},}`;
  if (min === 0 && max === 1) return "?";
  return min === max ? `{${min}}` : `{${min},${max}}`;
}

const sources = new WeakMap<ByteSet, string>();

function setSource(set: ByteSet): string {
  const known = sources.get(set);
  if (known !== undefined) return known;
  const source = newSource(set);
  sources.set(set, source);
  return source;
}

function newSource(set: ByteSet): string {
  const inside = set.ranges();
  const [only] = inside;
  if (!only) return "[]";
  if (inside.length === 1 && only[0] === only[1]) return byteSource(only[0]);
  const outside = set.complement().ranges();
  if (outside.length < inside.length) return `[^${outside.map(rangeSource).join("")}]`;
  return `[${inside.map(rangeSource).join("")}]`;
}

function rangeSource([first, last]: ByteRange): string {
  if (first === last) return byteSource(first);
  return last === first + 1
    ? byteSource(first) + byteSource(last)
    : `${byteSource(first)}-${byteSource(last)}`;
}

/** Anything but letters and digits as a number: nothing needs to be known about what is special where. */
function byteSource(byte: number): string {
  const character = String.fromCharCode(byte);
  return /[A-Za-z0-9_]/.test(character) ? character : `\\x${byte.toString(16).padStart(2, "0")}`;
}
