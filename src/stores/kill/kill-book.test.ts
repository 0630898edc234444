/** The switches that a process knows: however many somebody has put into the shared store, all of them hold. */
import { expect, test } from "vitest";
import { KillBook } from "./kill-book.ts";

test("more switches than a function takes arguments", () => {
  const book = new KillBook();
  const COUNT = 200_000;
  for (let i = 0; i < COUNT; i++)
    book.take({
      killSwitch: {
        id: String(i),
        scope: { caller: `c${i}` },
        reason: "a flood",
        author: "ana",
        createdAtMs: 1,
        expiresAtMs: 10 + i,
        routeTo: undefined,
      },
      changedAtMs: 1,
      off: undefined,
    });
  expect(book.look(2)).toHaveLength(COUNT);
  expect(book.active).toHaveLength(COUNT);
  expect(book.isDue(9)).toBe(false);
  expect(book.isDue(10)).toBe(true);
});
