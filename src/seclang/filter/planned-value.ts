/**
 * One value and what the steps of its plan make of it; it must never take two results for one that differ in more than
 * the case of ASCII letters.
 */
import type { ByteString } from "../byte-string.ts";
import { openScratch, readScratch } from "../transformations/scratch.ts";
import { KIND_OF, MARK_OF, maskOf, overlaps } from "./byte-classes.ts";
import type { PlanStep } from "./plan.ts";

/** What is known of the value after one step. */
class StepState {
  /** Undefined until it is needed: a change of case is only made for a rule that is tested. */
  text: ByteString | undefined = undefined;
  /** The first step that is known to have the very same result; only that one keeps the text. */
  same = 0;
  marks = 0;
  kinds = 0;
  /** The first step whose result is the same but for the case of letters: only that one is scanned. */
  group = 0;
  /** Nothing of it matters to the rules of its step, so that it was not made; to other steps it says nothing. */
  isLeft = false;
  /** Of the first step of a group: whether rules wait for a literal in the result of any of its steps. */
  needsScan = false;
}

const NO_STEPS: readonly PlanStep[] = [];
/** What a change of case can add to a value. */
const LETTERS = maskOf("Aa").kinds;

/** Used again for each value, so that an ordinary one costs no memory. */
export class PlannedValue {
  steps: readonly PlanStep[] = NO_STEPS;
  private readonly states: StepState[] = [new StepState()];

  /** The value as it is, with its classes. */
  begin(text: ByteString): Readonly<StepState> {
    const state = this.stateAt(0);
    state.text = text;
    state.isLeft = false;
    measure(state, text);
    return state;
  }

  follow(steps: readonly PlanStep[]): void {
    this.steps = steps;
    this.stateAt(0).needsScan = steps[0]?.needsScan === true;
  }

  /** Lets go of what may be large. */
  end(): void {
    for (let at = 0; at < this.steps.length; at += 1) this.stateAt(at).text = undefined;
    this.steps = NO_STEPS;
  }

  stateAt(at: number): StepState {
    return (this.states[at] ??= new StepState());
  }

  /** Does what the step says; those before it are done. */
  run(at: number): void {
    const step = this.steps[at];
    if (step?.transformation === undefined) return;
    const state = this.stateAt(at);
    state.needsScan = false;
    state.isLeft = false;
    this.work(at, step);
    if (step.needsScan) this.stateAt(state.group).needsScan = true;
  }

  /** What the step made. */
  textOf(at: number): ByteString {
    const { same } = this.stateAt(at);
    const state = this.stateAt(same);
    const step = this.steps[same];
    if (state.text !== undefined || step?.transformation === undefined) return state.text ?? "";
    state.text = step.transformation(this.textOf(step.parent));
    return state.text;
  }

  /**
   * WHY all the questions: a plan only knows what earlier steps may have made of the value. What they did make holds far
   * fewer classes, so that most steps after a decoding one turn out to do nothing, or what another one did.
   */
  private work(at: number, step: PlanStep): void {
    const { triggers, changes, bound } = step;
    const state = this.stateAt(at);
    const parent = this.stateAt(step.parent);
    if (!step.isAlways && !overlaps(triggers, parent)) {
      become(state, parent);
      return;
    }
    const twin = this.twinOf(at, step);
    if (twin !== undefined) {
      become(state, twin);
      return;
    }
    state.same = at;
    if (!step.isAlways && !overlaps(changes, parent)) {
      state.text = undefined;
      state.group = parent.group;
      state.marks = parent.marks & bound.marks;
      state.kinds = (parent.kinds | LETTERS) & bound.kinds;
      return;
    }
    this.transform(at, step);
  }

  private transform(at: number, step: PlanStep): void {
    const state = this.stateAt(at);
    const parentText = this.textOf(step.parent);
    const text = this.made(state, parentText, step);
    if (text === parentText) {
      become(state, this.stateAt(step.parent));
      return;
    }
    if (text === undefined || !overlaps(step.gate, state)) {
      leave(state, at);
      return;
    }
    state.text = text;
    this.join(at, text);
  }

  /** What the step makes of the text, with its classes. WHY undefined: a string is only made of bytes that matter. */
  private made(
    state: StepState,
    text: ByteString,
    { decode, gate, transformation }: PlanStep,
  ): ByteString | undefined {
    if (decode === undefined) {
      const result = transformation?.(text) ?? text;
      if (result !== text) measure(state, result);
      return result;
    }
    const out = openScratch(text.length);
    const length = decode(text, out);
    measureBytes(state, out, length);
    return overlaps(gate, state) ? readScratch(out, length) : undefined;
  }

  /** An earlier step that did the same to the same. */
  private twinOf(at: number, { parent, transformation }: PlanStep): StepState | undefined {
    const { same } = this.stateAt(parent);
    for (let other = 1; other < at; other += 1) {
      const step = this.steps[other];
      if (step?.transformation !== transformation) continue;
      const twin = this.stateAt(other);
      // WHY: another gate may let through what its own did not.
      if (twin.isLeft) continue;
      if (this.stateAt(step?.parent ?? 0).same === same) return twin;
    }
    return undefined;
  }

  /** Finds the group of a new result. */
  private join(at: number, text: ByteString): void {
    const state = this.stateAt(at);
    state.group = at;
    for (let other = 0; other < at; other += 1) {
      const known = this.stateAt(other);
      if (known.same !== other || known.text?.length !== text.length) continue;
      if (!isEqualFolded(known.text, text)) continue;
      state.group = known.group;
      if (known.text !== text) continue;
      become(state, known);
      return;
    }
  }
}

/** The same result; the text stays where it is. */
function become(state: StepState, other: StepState): void {
  state.text = undefined;
  state.isLeft = other.isLeft;
  state.same = other.same;
  state.marks = other.marks;
  state.kinds = other.kinds;
  state.group = other.group;
}

/** Nothing that is made of the value from here on matters: it counts as empty. */
function leave(state: StepState, at: number): void {
  state.text = "";
  state.isLeft = true;
  state.same = at;
  state.marks = 0;
  state.kinds = 0;
  state.group = at;
}

function measureBytes(state: StepState, bytes: Uint8Array, length: number): void {
  let marks = 0;
  let kinds = 0;
  for (let at = 0; at < length; at += 1) {
    const byte = bytes[at] ?? 0;
    marks |= MARK_OF[byte] ?? 0;
    kinds |= KIND_OF[byte] ?? 0;
  }
  state.marks = marks;
  state.kinds = kinds;
}

function measure(state: StepState, text: ByteString): void {
  let marks = 0;
  let kinds = 0;
  const { length } = text;
  for (let at = 0; at < length; at += 1) {
    const byte = text.charCodeAt(at);
    marks |= MARK_OF[byte] ?? 0;
    kinds |= KIND_OF[byte] ?? 0;
  }
  state.marks = marks;
  state.kinds = kinds;
}

/** Whether the two are the same but for the case of ASCII letters. */
function isEqualFolded(one: ByteString, other: ByteString): boolean {
  if (one === other) return true;
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at += 1) {
    const difference = one.charCodeAt(at) ^ other.charCodeAt(at);
    if (difference === 0) continue;
    const lower = one.charCodeAt(at) | 0x20;
    if (difference !== 0x20 || lower < 0x61 || lower > 0x7a) return false;
  }
  return true;
}
