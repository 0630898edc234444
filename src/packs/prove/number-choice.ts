/** Numbers that lie where an assignment says and are to each other what it says. */
import type { NumberName, Order } from "./comparison.ts";
import type { Assignment } from "./diagram.ts";
import type { Interval } from "./number-field.ts";
import { RELATION_ORDERS, type RequestModel } from "./request-model.ts";

const HOUR = 3_600;
/** 2027-01-15T08:00:00Z: an example must not depend on the day it is made. */
const SOME_TIME = 1_800_000_000;

/** What a reader expects to see, where it will do. */
const USUAL: Partial<Record<NumberName, readonly number[]>> = {
  "context.transport.tls_version": [1.3, 1.2],
  "context.legacy_jwt.expires_at": [SOME_TIME + HOUR, SOME_TIME - HOUR],
  "now()": [SOME_TIME],
};

interface Wanted {
  readonly left: NumberName;
  readonly right: NumberName;
  readonly order: Order;
}

/** The numbers a request has; undefined when none were found that are to each other as wanted. */
export function chooseNumbers(
  model: RequestModel,
  { values, cared }: Assignment,
): Map<NumberName, number> | undefined {
  const intervals = new Map<NumberName, Interval>();
  for (const [name, number] of model.numbers) {
    const interval = number.intervalIn(values);
    if (interval) intervals.set(name, interval);
  }
  const wanted: Wanted[] = [];
  for (const { relation, group } of model.relations.values()) {
    if (relation.kind !== "order" || !group.isCared(cared)) continue;
    const order = RELATION_ORDERS.order[group.classOf(values)] as Order;
    if (intervals.has(relation.left) && intervals.has(relation.right))
      wanted.push({ left: relation.left, right: relation.right, order });
  }
  const shared = [...intervals].flatMap(([name, interval]) => samples(name, interval));
  const choices = Array.from(intervals, ([name, interval]): [NumberName, number[]] => {
    const usual = samples(name, interval);
    const near = wanted.length === 0 ? [] : shared.flatMap((at) => [at, at + HOUR, at - HOUR]);
    return [name, [...usual, ...near].filter((number) => isWithin(number, interval))];
  });
  return chosen(choices, wanted, new Map());
}

/** The first combination in order; there are three numbers at most, each with a few choices. */
function chosen(
  [first, ...rest]: readonly (readonly [NumberName, readonly number[]])[],
  wanted: readonly Wanted[],
  sofar: ReadonlyMap<NumberName, number>,
): Map<NumberName, number> | undefined {
  if (!first) return new Map(sofar);
  const [name, numbers] = first;
  for (const number of new Set(numbers)) {
    const next = new Map(sofar).set(name, number);
    const found = wanted.every((each) => mayHold(each, next)) && chosen(rest, wanted, next);
    if (found) return found;
  }
  return undefined;
}

function mayHold({ left, right, order }: Wanted, sofar: ReadonlyMap<NumberName, number>): boolean {
  const a = sofar.get(left);
  const b = sofar.get(right);
  if (a === undefined || b === undefined) return true;
  return order === (a < b ? "<" : a > b ? ">" : "=");
}

/** The usual ones, and some near each end. */
function samples(name: NumberName, { from, to }: Interval): number[] {
  if (from === to) return [from];
  const usual = USUAL[name] ?? [];
  if (from === -Infinity && to === Infinity) return usual.length > 0 ? [...usual] : [0];
  if (from === -Infinity) return [...usual, to - 1, to - HOUR];
  if (to === Infinity) return [...usual, from + 1, from + HOUR];
  return [...usual, from + (to - from) / 2, from + (to - from) / 4, to - (to - from) / 4];
}

function isWithin(number: number, { from, to }: Interval): boolean {
  return from === to ? number === from : from < number && number < to;
}
