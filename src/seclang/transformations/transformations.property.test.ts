import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TRANSFORMATIONS } from "./table.ts";

const NAMES = [...TRANSFORMATIONS.keys()];
const NOT_A_BYTE = /[^\0-\xff]/;

/** utf8toUnicode and urlEncode make three bytes of one; digests and the length have a size of their own. */
const GROWTH = 3;
const LONGEST_DIGEST_BYTES = 20;

/** The characters that make up escapes, entities, paths, comments and white space. */
const FREQUENT = `%\\&#;xXuU0123489aAfFgG+/*-<>!.'"^=, ()\t\r\n\0`;

/** Bytes of all kinds, but most of all those that transformations look for. */
const byteStrings = fc
  .array(
    fc.oneof(
      {
        weight: 3,
        arbitrary: fc.constantFrom(...FREQUENT.split("")),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          "%u",
          "&lt",
          "\\u00",
          "/*",
          "*/",
          "--",
          "../",
          "//",
          "0x4",
          "\xc2\xa0",
        ),
      },
      {
        weight: 1,
        arbitrary: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
      },
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(""));

function apply(name: string, value: string): string {
  const transformation = TRANSFORMATIONS.get(name);
  if (transformation === undefined) throw new Error(`no transformation ${name}`);
  return transformation(value);
}

describe.each(NAMES)("%s", (name) => {
  test("never throws and gives bytes of bounded length for any bytes", () => {
    fc.assert(
      fc.property(byteStrings, (value) => {
        const result = apply(name, value);
        expect(result).not.toMatch(NOT_A_BYTE);
        expect(result.length).toBeLessThanOrEqual(value.length * GROWTH + LONGEST_DIGEST_BYTES);
      }),
    );
  });
});

/** These look at the value as a whole; every other one works on a long value as on each of its parts. */
const WHOLE = new Set([
  "base64decode",
  "base64decodeext",
  "base64encode",
  "hexdecode",
  "length",
  "md5",
  "sha1",
]);

test.each(NAMES.filter((name) => !WHOLE.has(name)))(
  "%s works alike on a value of any length",
  (name) => {
    const part = "a%41 \\x41&lt;/*c*/;0x42;\xc3\xa9\0z";
    expect(apply(name, part.repeat(5_000))).toBe(apply(name, part).repeat(5_000));
  },
);

test.each([
  ["trim"],
  ["trimleft"],
  ["trimright"],
  ["compresswhitespace"],
  ["removewhitespace"],
  ["cmdline"],
  ["normalizepath"],
  ["normalizepathwin"],
  ["replacecomments"],
  ["removenulls"],
  ["replacenulls"],
  ["lowercase"],
  ["uppercase"],
  ["parityzero7bit"],
  ["utf8tounicode"],
  ["none"],
])("%s applied twice is the same as once", (name) => {
  fc.assert(
    fc.property(byteStrings, (value) => {
      const once = apply(name, value);
      expect(apply(name, once)).toBe(once);
    }),
  );
});

/** What stands in front here needs the thorough way, so that the rest goes through it as well. */
test.each([
  ["cmdline", "A", "a"],
  ["compresswhitespace", "\tA", " A"],
  ["removewhitespace", "\tA", "A"],
  ["cssdecode", "\\z", "z"],
  ["jsdecode", "\\z", "z"],
  ["escapeseqdecode", "\\z", "z"],
  ["htmlentitydecode", "&lt;", "<"],
  ["urldecode", "%41", "A"],
  ["urldecodeuni", "%u0041", "A"],
  ["urlencode", "/", "%2f"],
  ["utf8tounicode", "\xc3\xa9A", "%u00e9A"],
  ["sqlhexdecode", "0x41;", "A;"],
  ["replacecomments", "/**/", " "],
  ["removecomments", "/**/", ""],
  ["removecommentschar", "#", ""],
  ["removenulls", "\0", ""],
  ["replacenulls", "\0", " "],
  ["lowercase", "A", "a"],
  ["uppercase", "a", "A"],
  ["parityzero7bit", "\xe1", "a"],
])("%s gives the same on the quick and on the thorough way", (name, trigger, expected) => {
  fc.assert(
    fc.property(byteStrings, (value) => {
      fc.pre(!(name.endsWith("whitespace") && /^[\s\xa0]/.test(value)));
      expect(apply(name, trigger + value)).toBe(expected + apply(name, value));
    }),
  );
});

test.each([
  ["urlencode", "urldecode"],
  ["base64encode", "base64decode"],
  ["base64encode", "base64decodeext"],
  ["hexencode", "hexdecode"],
])("%s is undone by %s", (encode, decode) => {
  fc.assert(
    fc.property(byteStrings, (value) => {
      expect(apply(decode, apply(encode, value))).toBe(value);
    }),
  );
});
