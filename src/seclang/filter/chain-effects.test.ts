/** What the table says of a transformation holds for the transformation itself. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ByteString } from "../byte-string.ts";
import { TRANSFORMATIONS } from "../transformations/table.ts";
import { isWithin, KIND_OF, MARK_OF, maskOf, type ByteMask } from "./byte-classes.ts";
import { effectOf } from "./chain-effects.ts";

/** What transformations look for, whole and in parts, and bytes of all kinds. */
const PIECES = [
  ..."%\\&#;xXuU0149aAfFgGzZ+/*-<>!.'\"^=, ()|\t\n\v\f\r\0\x01\x7f\x80\xa0\xc2\xc3\xff".split(""),
  "%41",
  "%u0041",
  "&lt;",
  "&#60",
  "\\x41",
  "\\u0041",
  "/*",
  "*/",
  "<!--",
  "-->",
  "--",
  "../",
  "//",
  "/./",
  "0x41",
  "\xc2\xa0",
  "\xc3\xa0",
  "  ",
  " /",
  " (",
];

const values = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...PIECES) },
      { weight: 1, arbitrary: fc.nat({ max: 255 }).map((byte) => String.fromCharCode(byte)) },
    ),
    { maxLength: 24 },
  )
  .map((parts) => parts.join(""));

const cleared = (value: ByteString, mask: ByteMask): ByteString =>
  Array.from(value, (each) => {
    const byte = each.charCodeAt(0);
    const isIn = ((MARK_OF[byte] ?? 0) & mask.marks) | ((KIND_OF[byte] ?? 0) & mask.kinds);
    return isIn === 0 ? each : "";
  }).join("");

const lower = (value: ByteString): ByteString =>
  value.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

describe.each([...TRANSFORMATIONS])("%s", (name, transformation) => {
  const { isAlways = false, triggers, changes, result } = effectOf(name);

  test("gives a value without trigger bytes back as it is", () => {
    fc.assert(
      fc.property(values, (value) => {
        const quiet = cleared(value, triggers);
        if (!isAlways) expect(transformation(quiet)).toBe(quiet);
      }),
      { numRuns: 400 },
    );
  });

  test("changes no more than the case of letters without one of the others", () => {
    fc.assert(
      fc.property(values, (value) => {
        const quiet = cleared(value, changes);
        if (!isAlways) expect(lower(transformation(quiet))).toBe(lower(quiet));
      }),
      { numRuns: 400 },
    );
  });

  test("makes no byte of a class that was not foretold", () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(isWithin(maskOf(transformation(value)), result(maskOf(value)))).toBe(true);
      }),
      { numRuns: 400 },
    );
  });
});

const named = [...TRANSFORMATIONS].map(([name, transformation]) => ({
  name,
  transformation,
  ...effectOf(name),
}));

test.each(named.filter(({ isNarrowing }) => isNarrowing))(
  "$name makes no class that was not there",
  ({ transformation, result }) => {
    fc.assert(
      fc.property(values, (value) => {
        const mask = maskOf(value);
        expect(isWithin(maskOf(transformation(value)), mask)).toBe(true);
        expect(isWithin(result(mask), mask)).toBe(true);
      }),
      { numRuns: 400 },
    );
  },
);

test.each(named.filter(({ decode }) => decode !== undefined))(
  "$name makes the same as bytes",
  ({ transformation, decode }) => {
    fc.assert(
      fc.property(fc.oneof(values, fc.base64String()), (value) => {
        const out = new Uint8Array(value.length);
        const length = decode?.(value, out) ?? 0;
        expect(String.fromCharCode(...out.subarray(0, length))).toBe(transformation(value));
      }),
      { numRuns: 400 },
    );
  },
);

test("a name that is not in the table may do anything", () => {
  expect(isWithin(maskOf("<"), effectOf("rot13").triggers)).toBe(true);
});
