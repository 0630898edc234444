/** The memory of deliveries: bounded, and full rather than forgetful. */
import { expect, test } from "vitest";
import { DeliveryMemory } from "./webhook-replays.ts";

test("full, it takes no further ones until the oldest cannot count any more", () => {
  const memory = new DeliveryMemory(3);
  memory.keepFor(100, 0);
  expect(["a", "b", "c"].map((digest, i) => memory.remember(digest, i))).toEqual(
    Array(3).fill("first"),
  );
  expect(memory.remember("d", 200)).toBe("full");
  expect(memory.remember("b", 200)).toBe("seen");
  // Twice the tolerance has passed for the first of them, and for it alone.
  expect(memory.remember("d", 201)).toBe("first");
  expect(memory.remember("e", 201)).toBe("full");
  expect(memory.remember("c", 201)).toBe("seen");
});

test("reaches back to its beginning, in whole seconds, and no further after a longer tolerance", () => {
  const memory = new DeliveryMemory();
  memory.keepFor(1_000, 10_500);
  expect([9, 10, 11].map((seconds) => memory.reaches(seconds))).toEqual([false, true, true]);
  for (const toleranceMs of [1_000, 500]) memory.keepFor(toleranceMs, 20_000);
  expect(memory.reaches(10)).toBe(true);
  memory.keepFor(1_001, 20_000);
  expect([19, 20].map((seconds) => memory.reaches(seconds))).toEqual([false, true]);
});
