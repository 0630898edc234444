import * as fc from "fast-check";
import { expect, test } from "vitest";
import { CounterKeys, toSubject } from "./counter-keys.ts";
import { codeOf } from "./rule-code.ts";

const KINDS = ["day", "hour"] as const;
const keyOf = (scope: string, kind: (typeof KINDS)[number], subject: string): string => {
  const { name } = codeOf({
    kind,
    name: "any",
    limit: 1,
    unit: "requests",
    speed: "exact",
    onStoreFailure: "deny",
    timeZone: "UTC",
  });
  return new CounterKeys("{p}:").scope(scope) + name + toSubject(subject);
};

test("plain names can be read by an operator", () => {
  expect(keyOf("route:churn.v2", "day", "tenant:7/alice@example.org")).toBe(
    "{p}:l:route%3Achurn.v2:day.requests:tenant:7/alice@example.org",
  );
});

test("no scope, kind or subject can be written as others", () => {
  const sly = [":", "a", "day.requests", "hour.requests", "%3A", "%", "#", "{", "}", "\uD800", "ä"];
  const text = fc.oneof(
    fc.array(fc.constantFrom(...sly), { maxLength: 6 }).map((parts) => parts.join("")),
    fc.string({ unit: "binary", maxLength: 200 }),
  );
  const counter = fc.tuple(text, fc.constantFrom(...KINDS), text);
  fc.assert(
    fc.property(counter, counter, (a, b) => {
      const isSame = a.every((part, index) => part === b[index]);
      expect(keyOf(...a) === keyOf(...b)).toBe(isSame);
    }),
    { numRuns: 500 },
  );
});

test.each([
  ["long", "x".repeat(100_000)],
  ["binary", "\0\r\n\u{1F600}"],
  ["half a character", "\uD800"],
  ["the other half", "\uDC00"],
  ["empty", ""],
  ["one that looks hashed", "#abc"],
])("a subject that is %s makes a short name", (_, subject) => {
  const key = keyOf("scope", "day", subject);
  expect(key).toMatch(/^[\x21-\x7e]+$/);
  expect(key.length).toBeLessThan(80);
});

test("halves of characters are told apart", () => {
  expect(toSubject("\uD800")).not.toBe(toSubject("\uDC00"));
});
