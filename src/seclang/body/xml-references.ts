/**
 * Character references and the five predefined entities of XML. It must never expand anything else: what is not named
 * here would need a DTD, and a DTD can make a kilobyte stand for a gigabyte.
 */
import type { ByteString } from "../byte-string.ts";
import { toUtf8 } from "./utf8.ts";

const PREDEFINED: Readonly<Record<string, string>> = {
  "&lt;": "<",
  "&gt;": ">",
  "&amp;": "&",
  "&quot;": '"',
  "&apos;": "'",
};

/** Seven digits hold every code point; leading zeros are free. */
const REFERENCE = /&(?:#0*(\d{1,7})|#x0*([0-9a-f]{1,6})|[a-z_:\x80-\xff][\w:.\x80-\xff-]*);/iy;

export interface ReferenceFlaw {
  readonly code: "body.entity" | "body.syntax";
  /** Offset in the text given. */
  readonly at: number;
}

/** XML 1.0 section 2.2: the characters a document may hold. */
function isCharacter(code: number): boolean {
  if (code < 0x20) return code === 0x09 || code === 0x0a || code === 0x0d;
  return (
    code <= 0xd7ff || (code >= 0xe000 && code <= 0x10ffff && code !== 0xfffe && code !== 0xffff)
  );
}

function replacement([whole, decimal, hex]: RegExpExecArray): ByteString | undefined {
  if (decimal === undefined && hex === undefined) return PREDEFINED[whole];
  const code = decimal === undefined ? Number.parseInt(hex ?? "", 16) : Number(decimal);
  return isCharacter(code) ? toUtf8(code) : undefined;
}

/** The text with its references replaced by UTF-8 bytes, or the first one that cannot be. */
export function decodeReferences(raw: ByteString): ByteString | ReferenceFlaw {
  let at = raw.indexOf("&");
  if (at === -1) return raw;
  let text = "";
  let from = 0;
  while (at !== -1) {
    REFERENCE.lastIndex = at;
    const match = REFERENCE.exec(raw);
    if (match === null) return { code: "body.syntax", at };
    const bytes = replacement(match);
    if (bytes === undefined) return { code: "body.entity", at };
    text += raw.slice(from, at) + bytes;
    from = at + match[0].length;
    at = raw.indexOf("&", from);
  }
  return text + raw.slice(from);
}
