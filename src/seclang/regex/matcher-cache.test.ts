import { describe, expect, test } from "vitest";
import { LinearMatcher } from "./linear-matcher.ts";
import { MatcherCache, type Forgetful } from "./matcher-cache.ts";
import { parsePattern } from "./parse-pattern.ts";

class Memory implements Forgetful {
  usedBytes: number;
  constructor(usedBytes: number) {
    this.usedBytes = usedBytes;
  }
  forget(): void {
    this.usedBytes = 0;
  }
}

describe("the memory matchers share", () => {
  test("stays with them as long as there is enough", () => {
    const cache = new MatcherCache(100);
    const memories = [new Memory(40), new Memory(50)];
    for (const memory of [...memories, ...memories]) cache.touch(memory);
    expect(cache.usedBytes).toBe(90);
    expect(cache.evictions).toBe(0);
  });

  test("is taken from those that were not used for longest", () => {
    const cache = new MatcherCache(100);
    const [old, middle, young] = [new Memory(40), new Memory(40), new Memory(10)] as const;
    for (const memory of [old, middle, old, young]) cache.touch(memory);
    young.usedBytes = 25;
    cache.touch(young);
    expect([old.usedBytes, middle.usedBytes, young.usedBytes]).toEqual([40, 0, 25]);
    expect(cache.usedBytes).toBe(65);
  });

  test("is taken from the one in use if it takes all", () => {
    const cache = new MatcherCache(100);
    const greedy = new Memory(101);
    cache.touch(greedy);
    expect(greedy.usedBytes).toBe(0);
    expect(cache.usedBytes).toBe(0);
  });

  test("holds for real matchers, whose answers do not change", () => {
    const cache = new MatcherCache(40_000);
    const matchers = ["a[ab]{6}c", "b[ab]{7}c", "[ab]*a[ab]{8}d"].map(
      (source) => new LinearMatcher(parsePattern(source)),
    );
    for (let seed = 1; seed < 2_000; seed = seed * 3 + 1) {
      for (const matcher of matchers) {
        const value = (seed * 7_919).toString(2).replaceAll("0", "a").replaceAll("1", "b");
        expect(matcher.test(value)).toBe(false);
        cache.touch(matcher);
        expect(cache.usedBytes).toBeLessThanOrEqual(40_000);
      }
    }
    expect(cache.usedBytes).toBe(matchers.reduce((sum, { usedBytes }) => sum + usedBytes, 0));
  });
});
