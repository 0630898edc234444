import { expect, test } from "vitest";
import { addCookies } from "./cookies.ts";
import type { Entry } from "./entry.ts";
import { listParts } from "./list-entries.test-support.ts";

function cookies(header: string): string[] {
  const entries: Entry[] = [];
  addCookies(header, entries);
  return listParts(entries, "requestCookies").map((line) => line.replace(/^requestCookies ?/, ""));
}

test.each([
  ["", []],
  [";; ;", []],
  ["a=1", ["a=1"]],
  ["a=1; b=2;c=3", ["a=1", "b=2", "c=3"]],
  ["a=b=c", ["a=b=c"]],
  ["a", ["a="]],
  ["\t a =1", ["a=1"]],
  ["a= 1 ; b", ["a= 1 ", "b="]],
  ['a="x;y"', ['a="x', 'y"=']],
  ["a=%41+b", ["a=%41+b"]],
  ["a=1; a=2", ["a=1", "a=2"]],
  ["$Version=1; a=2", ["$Version=1", "a=2"]],
])("the header %j holds %j", (header, expected) => {
  expect(cookies(header)).toEqual(expected);
});

test("a value without a name is inspected all the same", () => {
  expect(cookies("=attack")).toEqual(["=attack"]);
});

test("each name is an entry of its own", () => {
  const entries: Entry[] = [];
  addCookies("a=1; b=2", entries);
  expect(listParts(entries, "requestCookiesNames")).toEqual([
    "requestCookiesNames a=a",
    "requestCookiesNames b=b",
  ]);
});
