/** What tells whether a file has changed: the digest of its content, never its times. */
import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";

/** Bytes hashed before requests get their turn: about a millisecond. */
const BYTES_PER_TURN = 1_048_576;

/** Absolute path to the digest of what was read there, or `ABSENT`. */
export type FileDigests = ReadonlyMap<string, string>;

/** Stands for the digest of a file that does not exist or cannot be read. */
export const ABSENT = "absent";

export function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("base64url");
}

/** The same, for files that are looked at again and again while requests are served. */
export async function digestInTurns(bytes: Uint8Array): Promise<string> {
  const hash = createHash("sha256");
  for (let from = 0; from < bytes.length; from += BYTES_PER_TURN) {
    if (from > 0) await nextTurn();
    hash.update(bytes.subarray(from, from + BYTES_PER_TURN));
  }
  return hash.digest("base64url");
}
