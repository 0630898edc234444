/**
 * Turns the `pattern` of a JSON Schema (ECMA-262, flag `u`) into a small program for `linear-pattern.ts`. What cannot be
 * matched in one pass over the text (look-around, back-references, word boundaries) is refused by name, never guessed.
 */

/** One step of a program; targets are indices into it. */
type Instruction =
  | { readonly op: "one"; readonly set: number }
  | { readonly op: "split"; a: number; b: number }
  | { readonly op: "jump"; to: number }
  | { readonly op: "start" }
  | { readonly op: "end" }
  | { readonly op: "match" };

export interface Program {
  readonly code: readonly Instruction[];
  /** What one code point may be; a set is tested against a single code point only, so it cannot backtrack. */
  readonly sets: readonly RegExp[];
}

/** Counted repetitions are written out. Matching takes at most this many steps a character, loading this much memory. */
const PROGRAM_LIMIT = 2_000;
/** Parentheses inside one another. */
const GROUP_DEPTH = 50;

/** A pattern that cannot be used; the message says why in words for the operator. */
export class PatternRefused extends Error {
  override readonly name = "PatternRefused";
}

type Node =
  | { readonly kind: "set"; readonly set: number }
  | { readonly kind: "start" | "end" }
  | { readonly kind: "sequence" | "either"; readonly items: readonly Node[] }
  | { readonly kind: "repeat"; readonly item: Node; readonly min: number; readonly max: number };

/** A class, an escape, a surrogate pair in escapes, or any one character: what stands for one code point. */
const ATOM =
  /\[(?:[^\\\]]|\\[^])*\]|\\[pP]\{[^}]*\}|\\u\{[0-9a-fA-F]+\}|\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u.{4}|\\x..|\\c.|\\[^]|[^]/uy;
const QUANTIFIER = /(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/y;
const GROUP_OPENING = /\((?:\?(?::|<(?![=!])[^>]*>))?/y;

/** Compiles a pattern or throws `PatternRefused`. */
export function compilePattern(source: string): Program {
  try {
    // Settles every question of syntax, so that the parser below may trust what it reads.
    RegExp(source, "u");
  } catch (error) {
    throw new PatternRefused((error as Error).message);
  }
  const parser = new Parser(source);
  const code: Instruction[] = [];
  emit(parser.either(0), code);
  code.push({ op: "match" });
  return { code, sets: parser.sets() };
}

class Parser {
  readonly #source: string;
  readonly #sets = new Map<string, number>();
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  sets(): RegExp[] {
    return [...this.#sets.keys()].map((atom) => new RegExp(`^(?:${atom})$`, "u"));
  }

  either(depth: number): Node {
    if (depth > GROUP_DEPTH) throw new PatternRefused(`groups more than ${GROUP_DEPTH} deep`);
    const items = [this.#sequence(depth)];
    while (this.#source[this.#at] === "|") {
      this.#at++;
      items.push(this.#sequence(depth));
    }
    return { kind: "either", items };
  }

  #sequence(depth: number): Node {
    const items: Node[] = [];
    while (this.#at < this.#source.length) {
      const next = this.#source[this.#at];
      if (next === "|" || next === ")") break;
      items.push(this.#quantified(this.#term(depth)));
    }
    return { kind: "sequence", items };
  }

  #term(depth: number): Node {
    if (this.#source[this.#at] === "(") return this.#group(depth);
    const atom = this.#take(ATOM)?.[0] ?? "";
    if (atom === "^") return { kind: "start" };
    if (atom === "$") return { kind: "end" };
    if (/^\\[bB]$/.test(atom)) throw new PatternRefused("word boundaries are not supported");
    if (/^\\[1-9k]/.test(atom)) throw new PatternRefused("back-references are not supported");
    const set = this.#sets.get(atom) ?? this.#sets.size;
    this.#sets.set(atom, set);
    return { kind: "set", set };
  }

  #group(depth: number): Node {
    const opening = this.#take(GROUP_OPENING)?.[0] ?? "";
    if (opening === "(" && this.#source[this.#at] === "?") {
      throw new PatternRefused(
        "look-ahead, look-behind and flags are not supported; combine several patterns with allOf",
      );
    }
    const inner = this.either(depth + 1);
    this.#at++;
    return inner;
  }

  #quantified(item: Node): Node {
    const match = this.#take(QUANTIFIER);
    if (!match) return item;
    const [, sign, least = "", comma, most] = match;
    if (sign)
      return { kind: "repeat", item, min: sign === "+" ? 1 : 0, max: sign === "?" ? 1 : Infinity };
    const min = Number(least);
    const max = most ? Number(most) : comma ? Infinity : min;
    return { kind: "repeat", item, min, max };
  }

  #take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#source);
    if (match) this.#at = pattern.lastIndex;
    return match;
  }
}

function emit(node: Node, code: Instruction[]): void {
  if (code.length > PROGRAM_LIMIT) {
    throw new PatternRefused("counted repetitions make it too large; use maxLength for long texts");
  }
  switch (node.kind) {
    case "set":
      code.push({ op: "one", set: node.set });
      return;
    case "start":
    case "end":
      code.push({ op: node.kind });
      return;
    case "sequence":
      for (const item of node.items) emit(item, code);
      return;
    case "either":
      emitEither(node.items, code);
      return;
    case "repeat":
      emitRepeat(node, code);
      return;
  }
}

function emitEither(items: readonly Node[], code: Instruction[]): void {
  const jumps: { op: "jump"; to: number }[] = [];
  for (const [index, item] of items.entries()) {
    if (index === items.length - 1) {
      emit(item, code);
      break;
    }
    const split = { op: "split" as const, a: code.length + 1, b: 0 };
    code.push(split);
    emit(item, code);
    const jump = { op: "jump" as const, to: 0 };
    code.push(jump);
    jumps.push(jump);
    split.b = code.length;
  }
  for (const jump of jumps) jump.to = code.length;
}

function emitRepeat({ item, min, max }: Node & { kind: "repeat" }, code: Instruction[]): void {
  for (let i = 0; i < min; i++) {
    const before = code.length;
    emit(item, code);
    // An empty item may be repeated a billion times without ever reaching the limit.
    if (code.length === before) return;
  }
  if (max === Infinity) {
    const split = { op: "split" as const, a: code.length + 1, b: 0 };
    const loop = code.length;
    code.push(split);
    emit(item, code);
    code.push({ op: "jump", to: loop });
    split.b = code.length;
    return;
  }
  const splits: { op: "split"; a: number; b: number }[] = [];
  // Each round writes a split, so that the limit of `emit` is reached.
  for (let i = min; i < max; i++) {
    const split = { op: "split" as const, a: code.length + 1, b: 0 };
    code.push(split);
    splits.push(split);
    emit(item, code);
  }
  for (const split of splits) split.b = code.length;
}
