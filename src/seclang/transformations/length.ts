/** `length`: how many bytes, for the numeric operators. It must never count characters instead. */

import type { ByteString } from "../byte-string.ts";

/** The number of bytes, in decimal digits. */
export function length(value: ByteString): ByteString {
  return String(value.length);
}
