/** `none`: the value as it is. That it also clears what came before in the list is up to who reads the rule. */

import type { ByteString } from "../byte-string.ts";

/** The value itself. */
export function none(value: ByteString): ByteString {
  return value;
}
