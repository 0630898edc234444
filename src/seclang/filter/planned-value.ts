/**
 * One value and what the steps of its plan make of it; it must never take two results for one that differ in more than
 * the case of ASCII letters.
 */
import type { ByteString } from "../byte-string.ts";
import { KIND_OF, MARK_OF } from "./byte-classes.ts";
import type { PlanStep } from "./plan.ts";

/** What is known of the value after one step. */
class StepState {
  /** Undefined until it is needed: a change of case is only made for a rule that is tested. */
  text: ByteString | undefined = undefined;
  marks = 0;
  kinds = 0;
  /** The first step whose result is the same but for the case of letters: only that one is scanned. */
  group = 0;
}

const NO_STEPS: readonly PlanStep[] = [];

/** Used again for each value, so that an ordinary one costs no memory. */
export class PlannedValue {
  steps: readonly PlanStep[] = NO_STEPS;
  private readonly states: StepState[] = [new StepState()];

  /** The value as it is, with its classes. */
  begin(text: ByteString): Readonly<StepState> {
    const state = this.stateAt(0);
    state.text = text;
    state.group = 0;
    measure(state, text);
    return state;
  }

  follow(steps: readonly PlanStep[]): void {
    this.steps = steps;
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
    const parent = this.stateAt(step.parent);
    if (step.isFold) {
      state.text = undefined;
      state.group = parent.group;
      state.marks = step.bound.marks;
      state.kinds = step.bound.kinds;
      return;
    }
    const parentText = this.textOf(step.parent);
    const text = step.transformation(parentText);
    state.text = text;
    if (text === parentText) {
      state.marks = parent.marks;
      state.kinds = parent.kinds;
      state.group = parent.group;
      return;
    }
    measure(state, text);
    state.group = this.groupOf(at, text);
  }

  /** What the step made. */
  textOf(at: number): ByteString {
    const state = this.stateAt(at);
    const step = this.steps[at];
    if (state.text !== undefined || step?.transformation === undefined) return state.text ?? "";
    state.text = step.transformation(this.textOf(step.parent));
    return state.text;
  }

  /** Whether rules wait for a literal in the result of this step or in one of its group. */
  needsScan(at: number): boolean {
    if (this.steps[at]?.needsScan === true) return true;
    for (let other = at + 1; other < this.steps.length; other += 1) {
      if (this.stateAt(other).group === at && this.steps[other]?.needsScan === true) return true;
    }
    return false;
  }

  private groupOf(at: number, text: ByteString): number {
    for (let other = 0; other < at; other += 1) {
      const state = this.stateAt(other);
      if (state.group === other && state.text !== undefined && isEqualFolded(state.text, text)) {
        return other;
      }
    }
    return at;
  }
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
