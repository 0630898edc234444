import { expect, test } from "vitest";
import { parsePattern } from "./parse-pattern.ts";
import { isQuadraticOnPumps } from "./pump-growth.ts";

test.each([
  ["abc", true],
  ["\\d+x", true],
  ["[\\s(]*?\\b(\\w+)\\b[\\s(]*?(?:like|=)[\\s(]*?\\w+", true],
  ["\\s*[^;]*\\s*x", false],
  ["(?:a|a)*b", false],
  ["(?:a*)*b", false],
  ["\\w+\\s*\\w+\\s*\\w+!", false],
])("whether %s is quadratic at worst: %s", (source, isQuadratic) => {
  expect(isQuadraticOnPumps(parsePattern(source))).toBe(isQuadratic);
});
