import { expect, test } from "vitest";
import { fromBytes, toBytes } from "./byte-string.ts";

test("every byte value survives the way there and back", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
  const text = fromBytes(bytes);
  expect(text).toHaveLength(256);
  expect(toBytes(text)).toEqual(bytes);
});

test("a view into a larger buffer gives only its own bytes", () => {
  expect(fromBytes(new Uint8Array([65, 66, 67, 68]).subarray(1, 3))).toBe("BC");
});

test("UTF-8 stays as its bytes", () => {
  expect(fromBytes(new Uint8Array([0xc3, 0xa9]))).toBe("\xc3\xa9");
});
