import { describe, expect, test } from "vitest";
import { Fault } from "../../pipeline/rejection.ts";
import { ReplayMemory } from "./replay-memory.ts";
import { TokenCache, type VerifiedToken } from "./token-cache.ts";

const token = (validUntilMs: number) => ({ validUntilMs }) as VerifiedToken;

describe("the memory of verified tokens", () => {
  test("never holds more than its capacity, and keeps what is asked for", () => {
    const cache = new TokenCache(100);
    cache.set("favourite", token(0));
    for (let i = 0; i < 10_000; i++) {
      cache.set(`t${i}`, token(i));
      expect(cache.size).toBeLessThanOrEqual(101);
      if (i % 20 === 0) expect(cache.get("favourite")).toBeDefined();
    }
    expect(cache.get("t9999")).toEqual(token(9999));
    expect(cache.get("t1")).toBeUndefined();
  });

  test("a deleted entry is gone from both halves", () => {
    const cache = new TokenCache(4);
    for (const name of ["a", "b", "c"]) cache.set(name, token(0));
    for (const name of ["a", "b", "c"]) cache.delete(name);
    for (const name of ["a", "b", "c"]) expect(cache.get(name)).toBeUndefined();
  });

  test("a capacity of nothing remembers nothing", () => {
    const cache = new TokenCache(0);
    cache.set("a", token(0));
    expect(cache.get("a")).toBeUndefined();
  });
});

describe("the memory of used tokens", () => {
  test("forgets only what has ended, and is a fault when full of what has not", () => {
    const memory = new ReplayMemory(3);
    for (const id of ["a", "b", "c"])
      expect(memory.isFirstUse(id, { nowMs: 0, untilMs: 100 })).toBe(true);
    expect(memory.isFirstUse("a", { nowMs: 50, untilMs: 100 })).toBe(false);
    expect(() => memory.isFirstUse("d", { nowMs: 99, untilMs: 200 })).toThrow(Fault);
    expect(memory.isFirstUse("d", { nowMs: 100, untilMs: 200 })).toBe(true);
    expect(memory.isFirstUse("d", { nowMs: 101, untilMs: 200 })).toBe(false);
  });
});
