/**
 * `portcullis/ledger`: a verifiable record for any program. Open a stream and append to it; verify a directory, prove a
 * line of it, keep its checkpoints elsewhere. The format is in docs/ledger-format.md.
 */
export { commit, pseudonym, verifyCommitment } from "./commitment.ts";
export {
  LedgerError,
  openLedger,
  type ClosedSegment,
  type Ledger,
  type LedgerEvent,
  type LedgerOptions,
  type RemovedSegment,
  type RetentionTimes,
} from "./ledger.ts";
export { proveConsistency, proveLine } from "./prove.ts";
export { createSigningKeyPem } from "./signing-key.ts";
export { Salts, SALTS_FILE, type Salt } from "./salts.ts";
export { verifyTlogProof } from "./tlog-proof.ts";
export { verifyLedger } from "./verify/verify-ledger.ts";
export type { Verification } from "./verify/verification.ts";
