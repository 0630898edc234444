/** What names a pack: BLAKE3-256 of its file's exact bytes. Nothing is ever written anew to be hashed. */
import { createBLAKE3 } from "hash-wasm";

/** One instance for all: each use runs from `init` to `digest` without giving way to another. */
const blake3 = await createBLAKE3();

const PACK_HASH = /^[0-9a-f]{64}$/;

/** 64 lower-case hexadecimal digits. */
export function packHash(bytes: Uint8Array): string {
  return blake3.init().update(bytes).digest("hex");
}

/** Whether a text may be a `packHash`. Upper case is not: one hash has one text. */
export function isPackHash(text: string): boolean {
  return PACK_HASH.test(text);
}
