/** What is remembered of names and headers: the right verdict under the right name, and never more than the bounds. */
import { expect, test } from "vitest";
import { PART } from "../collections/entry.ts";
import { isCached, VerdictCache } from "./verdict-cache.ts";

test.each([
  ["the value of an argument", PART.argsPost, "x", false],
  ["the value of a cookie", PART.requestCookies, "x", false],
  ["a body", PART.requestBody, "x", false],
  ["the name of an argument", PART.argsPostNames, "x", true],
  ["a header", PART.requestHeaders, "x", true],
  ["a long header", PART.requestHeaders, "x".repeat(129), false],
] as const)("%s", (_, part, value, expected) => {
  expect(isCached(part, value)).toBe(expected);
});

test("a value is known under the name it came with, and under few names", () => {
  const cache = new VerdictCache();
  for (const name of ["A", "B", "C", "D", "E"]) cache.set(name, "v", [name.charCodeAt(0)]);
  expect(cache.get("B", "v")).toEqual([66]);
  expect(cache.get("E", "v")).toBeUndefined();
  expect(cache.get("A", "w")).toBeUndefined();
});

test("a hundred thousand made-up values push each other out, a frequent one stays", () => {
  const cache = new VerdictCache();
  cache.set("Accept", "*/*", []);
  for (let at = 0; at < 100_000; at += 1) {
    cache.set("X", `made up ${at}`, []);
    expect(cache.get("Accept", "*/*")).toEqual([]);
  }
  expect(cache.get("X", "made up 5")).toBeUndefined();
  expect(cache.get("X", "made up 99999")).toEqual([]);
});

test("a cache that waits keeps what comes the second time, whatever came between", () => {
  const cache = new VerdictCache({ waits: true });
  cache.set("Accept", "*/*", [1]);
  expect(cache.get("Accept", "*/*")).toBeUndefined();
  cache.set("Accept", "", [2]);
  cache.set("Accept", "*/*", [1]);
  expect(cache.get("Accept", "*/*")).toEqual([1]);
  for (let at = 0; at < 10_000; at += 1) cache.set("X", `made up ${at}`, []);
  expect(cache.get("Accept", "*/*")).toEqual([1]);
});
