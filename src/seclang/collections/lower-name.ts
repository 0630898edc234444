/**
 * Names of headers and arguments in lower case, remembered, because the same few come with every request. It must never
 * grow with what callers send, nor hold on to a message.
 */
import { Buffer } from "node:buffer";
import type { ByteString } from "../byte-string.ts";
import { lowercase } from "../transformations/letter-case.ts";

/** Names kept at once, 100 KB at most. When they are used up all are forgotten: junk names cost their sender's time only. */
const MAX_NAMES = 512;
/** Longer names are not kept; no registered header has more than 40 bytes. */
const MAX_NAME_BYTES = 64;

const kept = new Map<ByteString, ByteString>();

/** A loop: for the few bytes of a name, calling a pattern costs more than the search. */
function hasUpperCase(name: ByteString): boolean {
  for (let at = 0; at < name.length; at += 1) {
    const code = name.charCodeAt(at);
    if (code >= 0x41 && code <= 0x5a) return true;
  }
  return false;
}

/** `name` with A to Z as a to z; other bytes as they are. */
export function lowerName(name: ByteString): ByteString {
  if (!hasUpperCase(name)) return name;
  const known = kept.get(name);
  if (known !== undefined) return known;
  if (name.length > MAX_NAME_BYTES) return lowercase(name);
  // A name cut out of a body is a window on it to V8, and would keep the whole body alive: a copy does not.
  const own = Buffer.from(name, "latin1").toString("latin1");
  const lower = lowercase(own);
  if (kept.size >= MAX_NAMES) kept.clear();
  kept.set(own, lower);
  return lower;
}
