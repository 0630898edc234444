import { expect, test } from "vitest";
import { TRANSFORMATIONS } from "./table.ts";

const REFERENCE_MANUAL =
  `base64Decode base64DecodeExt base64Encode cmdLine compressWhitespace cssDecode escapeSeqDecode
  hexDecode hexEncode htmlEntityDecode jsDecode length lowercase md5 none normalisePath normalisePathWin normalizePath
  normalizePathWin parityEven7bit parityOdd7bit parityZero7bit removeComments removeCommentsChar removeNulls
  removeWhitespace replaceComments replaceNulls sha1 sqlHexDecode trim trimLeft trimRight uppercase urlDecode
  urlDecodeUni urlEncode utf8toUnicode`.split(/\s+/);

test("every name of the reference manual is there, in lower case, and no other", () => {
  expect([...TRANSFORMATIONS.keys()].toSorted()).toEqual(
    REFERENCE_MANUAL.map((name) => name.toLowerCase()).toSorted(),
  );
});

test("the British spelling is the same transformation", () => {
  expect(TRANSFORMATIONS.get("normalisepath")).toBe(TRANSFORMATIONS.get("normalizepath"));
  expect(TRANSFORMATIONS.get("normalisepathwin")).toBe(TRANSFORMATIONS.get("normalizepathwin"));
});
