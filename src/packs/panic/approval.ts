/**
 * The two-person rule: break-glass with a signature by an operator's key over exactly what is asked for. An approval is
 * good for one start; it must never outlive its own time.
 */
import { verify, type KeyObject } from "node:crypto";
import { keyId } from "../sign/keys.ts";
import { BreakGlassRefused } from "./break-glass-error.ts";

/** What the second person gives with the order. */
export interface Approval {
  /** Standard base64 of Ed25519 over `approvalText`. */
  readonly signature: string;
  /** RFC 3339 in UTC, such as `2026-11-22T17:00:00Z`. */
  readonly notAfter: string;
  /** 16 to 64 letters, digits, `-` and `_`, never used before. */
  readonly nonce: string;
}

/** What is approved. */
export interface ApprovedOrder {
  readonly ttlSec: number;
  readonly reason: string;
}

/**
 * One hour. How far ahead an approval may reach: raised, whoever finds one lying about has longer to use it, and used
 * ones are remembered longer.
 */
const APPROVAL_AHEAD_LIMIT_MS = 3_600_000;

const NONCE = /^[A-Za-z0-9_-]{16,64}$/;
/** RFC 3339 section 5.6 with the offset written as `Z`. */
const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,3})?Z$/;
/** 64 bytes in standard base64. */
const SIGNATURE = /^[A-Za-z0-9+/]{86}==$/;

/** The text that is signed. A reason is one line, so no field can be taken for another. */
export function approvalText(
  { ttlSec, reason }: ApprovedOrder,
  { notAfter, nonce }: Pick<Approval, "notAfter" | "nonce">,
): string {
  return `breakglass\nttl_sec=${ttlSec}\nreason=${reason}\nnot_after=${notAfter}\nnonce=${nonce}\n`;
}

/** Until when it may be used. Throws `breakglass.bad_approval`. */
export function approvalEndMs({ notAfter }: Pick<Approval, "notAfter">): number {
  const endMs = MOMENT.test(notAfter) ? Date.parse(notAfter) : Number.NaN;
  // The 30th of February is the 2nd of March to some readers.
  const isReal =
    !Number.isNaN(endMs) && new Date(endMs).toISOString().slice(0, 19) === notAfter.slice(0, 19);
  if (isReal) return endMs;
  throw new BreakGlassRefused(
    "breakglass.bad_approval",
    'not_after is no time; write it as "2026-11-22T17:00:00Z"',
  );
}

/** Throws unless the approval may be used now; returns until when, for the memory of used ones. */
export function requireTimely(approval: Approval, nowMs: number): number {
  if (!NONCE.test(approval.nonce))
    throw new BreakGlassRefused(
      "breakglass.bad_approval",
      "nonce: 16 to 64 letters, digits, - and _ are needed",
    );
  const endMs = approvalEndMs(approval);
  if (nowMs > endMs)
    throw new BreakGlassRefused(
      "breakglass.approval_expired",
      `the approval ended at ${approval.notAfter}; ask for another`,
    );
  if (endMs - nowMs > APPROVAL_AHEAD_LIMIT_MS)
    throw new BreakGlassRefused(
      "breakglass.bad_approval",
      `not_after lies more than ${APPROVAL_AHEAD_LIMIT_MS / 60_000} minutes ahead; approve for less`,
    );
  return endMs;
}

/** The `keyId` of the key that signed. Throws `breakglass.approval_refused` when none did. */
export function requireSigned(
  order: ApprovedOrder,
  approval: Approval,
  keys: readonly KeyObject[],
): string {
  if (!SIGNATURE.test(approval.signature))
    throw new BreakGlassRefused(
      "breakglass.bad_approval",
      "signature: base64 of an Ed25519 signature is needed",
    );
  const signature = Buffer.from(approval.signature, "base64");
  const text = Buffer.from(approvalText(order, approval));
  const signer = keys.find(
    (key) => key.asymmetricKeyType === "ed25519" && verify(null, text, key, signature),
  );
  if (signer === undefined)
    throw new BreakGlassRefused(
      "breakglass.approval_refused",
      "no operator key signed this; sign the text for exactly this ttl_sec, reason, not_after and nonce",
    );
  return keyId(signer);
}
