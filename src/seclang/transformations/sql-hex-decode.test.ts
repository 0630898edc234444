import { expect, test } from "vitest";
import { sqlHexDecode } from "./sql-hex-decode.ts";

test.each([
  ["literals in both cases", "SELECT 0x41424a, 0X4A", "SELECT ABJ, J"],
  ["an odd digit is left over", "0x414", "A4"],
  ["a prefix without a byte stays", "0x 0x4 0xg1", "0x 0x4 0xg1"],
  ["a zero before the prefix stays", "00x41", "0A"],
  ["a literal inside a word", "a0x41b", "aAb"],
  ["NUL comes out", "0x00", "\0"],
  ["digits without the prefix stay", "4142", "4142"],
])("sqlHexDecode: %s", (_sentence, value, expected) => {
  expect(sqlHexDecode(value)).toBe(expected);
});
