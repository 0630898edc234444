/**
 * Decision diagrams: boolean functions of many variables in a form where equal functions are the same number, so that "never true"
 * is a comparison. Ordered, reduced, with complement edges; what grows beyond its budget throws, and never runs on.
 */

/** A function: place of its top node, times two, plus one when it is to be negated. Only meaningful with its `Diagrams`. */
export type Edge = number;

export const TRUE: Edge = 0;
export const FALSE: Edge = 1;

/**
 * Nodes of all functions together; 12 bytes each and as much again for finding them. A realistic pack of 500 rules needs some
 * 10,000. Raised, it is memory that a hostile pack takes from a gateway that only looks at it.
 */
export const NODE_LIMIT = 400_000;
/** Steps of all operations together, some 50 ns each; a realistic pack of 500 rules takes 200,000. Raised, it is time. */
export const STEP_LIMIT = 4_000_000;
/** Nodes passed when one request is followed through a diagram: about as many as fit into the time of one step. */
const NODES_IN_A_STEP = 8;
/** Operations recur once for each variable; more would not fit on the stack. */
export const VARIABLE_LIMIT = 3_000;

const FIRST_CAPACITY = 16_384;
/** Remembered conjunctions; an older one gives way. */
const MEMORY_SIZE = 1 << 16;
/** Below every variable. */
const NO_VARIABLE = 0x7fff_ffff;

/** The diagrams would grow beyond their budget: nothing was proven. */
export class BudgetExceeded extends Error {
  override readonly name = "BudgetExceeded";
}

/** What each variable is in one request, and which of them the function asked for. By variable, 0 or 1. */
export interface Assignment {
  readonly values: Uint8Array;
  readonly cared: Uint8Array;
}

export class Diagrams {
  #variables = new Int32Array(FIRST_CAPACITY);
  #lows = new Int32Array(FIRST_CAPACITY);
  #highs = new Int32Array(FIRST_CAPACITY);
  /** Open addressing over node numbers; 0, which is the terminal, means free. */
  #places = new Int32Array(FIRST_CAPACITY * 2);
  #nodes = 1;
  #steps = 0;
  #walked = 0;
  #variableCount = 0;
  readonly #leftOf = new Int32Array(MEMORY_SIZE);
  readonly #rightOf = new Int32Array(MEMORY_SIZE);
  readonly #resultOf = new Int32Array(MEMORY_SIZE);

  constructor() {
    this.#variables[0] = NO_VARIABLE;
  }

  get nodeCount(): number {
    return this.#nodes;
  }

  get stepCount(): number {
    return this.#steps;
  }

  /** Counts work that others do for a proof: it is bounded together with what is done here. */
  spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps > STEP_LIMIT) throw new BudgetExceeded();
  }

  /** Makes as many new variables, below all there are, and gives the first. */
  addVariables(count: number): number {
    const first = this.#variableCount;
    this.#variableCount += count;
    if (this.#variableCount > VARIABLE_LIMIT) throw new BudgetExceeded();
    return first;
  }

  variable(variable: number): Edge {
    return this.node(variable, FALSE, TRUE);
  }

  /** "If `variable` then `high` else `low`"; both must depend on later variables only. */
  node(variable: number, low: Edge, high: Edge): Edge {
    if (low === high) return low;
    // One of a function and its negation is stored: the one whose high side is not negated.
    const flip = high & 1;
    return this.#find(variable, low ^ flip, high ^ flip) * 2 + flip;
  }

  not(a: Edge): Edge {
    return a ^ 1;
  }

  or(a: Edge, b: Edge): Edge {
    return this.and(a ^ 1, b ^ 1) ^ 1;
  }

  // One function on purpose: each more would halve how deep it can recur.
  and(left: Edge, right: Edge): Edge {
    if (left === right || right === TRUE) return left;
    if (left === TRUE) return right;
    if (left === FALSE || right === FALSE || left === (right ^ 1)) return FALSE;
    const a = Math.min(left, right);
    const b = Math.max(left, right);
    const place = (Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b)) >>> 16;
    if (this.#leftOf[place] === a && this.#rightOf[place] === b)
      return this.#resultOf[place] as number;
    this.spend(1);
    const ofA = this.#variables[a >> 1] as number;
    const ofB = this.#variables[b >> 1] as number;
    const low = this.and(ofA > ofB ? a : this.#low(a), ofB > ofA ? b : this.#low(b));
    const high = this.and(ofA > ofB ? a : this.#high(a), ofB > ofA ? b : this.#high(b));
    const result = this.node(Math.min(ofA, ofB), low, high);
    this.#leftOf[place] = a;
    this.#rightOf[place] = b;
    this.#resultOf[place] = result;
    return result;
  }

  /** Some request of a function that is not FALSE: all zero, except where that would not do. */
  pick(a: Edge): Assignment {
    const values = new Uint8Array(this.#variableCount);
    const cared = new Uint8Array(this.#variableCount);
    for (let at = a; at > FALSE;) {
      const variable = this.#variables[at >> 1] as number;
      const low = this.#low(at);
      cared[variable] = 1;
      if (low === FALSE) values[variable] = 1;
      at = low === FALSE ? this.#high(at) : low;
    }
    return { values, cared };
  }

  /** Whether the request is one of the function's. */
  has(a: Edge, values: Uint8Array): boolean {
    let at = a;
    while (at > FALSE) {
      at = values[this.#variables[at >> 1] as number] === 1 ? this.#high(at) : this.#low(at);
      this.#walked++;
    }
    if (this.#walked >= NODES_IN_A_STEP) {
      this.spend(Math.floor(this.#walked / NODES_IN_A_STEP));
      this.#walked %= NODES_IN_A_STEP;
    }
    return at === TRUE;
  }

  /** All requests that have the cared-for values. */
  cube({ values, cared }: Assignment): Edge {
    let edge: Edge = TRUE;
    for (let variable = this.#variableCount - 1; variable >= 0; variable--) {
      if (cared[variable] !== 1) continue;
      edge =
        values[variable] === 1
          ? this.node(variable, FALSE, edge)
          : this.node(variable, edge, FALSE);
    }
    return edge;
  }

  #low(edge: Edge): Edge {
    return (this.#lows[edge >> 1] as number) ^ (edge & 1);
  }

  #high(edge: Edge): Edge {
    return (this.#highs[edge >> 1] as number) ^ (edge & 1);
  }

  #find(variable: number, low: Edge, high: Edge): number {
    const mask = this.#places.length - 1;
    let place = hashOf(variable, low, high) & mask;
    for (let node = this.#places[place]; node !== 0; node = this.#places[place]) {
      const at = node as number;
      if (this.#lows[at] === low && this.#highs[at] === high && this.#variables[at] === variable)
        return at;
      place = (place + 1) & mask;
    }
    if (this.#nodes >= NODE_LIMIT) throw new BudgetExceeded();
    if (this.#nodes === this.#lows.length) {
      this.#grow();
      return this.#find(variable, low, high);
    }
    const made = this.#nodes++;
    this.#places[place] = made;
    this.#variables[made] = variable;
    this.#lows[made] = low;
    this.#highs[made] = high;
    return made;
  }

  #grow(): void {
    const capacity = this.#lows.length * 2;
    this.#variables = grown(this.#variables, capacity);
    this.#lows = grown(this.#lows, capacity);
    this.#highs = grown(this.#highs, capacity);
    this.#places = new Int32Array(capacity * 2);
    const mask = this.#places.length - 1;
    for (let node = 1; node < this.#nodes; node++) {
      let place =
        hashOf(
          this.#variables[node] as number,
          this.#lows[node] as number,
          this.#highs[node] as number,
        ) & mask;
      while (this.#places[place] !== 0) place = (place + 1) & mask;
      this.#places[place] = node;
    }
  }
}

function grown(array: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length);
  larger.set(array);
  return larger;
}

function hashOf(variable: number, low: Edge, high: Edge): number {
  const mixed =
    Math.imul(variable, 0x27d4eb2f) ^ Math.imul(low, 0x165667b1) ^ Math.imul(high, 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
