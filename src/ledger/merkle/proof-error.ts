/** Why a Merkle proof was refused. It must never carry a hash: a reader would take it for a proven one. */

/**
 * - `proof.range`: indices and sizes that no tree has, or that prove nothing
 * - `proof.length`: hashes missing or left over
 * - `proof.hash_length`: a hash that is not 32 bytes
 * - `proof.root_mismatch`: the proof leads to another root
 * - `proof.unavailable`: it needs leaves before the start that the frontier does not hold
 */
export type ProofErrorCode =
  | "proof.range"
  | "proof.length"
  | "proof.hash_length"
  | "proof.root_mismatch"
  | "proof.unavailable";

export class ProofError extends Error {
  override readonly name = "ProofError";
  readonly code: ProofErrorCode;

  constructor(code: ProofErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
