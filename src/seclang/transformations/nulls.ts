/** `removeNulls` and `replaceNulls`: NUL bytes, which end a string for C programs only. No other byte may change. */

import type { ByteString } from "../byte-string.ts";

/** Without NUL bytes. */
export function removeNulls(value: ByteString): ByteString {
  return value.includes("\0") ? value.replaceAll("\0", "") : value;
}

/** Each NUL byte as a space. */
export function replaceNulls(value: ByteString): ByteString {
  return value.includes("\0") ? value.replaceAll("\0", " ") : value;
}
