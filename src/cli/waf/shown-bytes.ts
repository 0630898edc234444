/** Bytes of a message as text for a terminal: readable where they are, never a control character, cut where they are long. */
import { Buffer } from "node:buffer";
import type { ByteString } from "../../seclang/index.ts";

/** UTF-8 as characters; controls, and bytes that are no UTF-8, as `\n`, `\x00`. A backslash stands for itself. */
export function shownBytes(
  bytes: ByteString,
  limitChars: number = Number.POSITIVE_INFINITY,
): string {
  // A character has at most four bytes: what is cut off here is never shown.
  const near = bytes.slice(0, limitChars * 4);
  const text = decode(near).replace(/\p{C}/gu, escaped);
  if (text.length <= limitChars && near.length === bytes.length) return text;
  return `${text.slice(0, limitChars)}... (${bytes.length} bytes)`;
}

function decode(bytes: ByteString): string {
  const text = Buffer.from(bytes, "latin1").toString("utf8");
  // Something in it is no UTF-8: then all that is beyond ASCII is told byte by byte.
  return text.includes("\ufffd") ? bytes.replace(/[\x80-\xff]/g, escaped) : text;
}

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  return SHORT[character] ?? (code < 256 ? `\\x${hex.padStart(2, "0")}` : `\\u{${hex}}`);
}
