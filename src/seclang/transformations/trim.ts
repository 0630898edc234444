/** `trim`, `trimLeft`, `trimRight`: white space at the ends. It must never touch what is between. */

import type { ByteString } from "../byte-string.ts";
import { isAsciiSpace } from "./white-space.ts";

/** Without the white space at both ends. */
export function trim(value: ByteString): ByteString {
  return value.slice(startOf(value), endOf(value));
}

/** Without the white space at the beginning. */
export function trimLeft(value: ByteString): ByteString {
  return value.slice(startOf(value));
}

/** Without the white space at the end. */
export function trimRight(value: ByteString): ByteString {
  return value.slice(0, endOf(value));
}

function startOf(value: ByteString): number {
  let start = 0;
  while (start < value.length && isAsciiSpace(value.charCodeAt(start))) start += 1;
  return start;
}

function endOf(value: ByteString): number {
  let end = value.length;
  while (end > 0 && isAsciiSpace(value.charCodeAt(end - 1))) end -= 1;
  return end;
}
