/**
 * The items of `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10 section 3): q quota, w window in seconds, qu
 * unit. Written at load; a window is never stated shorter than it is.
 */
import {
  DAY_MS,
  HOUR_MS,
  MINUTE_MS,
  type CalendarPeriod,
  type LimitRule,
} from "../../stores/limits/limit-store.ts";

/** The draft's registry has no unit for cost; clients that do not know this one see that it is not requests. */
const COST_UNIT = ';qu="cost-units"';

/** Nominal; a month by its longest, so that nobody hopes for a second quota within the first. */
const PERIOD_MS: Record<CalendarPeriod, number> = {
  minute: MINUTE_MS,
  hour: HOUR_MS,
  day: DAY_MS,
  month: 31 * DAY_MS,
};

export function policyItem(rule: LimitRule): string {
  const unit = rule.unit === "cost" ? COST_UNIT : "";
  if (rule.kind === "concurrency") return `"${rule.name}";q=${rule.limit};qu="concurrent-requests"`;
  return `"${rule.name}";q=${rule.limit}${unit};w=${Math.ceil(windowMsOf(rule) / 1000)}`;
}

function windowMsOf(rule: Exclude<LimitRule, { kind: "concurrency" }>): number {
  switch (rule.kind) {
    case "bucket":
      // The window in which an empty bucket is whole again; section 3.1.3 wants whole seconds, and not zero.
      return Math.ceil((rule.limit * rule.perMs) / rule.count);
    case "sliding":
      return rule.windowMs;
    case "minute":
    case "hour":
    case "day":
    case "month":
      return PERIOD_MS[rule.kind];
  }
}
