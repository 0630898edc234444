/**
 * Numbers that stand for a scope and its rules, so that they cross to the primary once and not with every request. A
 * number must never mean two things at the same time: what it stands for is sent before it is first used.
 */
import type { LimitGroup, LimitRule } from "../limit-store.ts";

/**
 * Numbers in use before they are given out anew. A configuration needs one for each scope and tier; reloads add more.
 * Raised, workers may hold that many sets of rules each, and the primary twice as many for each of them.
 */
export const MAX_NUMBERS = 16_384;

export class GroupNumbers {
  readonly #define: (number: number, scope: string, rules: LimitRule[]) => void;
  /** The same array is the same rules: no request looks at them twice. */
  #byRules = new WeakMap<readonly LimitRule[], Map<string, number>>();
  #byText = new Map<string, number>();
  #first = 0;

  constructor(define: (number: number, scope: string, rules: LimitRule[]) => void) {
    this.#define = define;
  }

  of({ scope, rules }: LimitGroup): number {
    const known = this.#byRules.get(rules)?.get(scope);
    return known ?? this.#remember(scope, rules);
  }

  #remember(scope: string, rules: readonly LimitRule[]): number {
    const text = JSON.stringify([scope, rules]);
    let number = this.#byText.get(text);
    if (number === undefined) {
      if (this.#byText.size >= MAX_NUMBERS) this.#beginAnew();
      number = this.#first + this.#byText.size;
      this.#byText.set(text, number);
      this.#define(number, scope, [...rules]);
    }
    const scopes = this.#byRules.get(rules);
    if (scopes) scopes.set(scope, number);
    else this.#byRules.set(rules, new Map([[scope, number]]));
    return number;
  }

  /**
   * Messages keep their order, so that questions on their way are read with the old meaning. Those given out before are not
   * given out next: the request that is being written may hold some.
   */
  #beginAnew(): void {
    this.#byRules = new WeakMap();
    this.#byText = new Map();
    this.#first = MAX_NUMBERS - this.#first;
  }
}
