/** Both ways to a digest come to the same, whatever the length. */
import { expect, test } from "vitest";
import { digestInTurns, digestOf } from "./file-digest.ts";

test.each([0, 1, 1_048_575, 1_048_576, 1_048_577, 3_000_000])("of %i bytes", async (length) => {
  const bytes = Buffer.alloc(length, "portcullis ");
  expect(await digestInTurns(bytes)).toBe(digestOf(bytes));
});
