import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeBase64url } from "./base64url.ts";

describe("canonical base64url", () => {
  test("any bytes come back from their one spelling", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = Buffer.from(bytes).toString("base64url");
        expect(decodeBase64url(text)).toEqual(Buffer.from(bytes));
      }),
    );
  });

  test("a text is accepted exactly when it is what encoding its bytes gives", () => {
    const characters = fc.constantFrom(...Array.from("ABCDwxyz0189-_+/= .\n\0é"));
    fc.assert(
      fc.property(fc.string({ unit: characters, maxLength: 12 }), (text) => {
        const isCanonical = Buffer.from(text, "base64url").toString("base64url") === text;
        expect(decodeBase64url(text) !== undefined).toBe(isCanonical);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ["padding", "QQ=="],
    ["a newline behind it", "QUI\n"],
    ["a space inside", "QU I"],
    ["the standard alphabet", "+/+/"],
    ["unused bits that are set, of two characters", "QR"],
    ["unused bits that are set, of three characters", "QUJ"],
    ["a single character", "QUJDR"],
    ["a NUL", "QUJ\0"],
  ])("%s is refused", (_, text) => {
    expect(decodeBase64url(text)).toBeUndefined();
  });
});
