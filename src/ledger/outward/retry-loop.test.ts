/** The loop under every piece: one step at a time, pauses that grow, an end that comes. */
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import { backoffMs, RetryLoop } from "./retry-loop.ts";

const QUICK = { firstMs: 1, limitMs: 4 };

describe("the pause after failures", () => {
  test.each([
    { failures: 1, random: 0, expected: 250 },
    { failures: 1, random: 1, expected: 500 },
    { failures: 4, random: 1, expected: 4_000 },
    { failures: 40, random: 0, expected: 30_000 },
    { failures: 4_000, random: 1, expected: 60_000 },
  ])("$failures in a row, jitter $random: $expected ms", ({ failures, random, expected }) => {
    expect(backoffMs(failures, { firstMs: 500, limitMs: 60_000 }, random)).toBe(expected);
  });
});

describe("the loop", () => {
  test("goes on at once while there is more, then waits for news", async () => {
    let steps = 0;
    const loop = new RetryLoop({
      step: async () => (++steps % 3 === 0 ? "idle" : "again"),
      idleMs: 3_600_000,
      onError: () => undefined,
    });
    await until("three steps", () => steps === 3);
    loop.wake();
    await until("three more", () => steps === 6);
    await loop.close();
    expect(steps).toBeLessThanOrEqual(9);
  });

  test("news during a step is not forgotten", async () => {
    let steps = 0;
    const loop: RetryLoop = new RetryLoop({
      step: async () => {
        if (++steps === 1) loop.wake();
        return "idle";
      },
      idleMs: 3_600_000,
      onError: () => undefined,
    });
    await until("a second step", () => steps === 2);
    await loop.close();
  });

  test("a failure is told and tried again", async () => {
    const told: unknown[] = [];
    let steps = 0;
    const loop = new RetryLoop({
      step: async () => {
        if (++steps < 4) throw new Error(`no ${steps}`);
        return "idle";
      },
      idleMs: 3_600_000,
      backoff: QUICK,
      onError: (error) => told.push(error),
    });
    await until("the fourth attempt", () => steps === 4);
    expect(told.map((error) => (error as Error).message)).toEqual(["no 1", "no 2", "no 3"]);
    await loop.close();
  });

  test("news does not cut the pause after a failure short", async () => {
    let steps = 0;
    const loop = new RetryLoop({
      step: async () => {
        steps++;
        throw new Error("always");
      },
      idleMs: 1,
      backoff: { firstMs: 3_600_000, limitMs: 3_600_000 },
      onError: () => undefined,
    });
    await until("the first attempt", () => steps === 1);
    for (let news = 0; news < 100; news++) loop.wake();
    await new Promise((resolve) => setImmediate(resolve));
    expect(steps).toBe(1);
    await loop.close();
    expect(steps, "closing tries once more").toBe(2);
  });

  test("closing aborts a step that does not end", async () => {
    let steps = 0;
    const loop = new RetryLoop({
      step: async (signal) => {
        steps++;
        await once(signal, "abort");
        throw signal.reason;
      },
      idleMs: 1,
      onError: () => undefined,
    });
    await until("the first step", () => steps === 1);
    await loop.close(5);
    expect(steps).toBe(1);
  });
});
