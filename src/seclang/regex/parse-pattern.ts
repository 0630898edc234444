/**
 * Parses the pattern of an `@rx` argument as PCRE reads it, without UTF mode, into a tree over bytes. What is not known
 * for sure is refused with its place, never guessed: a rule that means something else than its author thinks is a hole.
 */
import { ALL_BYTES, type ByteSet } from "./byte-set.ts";
import {
  ANY_LINE_END,
  NOT_NEWLINE,
  parseBracketClass,
  parseByteEscape,
  singleByte,
} from "./parse-class.ts";
import { parseGroup } from "./parse-group.ts";
import { DEFAULT_FLAGS, type PatternFlags } from "./pattern-flags.ts";
import { PatternReader } from "./pattern-reader.ts";
import type { Assertion, Pattern, PatternNode, RepeatMode } from "./pattern-tree.ts";

/** Bytes of one pattern; the longest of the Core Rule Set 4 has 12,126. Raised, loading rules takes longer. */
const PATTERN_LENGTH_LIMIT = 65_536;
/** Groups inside one another, and quantifiers upon one another; every pass over the tree recurses this deep. */
const DEPTH_LIMIT = 200;
/** Largest count in braces, PCRE's own. */
const COUNT_LIMIT = 65_535;

const COUNTED = /\{(\d+)(?:(,)(\d*))?\}/y;
const ANCHORS: ReadonlyMap<string, Assertion> = new Map([
  ["b", "wordBoundary"],
  ["B", "notWordBoundary"],
  ["A", "start"],
  ["z", "end"],
  ["Z", "endOrFinalNewline"],
]);

/** Parses a pattern given as a byte string, or throws `PatternRefused`. */
export function parsePattern(source: string, flags: PatternFlags = DEFAULT_FLAGS): Pattern {
  return new PatternParser(source, flags).pattern();
}

/** The parser's state; `parse-group.ts` reads what follows an opening parenthesis. */
export class PatternParser {
  readonly reader: PatternReader;
  flags: PatternFlags;
  captureCount = 0;
  readonly captureNames = new Map<string, number>();
  /** No pattern has more groups. */
  readonly #parentheses: number;
  readonly #references: { readonly index: number; readonly position: number }[] = [];
  readonly #classes = new Map<string, ByteSet>();
  #depth = 0;

  constructor(source: string, flags: PatternFlags) {
    this.reader = new PatternReader(source);
    this.flags = flags;
    this.#parentheses = source.split("(").length - 1;
    if (source.length > PATTERN_LENGTH_LIMIT) {
      this.reader.refuse("tooLarge", `longer than ${PATTERN_LENGTH_LIMIT} bytes`, 0);
    }
    if (/[^\0-\xff]/.test(source)) this.reader.refuse("syntax", "not a string of bytes", 0);
  }

  pattern(): Pattern {
    const root = this.alternation();
    if (!this.reader.isAtEnd()) this.reader.refuse("syntax", "a parenthesis closes nothing");
    for (const { index, position } of this.#references) {
      if (index >= 1 && index <= this.captureCount) continue;
      this.reader.refuse("syntax", "a reference to a group that does not exist", position);
    }
    return { root, captureCount: this.captureCount, captureNames: this.captureNames };
  }

  /** Everything up to the end of the group; flags set inside end with it. */
  alternation(): PatternNode {
    if (++this.#depth > DEPTH_LIMIT) this.reader.refuse("tooLarge", "groups are nested too deep");
    const outer = this.flags;
    const items = [this.#sequence()];
    while (this.reader.accept("|")) items.push(this.#sequence());
    this.flags = outer;
    this.#depth--;
    return items.length === 1 && items[0] ? items[0] : { kind: "alternation", items };
  }

  reference(index: number, position: number): PatternNode {
    this.#references.push({ index, position });
    return { kind: "reference", index, ignoresCase: this.flags.ignoresCase };
  }

  namedReference(name: string, position: number): PatternNode {
    const index = this.captureNames.get(name);
    if (index === undefined) {
      this.reader.refuse(
        "syntax",
        `a reference to ${name} before any group of that name`,
        position,
      );
    }
    return this.reference(index, position);
  }

  #sequence(): PatternNode {
    const items: PatternNode[] = [];
    while (!this.reader.isAtEnd() && !this.reader.startsWith("|") && !this.reader.startsWith(")")) {
      if (this.#skipIgnored()) continue;
      const term = this.#term();
      if (term.length === 0) continue;
      const last = term.pop() as PatternNode;
      items.push(...term, this.#quantified(last));
    }
    if (items.length === 0) return { kind: "empty" };
    return items.length === 1 && items[0] ? items[0] : { kind: "sequence", items };
  }

  /** White space and comments of extended patterns. */
  #skipIgnored(): boolean {
    return this.flags.isExtended && this.reader.take(/(?:[\t-\r ]|#[^\n]*\n?)+/y) !== undefined;
  }

  /** Mostly one node; none for settings and comments, several for a quotation. */
  #term(): PatternNode[] {
    const start = this.reader.at;
    const character = this.reader.next("the pattern");
    switch (character) {
      case "(":
        return parseGroup(this);
      case "[":
        return [this.#bracketClass()];
      case "\\":
        return this.#escape(start);
      case ".":
        return [{ kind: "bytes", set: this.flags.isDotAll ? ALL_BYTES : NOT_NEWLINE }];
      case "^":
        return [{ kind: "assertion", assertion: this.flags.isMultiline ? "lineStart" : "start" }];
      case "$":
        return [{ kind: "assertion", assertion: this.flags.isMultiline ? "lineEnd" : "end" }];
      case "*":
      case "+":
      case "?":
        return this.reader.refuse("syntax", `${character} has nothing to repeat`, start);
      case "{":
        this.reader.at = start;
        if (this.reader.take(COUNTED)) this.reader.refuse("syntax", "nothing to repeat", start);
        this.reader.at = start + 1;
        return [this.#literal(character.charCodeAt(0))];
      default:
        return [this.#literal(character.charCodeAt(0))];
    }
  }

  /** Equal classes become one set, since machine-made patterns repeat a few of them a thousand times. */
  #bracketClass(): PatternNode {
    const set = parseBracketClass(this.reader, this.flags.ignoresCase);
    const known = this.#classes.get(set.toString()) ?? set;
    this.#classes.set(set.toString(), known);
    return { kind: "bytes", set: known };
  }

  #literal(byte: number): PatternNode {
    const set = singleByte(byte);
    return { kind: "bytes", set: this.flags.ignoresCase ? set.withBothCases() : set };
  }

  #escape(start: number): PatternNode[] {
    const { reader } = this;
    if (reader.accept("Q")) {
      const bytes = reader.take(/([^]*?)(?:\\E|$)/y)?.[1] ?? "";
      return bytes.split("").map((character) => this.#literal(character.charCodeAt(0)));
    }
    if (reader.accept("E")) return [];
    const assertion = ANCHORS.get(reader.source[reader.at] ?? "");
    if (assertion) {
      reader.at++;
      return [{ kind: "assertion", assertion }];
    }
    if (reader.accept("N")) return [{ kind: "bytes", set: NOT_NEWLINE }];
    if (reader.accept("R")) return [ANY_LINE_END];
    const reference = this.#numberedReference(start) ?? this.#spelledReference(start);
    if (reference) return [reference];
    if (/[GKC]/.test(reader.source[reader.at] ?? "")) {
      reader.refuse("unsupported", `\\${reader.source[reader.at]} is not supported`, start);
    }
    const item = parseByteEscape(reader);
    return [typeof item === "number" ? this.#literal(item) : { kind: "bytes", set: item }];
  }

  /** `\1` to `\9`; a longer number is an octal byte when there are fewer groups, which must be beyond doubt. */
  #numberedReference(start: number): PatternNode | undefined {
    const { reader } = this;
    const digits = reader.take(/[1-9]\d*/y)?.[0];
    if (digits === undefined) return undefined;
    const number = Number(digits);
    if (number < 10 || number <= this.captureCount) return this.reference(number, start);
    const isOctal = /^[1-7][0-7]/.test(digits) && this.#parentheses < number;
    if (!isOctal) {
      reader.refuse(
        "unsupported",
        `\\${digits} is ambiguous, write \\g{${digits}} or \\x..`,
        start,
      );
    }
    reader.at = start + 1;
    return undefined;
  }

  #spelledReference(start: number): PatternNode | undefined {
    const { reader } = this;
    const numbered = reader.take(/g(?:\{(-?\d+)\}|(-?\d+))/y);
    if (numbered) {
      const number = Number(numbered[1] ?? numbered[2]);
      return this.reference(number < 0 ? this.captureCount + 1 + number : number, start);
    }
    const named = reader.take(/k(?:<(\w+)>|'(\w+)'|\{(\w+)\})|g\{([A-Za-z_]\w*)\}/y);
    if (!named) return undefined;
    return this.namedReference(named.slice(1).find((name) => name !== undefined) ?? "", start);
  }

  #quantified(item: PatternNode): PatternNode {
    let result = item;
    for (let count = 0; ; count++) {
      this.#skipIgnored();
      const start = this.reader.at;
      const bounds = this.#bounds();
      if (!bounds) return result;
      if (count >= DEPTH_LIMIT)
        this.reader.refuse("tooLarge", "too many quantifiers in a row", start);
      result = { kind: "repeat", item: result, ...bounds, mode: this.#mode() };
    }
  }

  #mode(): RepeatMode {
    if (this.reader.accept("?")) return "lazy";
    return this.reader.accept("+") ? "possessive" : "greedy";
  }

  #bounds(): { readonly min: number; readonly max: number } | undefined {
    const { reader } = this;
    if (reader.accept("*")) return { min: 0, max: Infinity };
    if (reader.accept("+")) return { min: 1, max: Infinity };
    if (reader.accept("?")) return { min: 0, max: 1 };
    const start = reader.at;
    const counted = reader.take(COUNTED);
    if (!counted) return undefined;
    const min = Number(counted[1]);
    const max = counted[3] ? Number(counted[3]) : counted[2] ? Infinity : min;
    if (min > COUNT_LIMIT || (max > COUNT_LIMIT && max !== Infinity)) {
      reader.refuse("syntax", `a count over ${COUNT_LIMIT}`, start);
    }
    if (max < min) reader.refuse("syntax", "counts out of order", start);
    return { min, max };
  }
}
