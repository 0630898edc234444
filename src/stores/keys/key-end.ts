/**
 * When a key ends, and which of two records of that counts: the earlier. Everything else about a key never changes, so
 * whatever replicas hear, however often and in whatever order, no key lives longer again than one of them has known.
 */
import type { KeyRecord } from "./key-store.ts";

export type KeyEnd = Pick<KeyRecord, "expiresAtMs" | "revokedAtMs">;

/** The earlier expiry and the earlier revocation; a key that either says is revoked is revoked. */
export function earlierEnd(one: KeyEnd, other: KeyEnd): KeyEnd {
  const revokedAtMs = Math.min(one.revokedAtMs ?? Infinity, other.revokedAtMs ?? Infinity);
  return {
    expiresAtMs: Math.min(one.expiresAtMs, other.expiresAtMs),
    revokedAtMs: revokedAtMs === Infinity ? undefined : revokedAtMs,
  };
}

/** Whether `heard` says more than what is known: of a key nobody knows, or of an earlier end. */
export function isNews(heard: KeyEnd, known: KeyEnd | undefined): boolean {
  if (known === undefined) return true;
  const end = earlierEnd(heard, known);
  return end.expiresAtMs !== known.expiresAtMs || end.revokedAtMs !== known.revokedAtMs;
}
