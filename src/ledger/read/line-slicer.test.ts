import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LINE_LIMIT_BYTES } from "../line.ts";
import { LineSlicer } from "./line-slicer.ts";

function slice(chunks: readonly Buffer[]): { lines: string[]; rest: string | undefined } {
  const slicer = new LineSlicer();
  const lines = chunks.flatMap((chunk) => slicer.push(chunk).map(String));
  return { lines, rest: slicer.rest()?.toString() };
}

describe("cutting chunks into lines", () => {
  test("gives the same lines wherever the chunks end", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("", "a", "bc", "déf", "x".repeat(40)), { maxLength: 20 }),
        fc.constantFrom("", "torn"),
        fc.array(fc.nat(60), { maxLength: 20 }),
        (lines, rest, cuts) => {
          let left = Buffer.from(lines.map((line) => `${line}\n`).join("") + rest);
          const chunks = cuts.map((cut) => {
            const chunk = left.subarray(0, cut);
            left = left.subarray(cut);
            return chunk;
          });
          expect(slice([...chunks, left])).toEqual({ lines, rest: rest === "" ? undefined : rest });
        },
      ),
    );
  });

  test("lets a chunk be used again once its lines were looked at", () => {
    const slicer = new LineSlicer();
    const chunk = Buffer.from("one\ntw");
    expect(slicer.push(chunk).map(String)).toEqual(["one"]);
    chunk.fill("#");
    expect(slicer.push(Buffer.from("o\n")).map(String)).toEqual(["two"]);
  });

  test.each([
    ["in one chunk", [`${"x".repeat(3 * LINE_LIMIT_BYTES)}\nnext\n`]],
    ["over many chunks", [...Array.from({ length: 30 }, () => "x".repeat(10_000)), "\n", "next\n"]],
  ])("of a line that is too long keeps no more than the limit: %s", (_name, chunks) => {
    const { lines } = slice(chunks.map((chunk) => Buffer.from(chunk)));
    expect(lines.map((line) => line.length)).toEqual([LINE_LIMIT_BYTES, 4]);
  });
});
