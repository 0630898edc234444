/** The public keys a verification goes by: given by whoever verifies, or, said aloud, the ledger's own. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { SegmentFile } from "../read/segment-files.ts";
import { parseVerifierKey, VerifierKeyError, type VerifierKey } from "../verifier-key.ts";

/**
 * - `verify.public_key`: a given key cannot be read
 * - `verify.no_public_key`: none was given, and the ledger has none
 * - `verify.checkpoint`: a given checkpoint cannot be read
 */
export type VerifyErrorCode = "verify.public_key" | "verify.no_public_key" | "verify.checkpoint";

/** Nothing can be said about the ledger; its message says why and what to give. */
export class VerifyError extends Error {
  override readonly name = "VerifyError";
  readonly code: VerifyErrorCode;

  constructor(code: VerifyErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

export interface TrustedKeys {
  readonly keys: readonly VerifierKey[];
  /** They are the ledger's own word: whoever rewrote the ledger could have put them there. */
  readonly isSelfAsserted: boolean;
  /** What the file `public-key` of the directory says. */
  readonly inDirectory: string | undefined;
}

/** The given keys; without any, what the directory's `public-key` or its first `open` line says. */
export async function resolveTrustedKeys(
  directory: string,
  given: readonly string[],
  segments: readonly SegmentFile[],
): Promise<TrustedKeys> {
  const inDirectory = await textOrNothing(join(directory, "public-key"));
  if (given.length > 0) {
    return { keys: given.map(requireVerifierKey), isSelfAsserted: false, inDirectory };
  }
  const own = inDirectory ?? segments.find(({ head }) => head?.publicKey)?.head?.publicKey;
  if (own === undefined) {
    const why = `${directory}: has no file public-key; give the stream's with --public-key`;
    throw new VerifyError("verify.no_public_key", why);
  }
  return { keys: [requireVerifierKey(own)], isSelfAsserted: true, inDirectory };
}

/** A verifier key as text, or undefined. */
export function tryVerifierKey(vkey: unknown): VerifierKey | undefined {
  if (typeof vkey !== "string") return undefined;
  try {
    return parseVerifierKey(vkey);
  } catch {
    return undefined;
  }
}

/** Whether two verifier keys are one. */
export function isSameKey(one: VerifierKey, other: VerifierKey): boolean {
  return (
    one.name === other.name && one.role === other.role && one.publicKey.equals(other.publicKey)
  );
}

/** Throws a VerifyError. */
export function requireVerifierKey(vkey: string): VerifierKey {
  try {
    return parseVerifierKey(vkey);
  } catch (error) {
    if (!(error instanceof VerifierKeyError)) throw error;
    throw new VerifyError("verify.public_key", `not a public key: ${error.message}`, error);
  }
}

async function textOrNothing(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    const why = `${path}: ${(error as Error).message}; check that this user may read it`;
    throw new VerifyError("verify.public_key", why, error);
  }
}
