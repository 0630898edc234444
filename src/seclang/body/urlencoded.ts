/**
 * `a=b&c=d` bodies and query strings to fields, decoded as ModSecurity decodes ARGS. It must never drop a byte: an escape
 * that is none stays as it is written, and pieces without `=` are names with an empty value.
 */
import type { ByteString } from "../byte-string.ts";
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

const HEX_PAIR = /^[0-9A-Fa-f]{2}$/;

interface Decoded {
  readonly text: ByteString;
  readonly invalidEscapes: number;
}

/** `+` to space and `%XX` to its byte, once; what does not decode is kept and counted. */
function decode(raw: ByteString): Decoded {
  const spaced = raw.includes("+") ? raw.replaceAll("+", " ") : raw;
  let escape = spaced.indexOf("%");
  if (escape === -1) return { text: spaced, invalidEscapes: 0 };
  let text = "";
  let from = 0;
  let invalidEscapes = 0;
  while (escape !== -1) {
    const hex = spaced.slice(escape + 1, escape + 3);
    if (HEX_PAIR.test(hex)) {
      text += spaced.slice(from, escape) + String.fromCharCode(Number.parseInt(hex, 16));
      from = escape + 3;
      escape = spaced.indexOf("%", from);
    } else {
      invalidEscapes += 1;
      escape = spaced.indexOf("%", escape + 1);
    }
  }
  return { text: text + spaced.slice(from), invalidEscapes };
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
