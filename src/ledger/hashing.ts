/**
 * The two hashes of the ledger: BLAKE3 chains lines, SHA-256 builds the tree (RFC 6962 section 2.1). It must never mix
 * them, nor leave out the prefixes that keep a leaf from being passed off as a node.
 */
import { hash } from "node:crypto";
import { createBLAKE3 } from "hash-wasm";

/** Bytes of every digest here, BLAKE3-256 and SHA-256 alike. */
export const DIGEST_BYTES = 32;

const LEAF_PREFIX = 0x00;
const NODE_PREFIX = 0x01;

/** One instance for all: each use runs from `init` to `digest` without giving way to another. */
const blake3 = await createBLAKE3();

/** Room for most lines; longer ones are hashed in a buffer of their own. */
const leafScratch = Buffer.alloc(1 + 65_536);
leafScratch[0] = LEAF_PREFIX;
const digestScratch = Buffer.alloc(DIGEST_BYTES);
const nodeScratch = Buffer.alloc(1 + 2 * DIGEST_BYTES);
nodeScratch[0] = NODE_PREFIX;

/** BLAKE3-256 of the parts, one behind the other, as 64 lower-case hexadecimal digits. */
export function blake3Hex(...parts: readonly Uint8Array[]): string {
  blake3.init();
  for (const part of parts) blake3.update(part);
  digestScratch.set(blake3.digest("binary"));
  return digestScratch.toString("hex");
}

/** The leaf of a line without its LF: SHA-256(0x00 || line). */
export function leafHash(line: Uint8Array): Buffer {
  const isShort = line.length < leafScratch.length;
  const prefixed = isShort ? leafScratch : Buffer.alloc(1 + line.length);
  prefixed.set(line, 1);
  return sha256(prefixed.subarray(0, 1 + line.length));
}

/** `leafHash` of a line that already stands behind a 0x00 byte: nothing is copied. */
export function prefixedLeafHash(prefixed: Uint8Array): Buffer {
  return sha256(prefixed);
}

/** An inner node: SHA-256(0x01 || left || right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  nodeScratch.set(left, 1);
  nodeScratch.set(right, 1 + DIGEST_BYTES);
  return sha256(nodeScratch);
}

/** The root of a tree without leaves: SHA-256 of nothing (RFC 6962 section 2.1). */
export function emptyRoot(): Buffer {
  return sha256(Buffer.alloc(0));
}

/** By way of a binary string: on Node 22 and 24 asking for a buffer costs four times as much. */
function sha256(bytes: Uint8Array): Buffer {
  return Buffer.from(hash("sha256", bytes, "binary"), "latin1");
}
