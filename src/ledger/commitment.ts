/**
 * What the record says about a body or a name instead of it: a salted BLAKE3 hash. With the salt anyone can check it,
 * without it nobody can guess it. It must never be computed without a salt.
 */
import { blake3Hex } from "./hashing.ts";
import type { Salt } from "./salts.ts";

/** 128 bits: two names of one subject never meet by chance, and a line stays short. */
const PSEUDONYM_DIGITS = 32;

/**
 * Stands before the salt of a pseudonym. A commitment begins with the salt itself, which is random: so no body, however
 * it is chosen, has the hash of a name.
 */
const PSEUDONYM_CONTEXT = Buffer.from("portcullis ledger 2026 pseudonym\0");

/** `b3:` and the BLAKE3-256 of the salt followed by the exact bytes, in hexadecimal. */
export function commit(salt: Salt, bytes: Uint8Array): string {
  return `b3:${blake3Hex(salt.bytes, bytes)}`;
}

/** Whether a commitment of the record, its text, is that of the body. */
export function verifyCommitment(salt: Salt, body: Uint8Array, text: string): boolean {
  return commit(salt, body) === text;
}

/** `h:` and 32 hexadecimal digits: the same for the same name under the same salt, and nothing else. */
export function pseudonym(salt: Salt, text: string): string {
  const hash = blake3Hex(PSEUDONYM_CONTEXT, salt.bytes, Buffer.from(text));
  return `h:${hash.slice(0, PSEUDONYM_DIGITS)}`;
}
