/** The hashes against published values and against Node's own SHA-256. */
import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { blake3Hex, emptyRoot, leafHash, nodeHash, prefixedLeafHash } from "./hashing.ts";

const sha256 = (...parts: readonly Uint8Array[]): Buffer =>
  createHash("sha256").update(Buffer.concat(parts)).digest();

/** The input of BLAKE3's own test vectors: bytes that count from 0 to 250, again and again. */
const counting = (length: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, index) => index % 251));

describe("BLAKE3", () => {
  test.each([
    [0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"],
    [1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"],
    [1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"],
  ])("of the official input of %i bytes is the official value", (length, expected) => {
    expect(blake3Hex(counting(length))).toBe(expected);
  });

  test("does not depend on how the input is cut into parts", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), (parts) => {
        expect(blake3Hex(...parts)).toBe(blake3Hex(Buffer.concat(parts)));
      }),
    );
  });
});

describe("the hashes of the tree (RFC 6962 section 2.1)", () => {
  test.each([0, 1, 600, 65_535, 65_536, 65_537, 200_000])("a leaf of %i bytes", (length) => {
    const line = counting(length);
    expect(leafHash(line)).toEqual(sha256(Uint8Array.of(0), line));
    expect(prefixedLeafHash(Buffer.concat([Uint8Array.of(0), line]))).toEqual(leafHash(line));
  });

  test("a node, and no leaves at all", () => {
    const [left, right] = [counting(32), Buffer.alloc(32, 7)];
    expect(nodeHash(left, right)).toEqual(sha256(Uint8Array.of(1), left, right));
    expect(emptyRoot()).toEqual(sha256());
  });

  test("are values of their own: a later hash does not change an earlier one", () => {
    const first = leafHash(counting(10));
    const copy = Buffer.from(first);
    leafHash(counting(11));
    nodeHash(first, first);
    expect(first).toEqual(copy);
  });
});
