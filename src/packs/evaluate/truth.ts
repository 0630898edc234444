/**
 * The three truth values as numbers, two bits each: what may be true and what may be false. Undefined may be both, which
 * makes Kleene's strong logic plain bit arithmetic: AND may be true where all sides may, and may be false where one may.
 */
import type { PackContext } from "../fields.ts";

export const TRUE = 1;
export const FALSE = 2;
export const UNDEFINED = 3;

export type Trit = typeof TRUE | typeof FALSE | typeof UNDEFINED;

/** A truth value as it is told to people. */
export type Truth = "true" | "false" | "undefined";

const NAMES: Readonly<Record<Trit, Truth>> = { 1: "true", 2: "false", 3: "undefined" };

export function truthOf(trit: Trit): Truth {
  return NAMES[trit];
}

/** A rule, or a part of one, made ready: it looks at values by slot and allocates nothing. */
export type Rule = (context: PackContext, nowSeconds: number) => Trit;
