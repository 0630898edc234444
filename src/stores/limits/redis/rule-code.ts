/**
 * Rules as the scripts read them. Lists of rules are objects of the configuration, so each list is translated once; a
 * request only adds its numbers.
 */
import {
  SLIDING_SLOTS,
  type CalendarPeriod,
  type LimitRule,
  type QuotaRule,
} from "../limit-store.ts";
import { windowOf, type CalendarWindow } from "../calendar-window.ts";
import { KIND_CODES, type KindCode } from "./limit-scripts.ts";

export interface RuleCode {
  readonly rule: LimitRule;
  readonly kind: KindCode;
  /** Of the counter's name, with the colon that follows it. */
  readonly name: string;
  readonly isCost: boolean;
  readonly isLeased: boolean;
  readonly isSlots: boolean;
  readonly quota: QuotaRule | undefined;
  /** Length of a slot of a sliding window; 0 for other kinds. */
  readonly slotMs: number;
  /** The limit and the numbers of its kind, as far as they are the same for each request. */
  readonly numbers: string;
}

const codes = new WeakMap<readonly LimitRule[], readonly RuleCode[]>();

export function codesOf(rules: readonly LimitRule[]): readonly RuleCode[] {
  let list = codes.get(rules);
  if (list === undefined) {
    list = rules.map(codeOf);
    codes.set(rules, list);
  }
  return list;
}

export function codeOf(rule: LimitRule): RuleCode {
  const slotMs = rule.kind === "sliding" ? Math.ceil(rule.windowMs / (SLIDING_SLOTS - 1)) : 0;
  return {
    rule,
    slotMs,
    kind: kindOf(rule),
    name: `${rule.kind}.${rule.unit}:`,
    isCost: rule.unit === "cost",
    isLeased: rule.speed === "leased",
    isSlots: rule.kind === "concurrency",
    quota: isQuota(rule) ? rule : undefined,
    numbers: numbersOf(rule, slotMs),
  };
}

function kindOf({ kind }: LimitRule): KindCode {
  switch (kind) {
    case "bucket":
      return KIND_CODES.bucket;
    case "sliding":
      return KIND_CODES.sliding;
    case "concurrency":
      return KIND_CODES.slots;
    case "minute":
    case "hour":
    case "day":
    case "month":
      return KIND_CODES.quota;
  }
}

function numbersOf(rule: LimitRule, slotMs: number): string {
  switch (rule.kind) {
    case "bucket":
      return `${rule.limit} ${rule.count} ${rule.perMs} 0`;
    case "sliding":
      return `${rule.limit} ${slotMs} 0 0`;
    case "concurrency":
    case "minute":
    case "hour":
    case "day":
    case "month":
      return String(rule.limit);
  }
}

const PERIODS: Record<CalendarPeriod, true> = { minute: true, hour: true, day: true, month: true };
const isQuota = (rule: LimitRule): rule is QuotaRule => Object.hasOwn(PERIODS, rule.kind);

export const windowAt = ({ kind, timeZone }: QuotaRule, nowMs: number): CalendarWindow =>
  windowOf(kind, timeZone, nowMs);
