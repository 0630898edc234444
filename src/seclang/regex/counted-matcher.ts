/**
 * A backtracking engine for what no automaton can decide, with a count of its steps: it finds what PCRE finds, or says
 * that the value took too many steps. It must never run on without counting, and never take a value unread for harmless.
 */
import type { ByteSet } from "./byte-set.ts";
import { compileRounds, compileRun } from "./counted-repeats.ts";
import { CountedSearch, StepsSpent, tableOf, type Go } from "./counted-search.ts";
import { CONTEXT, contextOf, holdsBetween, type Context } from "./byte-context.ts";
import type { GroupPlaces } from "./group-matcher.ts";
import { nodeCountOf, widthOf } from "./pattern-width.ts";
import type { Assertion, Look, Pattern, PatternNode, Repeat } from "./pattern-tree.ts";

export class CountedMatcher {
  readonly #search = new CountedSearch();
  readonly #start: Go;
  readonly #groups: number;
  readonly #nodes: number;
  #end = 0;

  constructor({ root, captureCount }: Pattern) {
    this.#groups = captureCount + 1;
    this.#nodes = nodeCountOf(root);
    this.#start = this.#compile(root, (place) => {
      this.#end = place;
      return true;
    });
  }

  /** Steps of the last search. */
  get steps(): number {
    return this.#search.steps;
  }

  /** The leftmost match with its groups; `spent` when that many steps do not decide it. */
  match(value: string, stepsLimit: number): GroupPlaces | undefined | "spent" {
    const search = this.#search;
    search.begin(value, { groups: this.#groups, stepsLimit });
    try {
      search.nest(this.#nodes);
      for (let start = 0; start <= value.length; start++) {
        if (this.#start(start)) return [start, this.#end, ...search.places.slice(2)];
      }
      return undefined;
    } catch (error) {
      if (error instanceof StepsSpent) return "spent";
      throw error;
    } finally {
      search.value = "";
    }
  }

  #compile(node: PatternNode, next: Go): Go {
    switch (node.kind) {
      case "empty":
        return next;
      case "bytes":
        return this.#bytes(node.set, next);
      case "sequence":
        return node.items.reduceRight((after, item) => this.#compile(item, after), next);
      case "alternation":
        return this.#alternation(node.items, next);
      case "capture":
        return this.#capture(node.item, node.index, next);
      case "assertion":
        return this.#assertion(node.assertion, next);
      case "look":
        return this.#look(node, next);
      case "reference":
        return this.#reference(node.index, node.ignoresCase, next);
      case "atomic":
        return this.#atomic(node.item, next);
      case "repeat":
        return this.#anyRepeat(node, next);
    }
  }

  #bytes(set: ByteSet, next: Go): Go {
    const isIn = tableOf(set);
    return (place) => {
      this.#search.count();
      return isIn[this.#search.value.charCodeAt(place)] === 1 && next(place + 1);
    };
  }

  #alternation(items: readonly PatternNode[], next: Go): Go {
    const ways = items.map((item) => this.#compile(item, next));
    return (place) => ways.some((way) => way(place));
  }

  #capture(item: PatternNode, index: number, next: Go): Go {
    const [first, last] = [2 * index, 2 * index + 1];
    // Begins are kept beside the places: until the group ends, a reference means its earlier text.
    let begin = -1;
    const inner = this.#compile(item, (place) => {
      const oldBegin = begin;
      const oldFirst = this.#search.places[first] ?? -1;
      const oldLast = this.#search.places[last] ?? -1;
      this.#search.places[first] = begin;
      this.#search.places[last] = place;
      if (next(place)) return true;
      this.#search.places[first] = oldFirst;
      this.#search.places[last] = oldLast;
      begin = oldBegin;
      return false;
    });
    return (place) => {
      const oldBegin = begin;
      begin = place;
      if (inner(place)) return true;
      begin = oldBegin;
      return false;
    };
  }

  #assertion(assertion: Assertion, next: Go): Go {
    return (place) => {
      this.#search.count();
      return this.#holds(assertion, place) && next(place);
    };
  }

  #holds(assertion: Assertion, place: number): boolean {
    if (assertion === "endOrFinalNewline") {
      const rest = this.#search.value.length - place;
      return rest === 0 || (rest === 1 && this.#context(place) === CONTEXT.newline);
    }
    return holdsBetween(assertion, this.#context(place - 1), this.#context(place));
  }

  #context(place: number): Context {
    const isInside = place >= 0 && place < this.#search.value.length;
    return isInside ? contextOf(this.#search.value.charCodeAt(place)) : CONTEXT.edge;
  }

  #look({ item, isBehind, isNegated }: Look, next: Go): Go {
    const found = isBehind ? this.#behind(item) : this.#compile(item, () => true);
    return (place) => {
      this.#search.count();
      const kept = this.#search.places.slice();
      const isFound = found(place);
      if (isNegated) this.#search.places = kept;
      if (isFound !== isNegated && next(place)) return true;
      this.#search.places = kept;
      return false;
    };
  }

  /** Whether the item ends at a place: tried from every place it may begin at. */
  #behind(item: PatternNode): Go {
    const { min, max } = widthOf(item);
    let target = -1;
    const inner = this.#compile(item, (place) => place === target);
    return (place) => {
      const oldTarget = target;
      target = place;
      let isFound = false;
      for (let start = place - min; start >= Math.max(0, place - max) && !isFound; start--) {
        this.#search.count();
        isFound = inner(start);
      }
      target = oldTarget;
      return isFound;
    };
  }

  /** A group without part matches nothing, as in PCRE. */
  #reference(index: number, ignoresCase: boolean, next: Go): Go {
    const textOf = (first: number, last: number): string => {
      const text = this.#search.value.slice(first, last);
      return ignoresCase ? text.replace(/[A-Z]+/g, (run) => run.toLowerCase()) : text;
    };
    return (place) => {
      const first = this.#search.places[2 * index] ?? -1;
      const last = this.#search.places[2 * index + 1] ?? -1;
      if (first < 0) return false;
      const end = place + last - first;
      this.#search.count(1 + last - first);
      return textOf(first, last) === textOf(place, end) && next(end);
    };
  }

  /** The first way to match the item is the only one. */
  #atomic(item: PatternNode, next: Go): Go {
    let end = -1;
    const inner = this.#compile(item, (place) => {
      end = place;
      return true;
    });
    return (place) => {
      const kept = this.#search.places.slice();
      if (inner(place) && next(end)) return true;
      this.#search.places = kept;
      return false;
    };
  }

  #anyRepeat(node: Repeat, next: Go): Go {
    if (node.mode === "possessive") return this.#atomic({ ...node, mode: "greedy" }, next);
    const search = this.#search;
    if (node.item.kind === "bytes")
      return compileRun(search, { ...node, set: node.item.set }, next);
    const compile = (item: PatternNode, after: Go) => this.#compile(item, after);
    return compileRounds(search, node, { compile, next });
  }
}
