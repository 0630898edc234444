/** `md5` and `sha1`: raw digests, for rules that compare with a known value. They must never guard anything: both are broken. */

import { Buffer } from "node:buffer";
import { hash } from "node:crypto";
import type { ByteString } from "../byte-string.ts";

/** The 16 bytes of the MD5 digest; `hexEncode` makes them readable. */
export function md5(value: ByteString): ByteString {
  return hash("md5", Buffer.from(value, "latin1"), "binary");
}

/** The 20 bytes of the SHA-1 digest; `hexEncode` makes them readable. */
export function sha1(value: ByteString): ByteString {
  return hash("sha1", Buffer.from(value, "latin1"), "binary");
}
