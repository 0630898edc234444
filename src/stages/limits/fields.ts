/**
 * The answer headers that tell a caller where it stands: `X-RateLimit-*` for the tightest limit, and the draft
 * `RateLimit` and `RateLimit-Policy` for all of them (draft-ietf-httpapi-ratelimit-headers-10), tightest first.
 */
import type { Degraded, LimitReading } from "../../stores/limits/limit-store.ts";
import type { LimitPolicy } from "./policy.ts";

/** Says that this answer was decided without the shared store, and by which part of the gateway. */
const DEGRADED_FIELD = "x-portcullis-degraded";

/** The names of the `X-RateLimit-*` headers under the configured prefix, in lower case. */
export interface FieldNames {
  readonly limit: string;
  readonly remaining: string;
  readonly reset: string;
  /** All that this stage says, and no upstream may. */
  readonly all: ReadonlySet<string>;
}

export function toFieldNames(prefix: string): FieldNames {
  const start = prefix.toLowerCase();
  const names = {
    limit: `${start}-limit`,
    remaining: `${start}-remaining`,
    reset: `${start}-reset`,
  };
  const all = new Set([...Object.values(names), "ratelimit", "ratelimit-policy", DEGRADED_FIELD]);
  return { ...names, all };
}

/** What the headers of one answer are written from. */
export interface Standing {
  readonly policy: LimitPolicy;
  readonly readings: readonly LimitReading[];
  /** Index of the reading that stands first. */
  readonly first: number;
  /** Milliseconds after which the first limit is whole again or, when it refused, lets a request pass. */
  readonly firstResetMs: number;
  readonly nowMs: number;
  readonly degraded: Degraded | undefined;
}

/** Flat name, value, name, value. */
export function toFields(standing: Standing, names: FieldNames): string[] {
  const { policy, readings, first, firstResetMs, nowMs, degraded } = standing;
  const reading = readings[first] as LimitReading;
  const fields = [
    names.limit,
    String(reading.rule.limit),
    names.remaining,
    String(reading.remaining),
    // Rounded up: who comes back at that second finds the limit as promised.
    names.reset,
    String(Math.ceil((nowMs + firstResetMs) / 1000)),
    "ratelimit",
    toItems(standing),
    "ratelimit-policy",
    policy.policyFields[first] as string,
  ];
  if (degraded !== undefined) fields.push(DEGRADED_FIELD, `limits;mode=${degraded}`);
  return fields;
}

/** Section 4 of the draft: r remaining, t seconds until the quota is whole. */
function toItems({ policy, readings, first, firstResetMs }: Standing): string {
  const head = readings[first] as LimitReading;
  let items = `${policy.itemNames[first]};r=${head.remaining};t=${Math.ceil(firstResetMs / 1000)}`;
  for (let i = 0; i < readings.length; i++) {
    if (i === first) continue;
    const { rule, remaining, resetMs } = readings[i] as LimitReading;
    items += `, ${policy.itemNames[i]};r=${remaining}`;
    if (rule.kind !== "concurrency") items += `;t=${Math.ceil(resetMs / 1000)}`;
  }
  return items;
}
