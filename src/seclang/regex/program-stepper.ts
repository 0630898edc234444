/** Works out where a linear program can be after one more byte; visits each instruction at most twice a byte and remembers nothing about values. */
import { CONTEXT, CONTEXT_COUNT, holdsBetween, type Context } from "./byte-context.ts";
import { OPCODE, type Direction, type LinearProgram } from "./linear-program.ts";

/** Where the program can be between two bytes: waiting for a byte, for an assertion's other side, or done. */
export interface Places {
  /** Instructions, ascending. Without those of a match that begins right here, when matches may begin anywhere. */
  readonly at: Uint16Array;
  /** What was just read. */
  readonly context: Context;
}

export interface StepperOptions {
  readonly direction: Direction;
  /** Whether a match may only begin where the scan begins. */
  readonly isAnchored: boolean;
}

/** What one byte leads to when a match begins right before it. */
interface Beginning {
  readonly isMatch: boolean;
  readonly at: Uint16Array;
}

const NOWHERE = new Uint16Array(0);

export class ProgramStepper {
  /** Instructions visited so far. */
  visits = 0;
  readonly program: LinearProgram;
  readonly #isAnchored: boolean;
  readonly #marks: Uint32Array;
  #mark = 0;
  /** At assertion, context read and context to come: whether it holds. */
  readonly #holds: readonly boolean[];
  readonly #starts: (Uint16Array | undefined)[] = [];
  readonly #beginnings: (Beginning | undefined)[] = [];
  readonly #mayBeginLater: boolean;

  constructor(program: LinearProgram, { direction, isAnchored }: StepperOptions) {
    this.program = program;
    this.#isAnchored = isAnchored;
    this.#marks = new Uint32Array(program.opcodes.length);
    this.#holds = truthTable(program, direction);
    const later = new Set(program.contextOfClass);
    this.#mayBeginLater = [...later].some((context) => this.#startsAt(context).length > 0);
  }

  /** Before the first byte. */
  initial(context: Context): Places {
    return { at: this.#isAnchored ? this.#startsAt(context) : NOWHERE, context };
  }

  /** Whether nothing can match any more. */
  isDead({ at, context }: Places): boolean {
    if (at.length > 0) return false;
    return this.#isAnchored || (!this.#mayBeginLater && this.#startsAt(context).length === 0);
  }

  /** Reads a byte of the class; `isMatch` says whether a match was complete before it. */
  step(from: Places, byteClass: number): { readonly isMatch: boolean; readonly to: Places } {
    const next = this.program.contextOfClass[byteClass] as Context;
    const beginning = this.#isAnchored ? undefined : this.#beginning(from.context, byteClass);
    const seeds: number[] = [];
    const isHere = this.#read(from, { next, byteClass, seeds });
    const at = this.#closure(seeds, next, beginning?.at ?? NOWHERE);
    return { isMatch: isHere || beginning?.isMatch === true, to: { at, context: next } };
  }

  /** Whether a match is complete when the value ends here. */
  isMatchAtEnd(from: Places): boolean {
    const here = { next: CONTEXT.edge, byteClass: -1, seeds: [] };
    if (this.#read(from, here)) return true;
    if (this.#isAnchored) return false;
    return this.#read({ at: this.#startsAt(from.context), context: from.context }, here);
  }

  #startsAt(context: Context): Uint16Array {
    return (this.#starts[context] ??= this.#closure([this.program.start], context, NOWHERE));
  }

  #beginning(context: Context, byteClass: number): Beginning {
    const key = context * this.program.classCount + byteClass;
    const known = this.#beginnings[key];
    if (known) return known;
    const next = this.program.contextOfClass[byteClass] as Context;
    const seeds: number[] = [];
    const isMatch = this.#read(
      { at: this.#startsAt(context), context },
      { next, byteClass, seeds },
    );
    const beginning = { isMatch, at: this.#closure(seeds, next, NOWHERE) };
    this.#beginnings[key] = beginning;
    return beginning;
  }

  /** With both sides known: collects what taking the byte leads to, says whether the program can be done. */
  #read(
    { at, context }: Places,
    {
      next,
      byteClass,
      seeds,
    }: { readonly next: Context; readonly byteClass: number; readonly seeds: number[] },
  ): boolean {
    const { opcodes, firsts, seconds, sets } = this.program;
    const mark = ++this.#mark;
    let isMatch = false;
    const open = Array.from(at);
    for (let place = open.pop(); place !== undefined; place = open.pop()) {
      if (this.#marks[place] === mark) continue;
      this.#marks[place] = mark;
      this.visits++;
      const first = firsts[place] as number;
      const second = seconds[place] as number;
      switch (opcodes[place] as number) {
        case OPCODE.bytes:
          if (sets[second]?.[byteClass] === 1) seeds.push(first);
          break;
        case OPCODE.split:
          open.push(first, second);
          break;
        case OPCODE.assertion:
          if (this.#holds[slot(second, context, next)]) open.push(first);
          break;
        case OPCODE.notNext:
          if (sets[second]?.[byteClass] !== 1) open.push(first);
          break;
        default:
          isMatch = true;
      }
    }
    return isMatch;
  }

  /** Everything reached from the seeds without a byte, when only what was read is known; `others` join as they are. */
  #closure(seeds: readonly number[], context: Context, others: Uint16Array): Uint16Array {
    const { opcodes, firsts, seconds } = this.program;
    if (seeds.length === 0) return others;
    const mark = ++this.#mark;
    const places = Array.from(others);
    for (const place of others) this.#marks[place] = mark;
    const open = [...seeds];
    for (let place = open.pop(); place !== undefined; place = open.pop()) {
      if (this.#marks[place] === mark) continue;
      this.#marks[place] = mark;
      this.visits++;
      const opcode = opcodes[place];
      if (opcode === OPCODE.split) {
        open.push(firsts[place] as number, seconds[place] as number);
      } else if (opcode !== OPCODE.assertion) {
        places.push(place);
      } else {
        const verdict = this.#verdict(seconds[place] as number, context);
        if (verdict === true) open.push(firsts[place] as number);
        if (verdict === undefined) places.push(place);
      }
    }
    return Uint16Array.from(places).sort();
  }

  /** What is known of an assertion before its other side is seen: an anchor that failed must not wait on. */
  #verdict(assertion: number, context: Context): boolean | undefined {
    const first = slot(assertion, context, CONTEXT.edge);
    const verdicts = this.#holds.slice(first, first + CONTEXT_COUNT);
    if (verdicts.every(Boolean)) return true;
    return verdicts.some(Boolean) ? undefined : false;
  }
}

function slot(assertion: number, context: Context, next: Context): number {
  return (assertion * CONTEXT_COUNT + context) * CONTEXT_COUNT + next;
}

/** Scanning backward what is to come stands before what was read. */
function truthTable({ assertions }: LinearProgram, direction: Direction): boolean[] {
  const contexts = Object.values(CONTEXT);
  const table: boolean[] = [];
  for (const [number, assertion] of assertions.entries()) {
    for (const read of contexts) {
      for (const next of contexts) {
        const [before, after] = direction === "forward" ? [read, next] : [next, read];
        table[slot(number, read, next)] = holdsBetween(assertion, before, after);
      }
    }
  }
  return table;
}
