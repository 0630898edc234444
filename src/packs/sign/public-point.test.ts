import { generateKeyPairSync, randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { isUsablePoint } from "./public-point.ts";

const point = (hex: string): boolean => isUsablePoint(Buffer.from(hex, "hex"));

describe("points that are no keys", () => {
  test.each([
    ["the neutral point", `01${"00".repeat(31)}`],
    ["the neutral point with a sign", `01${"00".repeat(30)}80`],
    ["order 2", `ec${"ff".repeat(30)}7f`],
    ["order 2 with a sign", `ec${"ff".repeat(31)}`],
    ["order 4: nothing but zeros", "00".repeat(32)],
    ["order 4 with a sign", `${"00".repeat(31)}80`],
    ["order 8", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"],
    ["order 8 with a sign", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"],
    ["the other y of order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"],
    ["the other with a sign", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"],
    ["zero as the prime", `ed${"ff".repeat(30)}7f`],
    ["zero as the prime with a sign", `ed${"ff".repeat(31)}`],
    ["one as the prime and one", `ee${"ff".repeat(30)}7f`],
    ["one as the prime and one with a sign", `ee${"ff".repeat(31)}`],
    ["another y beyond the prime", `f0${"ff".repeat(30)}7f`],
    ["nothing but ones", "ff".repeat(32)],
    ["no point of the curve", `02${"00".repeat(31)}`],
  ])("%s", (_what, hex) => expect(point(hex)).toBe(false));
});

describe("points that are keys", () => {
  test.each([
    // RFC 8032 section 7.1.
    ["TEST 1", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"],
    ["TEST 2", "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"],
    ["TEST 3", "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"],
    ["TEST 1024", "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e"],
    ["the base point", `58${"66".repeat(31)}`],
    ["the base point with a sign", `58${"66".repeat(30)}e6`],
    ["a y of 3", `03${"00".repeat(31)}`],
  ])("%s", (_what, hex) => expect(point(hex)).toBe(true));

  test("every key that is made", () => {
    for (let i = 0; i < 50; i++) {
      const { publicKey } = generateKeyPairSync("ed25519");
      const spki = publicKey.export({ format: "der", type: "spki" });
      expect(isUsablePoint(spki.subarray(-32))).toBe(true);
    }
  });
});

test("about half of all bytes are on the curve", () => {
  const usable = Array.from({ length: 200 }, () => isUsablePoint(randomBytes(32)));
  const count = usable.filter(Boolean).length;
  // Fewer or more than this comes once in 10^20 runs.
  expect(count).toBeGreaterThan(30);
  expect(count).toBeLessThan(170);
});
