/**
 * The formats a schema may name, each with a longest text: their expressions were not written for hostile texts of a
 * hundred kilobytes, so those must never reach them.
 */
import type { Format } from "ajv";
import { fullFormats } from "ajv-formats/dist/formats.js";

/** Longest e-mail address, host name, date or identifier looked at; RFC 5321 and RFC 1035 allow 254 and 253. */
const SHORT_FORMAT_LENGTH = 320;
/** Longest URI, template or pointer looked at. */
const LONG_FORMAT_LENGTH = 2_048;

const LONG_FORMATS: ReadonlySet<string> = new Set([
  "uri",
  "uri-reference",
  "uri-template",
  "json-pointer",
  "json-pointer-uri-fragment",
  "relative-json-pointer",
]);
/** Content of any length, checked by one pass or not at all. */
const UNBOUNDED_FORMATS: ReadonlySet<string> = new Set(["binary", "password"]);
/** Left out: `regex` would compile what the caller wrote, and `url` is not in JSON Schema. */
const REFUSED_FORMATS: ReadonlySet<string> = new Set(["regex", "url"]);

/** Base64 (RFC 4648 section 4), padded; written out because its usual expression is applied line by line. */
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const isBase64 = (text: string): boolean => text.length % 4 === 0 && BASE64.test(text);

export const BOUNDED_FORMATS: Readonly<Record<string, Format>> = {
  ...Object.fromEntries(
    Object.entries(fullFormats)
      .filter(([name]) => !REFUSED_FORMATS.has(name))
      .map(([name, format]) => [name, bound(name, format)]),
  ),
  byte: { type: "string", validate: isBase64 },
};

function bound(name: string, format: Format): Format {
  if (UNBOUNDED_FORMATS.has(name) || isNumeric(format)) return format;
  const test = toTest(format);
  const most = LONG_FORMATS.has(name) ? LONG_FORMAT_LENGTH : SHORT_FORMAT_LENGTH;
  return { type: "string", validate: (text: string) => text.length <= most && test(text) };
}

function isNumeric(format: Format): boolean {
  return typeof format === "object" && "type" in format && format.type === "number";
}

/** The libraries' several ways to write a check, as one. */
function toTest(format: Format): (text: string) => boolean {
  if (typeof format === "function") return format;
  if (format instanceof RegExp) return (text) => format.test(text);
  if (typeof format === "object" && "validate" in format) return toTest(format.validate as Format);
  throw new Error("a format that is not a check of texts");
}
