/**
 * Looks one level into values that are texts themselves: JSON in a string (tool-call arguments) and base64 of text. It
 * must never replace the field it expands: rules see the raw value as well, so a wrong guess here only adds targets.
 */
import { Buffer } from "node:buffer";
import type { ByteString } from "../byte-string.ts";
import { parseJsonAs } from "./json.ts";
import { skipSpace } from "./json-tokens.ts";
import {
  type BodyField,
  BodyFields,
  type BodyLimits,
  DEFAULT_BODY_LIMITS,
  type ParsedBody,
} from "./parsed-body.ts";
import { firstInvalidUtf8 } from "./utf8.ts";

/** Shorter runs of base64 letters are mostly words and identifiers; an attack below 12 bytes passes no rule set anyway. */
const MIN_BASE64_BYTES = 16;

/** An optional data URL, then base64 or base64url; padding is checked by the decoder's length. */
const BASE64 = /^(?:data:[^,]{0,256};base64,)?([\w+/-]+={0,2})$/;

/** Control bytes that text does not hold. */
// oxlint-disable-next-line no-control-regex
const BINARY = /[\0-\x08\x0e-\x1f\x7f]/;

function decodeBase64(value: ByteString, limits: BodyLimits): ByteString | undefined {
  if (value.length < MIN_BASE64_BYTES || value.length > limits.valueBytes) return undefined;
  const encoded = BASE64.exec(value)?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString("latin1");
  return text === "" || BINARY.test(text) || firstInvalidUtf8(text) >= 0 ? undefined : text;
}

/**
 * The fields inside `field`, one level deep: `<name>.json.<path>` for JSON objects and arrays, `<name>.base64` for text in
 * base64 or a data URL. All carry the byte range of `field`, since escapes break any finer mapping. The fault, whose
 * offset counts in the decoded value, is a hint: prose may begin with a bracket.
 */
export function expandEmbedded(field: BodyField, limits: Partial<BodyLimits> = {}): ParsedBody {
  const { name, value, start, end } = field;
  const first = value.charCodeAt(skipSpace(value, 0));
  if (first === 0x7b || first === 0x5b) {
    const inner = parseJsonAs(value, `${name}.json`, limits);
    return { ...inner, fields: inner.fields.map((found) => ({ ...found, start, end })) };
  }
  const out = new BodyFields(limits);
  const text = decodeBase64(value, { ...DEFAULT_BODY_LIMITS, ...limits });
  if (text !== undefined) out.add({ name: `${name}.base64`, value: text, start, end });
  return out.result();
}
