/** Turns a regular pattern into a small program for an automaton; refuses what no automaton can decide, and what would grow too large. */
import { CONTEXT, contextOf, type Context } from "./byte-context.ts";
import { type ByteSet, NEWLINE_SET, WORD_BYTES } from "./byte-set.ts";
import { isByteRun, isNotNext } from "./next-byte.ts";
import {
  PatternRefused,
  type Assertion,
  type Pattern,
  type PatternNode,
  type Repeat,
} from "./pattern-tree.ts";

/** What an instruction does; `first` and `second` are targets but where said. */
export const OPCODE = {
  /** Takes one byte of the set numbered `second`, goes on at `first`. */
  bytes: 0,
  /** Goes on at both. */
  split: 1,
  /** Goes on at `first` if the assertion numbered `second` holds. */
  assertion: 2,
  match: 3,
  /** Goes on at `first` unless the byte to come is in the set numbered `second`. */
  notNext: 4,
  /** Goes on at `first`; the place is where the group numbered `second >> 1` begins, or ends if `second` is odd. */
  save: 5,
} as const;

/** A compiled pattern; immutable. */
export interface LinearProgram {
  readonly opcodes: Uint8Array;
  readonly firsts: Uint16Array;
  readonly seconds: Uint16Array;
  readonly start: number;
  /** The class of each byte: no set of the program tells two bytes of one class apart. */
  readonly classOf: Uint8Array;
  readonly classCount: number;
  /** At a class: what assertions see of its bytes; all alike when no assertion looks. */
  readonly contextOfClass: readonly Context[];
  /** At a set's number: which classes are in it. */
  readonly sets: readonly Uint8Array[];
  readonly assertions: readonly Assertion[];
  /** Whether the program looks at a byte it does not take, which cannot be done backward. */
  readonly looksAhead: boolean;
}

/**
 * Instructions of one program; counted repeats are written out. Matching a byte visits each of them once at worst, so
 * raised it is time an attacker can spend: 32,768 instructions are about 100 microseconds a byte without the cache.
 */
export const PROGRAM_LIMIT = 32_768;

/** Both directions of a pattern: backwards it finds where matches begin. */
export type Direction = "forward" | "backward";

/** Compiles, or throws `PatternRefused` with `notRegular` or `tooLarge`. Splits have the way PCRE tries first first. */
export function compileLinear(pattern: Pattern, direction: Direction): LinearProgram {
  return compiled(pattern, new ProgramBuilder({ direction, savesGroups: false }));
}

/** As `compileLinear`, forward, with `save` where groups begin and end; not for automata, which have no use for it. */
export function compileWithGroups(pattern: Pattern): LinearProgram {
  return compiled(pattern, new ProgramBuilder({ direction: "forward", savesGroups: true }));
}

function compiled(pattern: Pattern, builder: ProgramBuilder): LinearProgram {
  const match = builder.add(OPCODE.match, 0, 0);
  return builder.program(builder.node(pattern.root, match));
}

interface BuilderOptions {
  readonly direction: Direction;
  readonly savesGroups: boolean;
}

/** Builds from the end: each part is told where to go on, so that nothing is patched but loops. */
class ProgramBuilder {
  readonly #isBackward: boolean;
  readonly #savesGroups: boolean;
  readonly #opcodes: number[] = [];
  readonly #firsts: number[] = [];
  readonly #seconds: number[] = [];
  readonly #sets = new Map<string, ByteSet>();
  readonly #setNumbers = new Map<string, number>();
  readonly #assertions: Assertion[] = [];

  constructor({ direction, savesGroups }: BuilderOptions) {
    this.#isBackward = direction === "backward";
    this.#savesGroups = savesGroups;
  }

  add(opcode: number, first: number, second: number): number {
    if (this.#opcodes.length >= PROGRAM_LIMIT) {
      throw new PatternRefused("tooLarge", "counted repeats make the automaton too large");
    }
    this.#firsts.push(first);
    this.#seconds.push(second);
    return this.#opcodes.push(opcode) - 1;
  }

  /** The instruction to begin with so that the node matches and `next` follows. */
  node(node: PatternNode, next: number): number {
    switch (node.kind) {
      case "empty":
        return next;
      case "bytes":
        return this.add(OPCODE.bytes, next, this.#setNumber(node.set));
      case "capture":
        return this.#capture(node, next);
      case "sequence": {
        const items = this.#isBackward ? node.items : node.items.toReversed();
        return items.reduce((after, item) => this.node(item, after), next);
      }
      case "alternation":
        return node.items
          .map((item) => this.node(item, next))
          .reduceRight((other, start) => this.add(OPCODE.split, start, other));
      case "assertion":
        return this.#assertion(node.assertion, next);
      case "repeat":
        return this.#repeat(node, next);
      case "look":
        if (isNotNext(node)) return this.#notNext(node.item.set, next);
        throw new PatternRefused("notRegular", "look-around needs the backtracking engine");
      case "reference":
        throw new PatternRefused("notRegular", "back-references need the backtracking engine");
      case "atomic":
        throw new PatternRefused("notRegular", "atomic groups need the backtracking engine");
    }
  }

  #assertion(assertion: Assertion, next: number): number {
    if (assertion === "endOrFinalNewline") {
      throw new PatternRefused("notRegular", "\\Z looks two places ahead; use \\z");
    }
    const known = this.#assertions.indexOf(assertion);
    const number = known >= 0 ? known : this.#assertions.push(assertion) - 1;
    return this.add(OPCODE.assertion, next, number);
  }

  #capture({ item, index }: PatternNode & { readonly kind: "capture" }, next: number): number {
    if (!this.#savesGroups) return this.node(item, next);
    const end = this.add(OPCODE.save, next, 2 * index + 1);
    return this.add(OPCODE.save, this.node(item, end), 2 * index);
  }

  #notNext(set: ByteSet, next: number): number {
    if (this.#isBackward) throw new PatternRefused("notRegular", "looks ahead while read backward");
    return this.add(OPCODE.notNext, next, this.#setNumber(set));
  }

  #repeat(node: Repeat, next: number): number {
    const { item, min, max, mode } = node;
    if (mode === "possessive") {
      if (!isByteRun(node)) {
        throw new PatternRefused("notRegular", "possessive repeats need the backtracking engine");
      }
      return this.#repeat({ ...node, mode: "greedy" }, this.#notNext(node.item.set, next));
    }
    const isLazy = mode === "lazy";
    let start = next;
    if (max === Infinity) {
      const loop = this.add(OPCODE.split, next, next);
      (isLazy ? this.#seconds : this.#firsts)[loop] = this.node(item, loop);
      start = loop;
    } else {
      // Each round adds a split, so that even an empty item reaches the limit.
      for (let i = min; i < max; i++) {
        const round = this.node(item, start);
        start = this.add(OPCODE.split, isLazy ? next : round, isLazy ? round : next);
      }
    }
    for (let i = 0; i < min; i++) {
      const before = start;
      start = this.node(item, start);
      // An empty item may be repeated a billion times without ever reaching the limit.
      if (start === before) break;
    }
    return start;
  }

  #setNumber(set: ByteSet): number {
    const key = set.toString();
    const known = this.#setNumbers.get(key);
    if (known !== undefined) return known;
    this.#sets.set(key, set);
    this.#setNumbers.set(key, this.#setNumbers.size);
    return this.#setNumbers.size - 1;
  }

  program(start: number): LinearProgram {
    const sets = [...this.#sets.values()];
    const { classOf, members } = byteClasses([...sets, ...this.#contextSets()]);
    return {
      opcodes: Uint8Array.from(this.#opcodes),
      firsts: Uint16Array.from(this.#firsts),
      seconds: Uint16Array.from(this.#seconds),
      start,
      classOf,
      classCount: members.length,
      contextOfClass: members.map((byte) => this.#contextOf(byte)),
      sets: sets.map((set) => Uint8Array.from(members, (byte) => (set.has(byte) ? 1 : 0))),
      assertions: this.#assertions,
      looksAhead: this.#opcodes.includes(OPCODE.notNext),
    };
  }

  #uses(...some: readonly Assertion[]): boolean {
    return some.some((assertion) => this.#assertions.includes(assertion));
  }

  /** What assertions need to know about the byte beside them. */
  #contextSets(): ByteSet[] {
    const sets: ByteSet[] = [];
    if (this.#uses("wordBoundary", "notWordBoundary")) sets.push(WORD_BYTES);
    if (this.#uses("lineStart", "lineEnd")) sets.push(NEWLINE_SET);
    return sets;
  }

  /** Contexts that no assertion tells apart are one, which keeps the states few. */
  #contextOf(byte: number): Context {
    const context = contextOf(byte);
    if (context === CONTEXT.word && this.#uses("wordBoundary", "notWordBoundary")) return context;
    if (context === CONTEXT.newline && this.#uses("lineStart", "lineEnd")) return context;
    return CONTEXT.other;
  }
}

/** Splits the 256 bytes by membership; `members` holds one byte of each class. */
function byteClasses(sets: readonly ByteSet[]): { classOf: Uint8Array; members: number[] } {
  const classOf = new Uint8Array(256);
  const members: number[] = [];
  const numbers = new Map<string, number>();
  for (let byte = 0; byte < 256; byte++) {
    const key = sets.map((set) => (set.has(byte) ? "1" : "0")).join("");
    let number = numbers.get(key);
    if (number === undefined) {
      number = members.push(byte) - 1;
      numbers.set(key, number);
    }
    classOf[byte] = number;
  }
  return { classOf, members };
}
