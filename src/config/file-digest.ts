/** What tells whether a file has changed: the digest of its content, never its times. */
import { createHash } from "node:crypto";

/** Absolute path to the digest of what was read there, or `ABSENT`. */
export type FileDigests = ReadonlyMap<string, string>;

/** Stands for the digest of a file that does not exist or cannot be read. */
export const ABSENT = "absent";

export function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("base64url");
}
