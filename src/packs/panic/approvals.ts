/** Which approvals count, and which have been used: each is good for one start, across restarts and set-back clocks. */
import type { KeyObject } from "node:crypto";
import { requireSigned, requireTimely, type Approval } from "./approval.ts";
import { BreakGlassRefused } from "./break-glass-error.ts";
import type { BreakGlassOrder } from "./break-glass-order.ts";

/** An approval that cannot be used again. */
export interface UsedApproval {
  readonly nonce: string;
  readonly endMs: number;
}

/** What is written down with a start that was approved. */
export interface Approved {
  readonly approval: Approval;
  /** `keyId` of the key that approved. */
  readonly approvedBy: string;
  /** All that must be remembered from now on. */
  readonly used: readonly UsedApproval[];
}

/**
 * Approvals remembered at the same time. Only those that an operator key has signed are; above it none is taken, so
 * that none is forgotten while it could be used again.
 */
const USED_APPROVALS_LIMIT = 1_024;

/** A day behind its end an approval is still remembered: a clock that is set back must not bring it to life. */
const APPROVAL_MEMORY_MS = 86_400_000;

/** Throws `BreakGlassRefused` unless one of the keys approved exactly this order, now, for the first time. */
export function requireApproval(
  order: BreakGlassOrder,
  keys: readonly KeyObject[],
  remembered: readonly UsedApproval[],
  nowMs: number,
): Approved {
  const { approval } = order;
  if (approval === undefined)
    throw new BreakGlassRefused(
      "breakglass.approval_required",
      "a second person must sign: signature, not_after and nonce are needed",
    );
  const endMs = requireTimely(approval, nowMs);
  const approvedBy = requireSigned(order, approval, keys);
  const { nonce } = approval;
  if (remembered.some((used) => used.nonce === nonce))
    throw new BreakGlassRefused(
      "breakglass.approval_replayed",
      "this approval has been used; ask for another",
    );
  if (remembered.length >= USED_APPROVALS_LIMIT)
    throw new BreakGlassRefused(
      "breakglass.too_many_approvals",
      `${USED_APPROVALS_LIMIT} approvals were used in a day; the oldest must end first`,
    );
  return { approval, approvedBy, used: [...remembered, { nonce, endMs }] };
}

/** Those that could still be used again. */
export function stillRemembered(
  used: readonly UsedApproval[],
  nowMs: number,
): readonly UsedApproval[] {
  return used.filter(({ endMs }) => nowMs <= endMs + APPROVAL_MEMORY_MS);
}
