/** What an operator may ask of break-glass; whatever else they ask is refused before anything is written. */
import type { Approval } from "./approval.ts";
import { BreakGlassRefused } from "./break-glass-error.ts";

/** What an operator asks for. */
export interface BreakGlassOrder {
  /** Whole seconds, 1 to the cap. */
  readonly ttlSec: number;
  /** 1 to 500 printable characters on one line. */
  readonly reason: string;
  /** Who asks, as they say: 1 to 100 printable characters. */
  readonly by?: string | undefined;
  readonly approval?: Approval | undefined;
}

/** Letters, marks, digits, punctuation, symbols and plain spaces: no line break, no control, nothing invisible. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$/u;

/** They stand in every record of a use. Raised, one order fills the log that it is meant to explain. */
const REASON_LIMIT = 500;
const NAME_LIMIT = 100;

/** Throws `breakglass.bad_ttl`, `breakglass.bad_reason` or `breakglass.bad_name`. */
export function requireOrder({ ttlSec, reason, by }: BreakGlassOrder, maxTtlSec: number): void {
  if (!Number.isSafeInteger(ttlSec) || ttlSec < 1 || ttlSec > maxTtlSec)
    throw new BreakGlassRefused(
      "breakglass.bad_ttl",
      `ttl_sec: a whole number from 1 to ${maxTtlSec} is needed`,
    );
  if (!isPrintable(reason, REASON_LIMIT))
    throw new BreakGlassRefused(
      "breakglass.bad_reason",
      `reason: 1 to ${REASON_LIMIT} printable characters on one line are needed`,
    );
  if (by !== undefined && !isPrintable(by, NAME_LIMIT))
    throw new BreakGlassRefused(
      "breakglass.bad_name",
      `by: 1 to ${NAME_LIMIT} printable characters on one line are needed`,
    );
}

function isPrintable(text: unknown, limit: number): boolean {
  return (
    typeof text === "string" && text.length <= limit && text.trim() !== "" && PRINTABLE.test(text)
  );
}
