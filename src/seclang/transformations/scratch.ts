/**
 * Memory into which a transformation writes its result, byte by byte. It must never be kept after `readScratch`: the
 * next transformation writes over it. Transformations are synchronous and do not nest, so one buffer serves them all.
 */

import { Buffer } from "node:buffer";
import type { ByteString } from "../byte-string.ts";

/**
 * Bytes that stay allocated for the life of the process. Larger results get memory of their own, which is collected:
 * if this grew with its largest use, one large request would hold that memory for good.
 */
const KEPT_BYTES = 64 * 1024;

const kept = Buffer.allocUnsafeSlow(KEPT_BYTES);

/** A buffer of at least that many bytes, with arbitrary content. */
export function openScratch(neededBytes: number): Buffer {
  return neededBytes <= KEPT_BYTES ? kept : Buffer.allocUnsafeSlow(neededBytes);
}

/** The first `lengthBytes` bytes as a string of their own; what else the buffer holds never gets out. */
export function readScratch(scratch: Buffer, lengthBytes: number): ByteString {
  return scratch.toString("latin1", 0, lengthBytes);
}
