/**
 * `a=b&c=d` bodies and query strings to fields, decoded as ModSecurity decodes ARGS. It must never drop a byte: an escape
 * that is none stays as it is written, and pieces without `=` are names with an empty value.
 */
import type { ByteString } from "../byte-string.ts";
import { hexByteAt } from "../transformations/hex-digits.ts";
import { openScratch, readScratch } from "../transformations/scratch.ts";
import { BodyFields, type BodyLimits, type ParsedBody } from "./parsed-body.ts";

export interface UrlencodedOptions extends BodyLimits {
  /** One byte between fields (SecArgumentSeparator); default `&`. */
  readonly separator: ByteString;
}

export interface UrlencodedBody extends ParsedBody {
  /** `%` signs that two hexadecimal digits do not follow: backends disagree about them (URLENCODED_ERROR). */
  readonly invalidEscapes: number;
}

const DEFAULT_SEPARATOR = "&";

const PERCENT = 0x25;
const PLUS = 0x2b;
const SPACE = 0x20;

interface Decoded {
  readonly text: ByteString;
  readonly invalidEscapes: number;
}

/** `+` to space and `%XX` to its byte, once; what does not decode is kept and counted. */
function decode(raw: ByteString): Decoded {
  if (!raw.includes("%")) {
    return { text: raw.includes("+") ? raw.replaceAll("+", " ") : raw, invalidEscapes: 0 };
  }
  const out = openScratch(raw.length);
  let length = 0;
  let invalidEscapes = 0;
  for (let at = 0; at < raw.length; at += 1) {
    const code = raw.charCodeAt(at);
    if (code !== PERCENT) out[length++] = code === PLUS ? SPACE : code;
    else {
      const byte = hexByteAt(raw, at + 1);
      if (byte < 0) invalidEscapes += 1;
      else at += 2;
      out[length++] = byte < 0 ? PERCENT : byte;
    }
  }
  return { text: readScratch(out, length), invalidEscapes };
}

/** Reads a form body or a query string (without its `?`). Empty pieces (`a=1&&b=2`) are no fields. */
export function parseUrlencoded(
  body: ByteString,
  options: Partial<UrlencodedOptions> = {},
): UrlencodedBody {
  const out = new BodyFields(options);
  const separator = options.separator ?? DEFAULT_SEPARATOR;
  let invalidEscapes = 0;
  for (let start = 0; start < body.length;) {
    const next = body.indexOf(separator, start);
    const end = next === -1 ? body.length : next;
    if (end > start) {
      const piece = body.slice(start, end);
      const equals = piece.indexOf("=");
      const length = equals === -1 ? piece.length : equals;
      const name = decode(piece.slice(0, length));
      const value = decode(piece.slice(length + 1));
      invalidEscapes += name.invalidEscapes + value.invalidEscapes;
      const valueStart = Math.min(start + length + 1, end);
      if (!out.add({ name: name.text, value: value.text, start: valueStart, end })) break;
    }
    start = end + 1;
  }
  return { ...out.result(), invalidEscapes };
}
