/**
 * One replica's part of a limit. The parts of all replicas together never come to more than the limit, whatever its
 * number: parts are rounded down, and where a part comes to nothing, nothing passes.
 */
import type { LimitRule } from "../limit-store.ts";

export interface Part {
  /** Replicas that share the limit; a whole number from 1. */
  readonly replicas: number;
  /** What the shared store last said of this counter's window, which is still running; undefined when it is not known. */
  readonly remaining: number | undefined;
}

/**
 * The rule with this replica's numbers. A bucket refills at exactly its rate divided by the replicas. A calendar quota
 * gives at most the part of what was left, which may be 0: it is used up. Undefined when the limit is smaller than the
 * number of replicas: a limit of 1 with four replicas cannot be shared, and four times a limit of 1 is no limit of 1.
 */
export function shareOf(rule: LimitRule, { replicas, remaining }: Part): LimitRule | undefined {
  const limit = Math.floor(rule.limit / replicas);
  if (limit < 1) return undefined;
  switch (rule.kind) {
    case "bucket":
      // The product of the two stays within that of the whole rule, and with it a safe integer.
      return { ...rule, limit, perMs: rule.perMs * replicas };
    case "sliding":
    case "concurrency":
      return { ...rule, limit };
    case "minute":
    case "hour":
    case "day":
    case "month":
      if (remaining === undefined) return { ...rule, limit };
      return { ...rule, limit: Math.min(limit, Math.floor(remaining / replicas)) };
  }
}
