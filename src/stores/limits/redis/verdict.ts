/** What the caller of the store is told, and the proof of what a request holds. */
import type { LimitReading, LimitVerdict } from "../limit-store.ts";
import type { Part } from "./part.ts";

/** Given back once: whoever comes second finds nothing in it. */
export class RedisHold {
  #parts: readonly Part[];

  constructor(parts: readonly Part[]) {
    this.#parts = parts;
  }

  release(): readonly Part[] {
    const parts = this.#parts;
    this.#parts = NOTHING;
    return parts;
  }
}

const NOTHING: readonly Part[] = [];

export function toVerdict(
  parts: readonly Part[],
  nowMs: number,
  refusal: { readonly by: Part; readonly waitMs: number } | undefined,
): LimitVerdict {
  const readings = parts.map((part) => toReading(part, nowMs));
  if (refusal === undefined) return { isGranted: true, readings, hold: holdOf(parts) };
  const refusedBy = readings[parts.indexOf(refusal.by)] as LimitReading;
  return { isGranted: false, readings, refusedBy, retryAfterMs: refusal.waitMs };
}

/** Units ahead would still pass here. What the server was not asked about is as it last said. */
function toReading(
  { code, wallet, slots, left, resetMs, isHere }: Part,
  nowMs: number,
): LimitReading {
  const { rule } = code;
  if (!isHere) return { rule, remaining: left + (wallet?.balance ?? 0), resetMs };
  if (slots !== undefined) return { rule, remaining: slots.left + slots.spare, resetMs: 0 };
  if (wallet === undefined) return { rule, remaining: left, resetMs };
  const wholeInMs = Math.max(0, Math.ceil(wallet.resetAtMs - nowMs));
  return { rule, remaining: wallet.left + wallet.balance, resetMs: wholeInMs };
}

function holdOf(parts: readonly Part[]): RedisHold | undefined {
  const held = parts.filter(({ code }) => code.isCost || code.isSlots);
  return held.length > 0 ? new RedisHold(held) : undefined;
}
