/** Which spellings are addresses, and which are refused because others read them differently. */
import { isIP } from "node:net";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { readAddress, readWords } from "./ip-address.ts";

test.each([
  ["0.0.0.0", [0]],
  ["255.255.255.255", [0xffff_ffff]],
  ["10.0.0.1", [0x0a00_0001]],
  ["::", [0, 0, 0, 0]],
  ["::1", [0, 0, 0, 1]],
  ["1::", [0x1_0000, 0, 0, 0]],
  ["2001:DB8::a:b", [0x2001_0db8, 0, 0, 0xa_000b]],
  ["1:2:3:4:5:6:7:8", [0x1_0002, 0x3_0004, 0x5_0006, 0x7_0008]],
  ["1:2:3:4:5:6:7::", [0x1_0002, 0x3_0004, 0x5_0006, 0x7_0000]],
  ["64:ff9b::192.0.2.1", [0x64_ff9b, 0, 0, 0xc000_0201]],
  ["fe80::1%eth0", [0xfe80_0000, 0, 0, 1]],
  ["::ffff:10.0.0.1", [0x0a00_0001]],
  ["::ffff:0a00:1", [0x0a00_0001]],
])("%j is an address", (text, words) => {
  expect(readAddress(text)).toEqual(words);
});

test.each([
  "",
  "10.0.0",
  "10.0.0.1.2",
  "10.0.0.256",
  "10.0.0.01",
  "010.0.0.1",
  "0x0a.0.0.1",
  "10.0.0.1 ",
  "10.0.0.1%eth0",
  "167772161",
  "localhost",
  ":",
  ":::",
  "1::2::3",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "1:2:3:4:5:6:7:8::",
  "::12345",
  "::g",
  ":1",
  "1:",
  "1.2.3.4::",
  "::1.2.3.4:5",
  "::1.2.3",
  "[::1]",
  `::${"0".repeat(60)}1`,
])("%j is none", (text) => {
  expect(readAddress(text)).toBeUndefined();
});

test("whatever is made of the characters of addresses is judged as Node judges it", () => {
  const pieces = ["0", "1", "9", "25", "255", "256", "ffff", "abcd", ".", ".", ":", ":", "::"];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 16 }), (parts) => {
      const text = parts.join("");
      const kind = [0, 4, 6][["", 1, 4].indexOf(readWords(text)?.length ?? "")];
      expect(kind).toBe(isIP(text));
    }),
    { numRuns: 1000 },
  );
  fc.assert(fc.property(fc.ipV6(), (text) => readWords(text)?.length === 4));
  fc.assert(fc.property(fc.ipV4(), (text) => readWords(text)?.length === 1));
});
