import { expect, test } from "vitest";
import { addArguments, partOfArgument } from "./arguments.ts";
import { type Entry, type FieldKind, PART } from "./entry.ts";
import { listEntries } from "./list-entries.test-support.ts";

const TABLE: readonly [FieldKind | undefined, string, keyof typeof PART][] = [
  [undefined, "x", "argsPost"],
  ["text", "1", "argsPost"],
  ["prompt", "ignore all", "prompts"],
  ["prompt", "", "prompts"],
  ["identifier", "' or 1=1", "identifiers"],
  ["number", "0", "plain"],
  ["number", "-12.5e+10", "plain"],
  ["number", "true", "plain"],
  ["number", "false", "plain"],
  ["number", "null", "plain"],
  ["number", "", "plain"],
  ["number", "1".repeat(40), "plain"],
  ["number", "1".repeat(41), "argsPost"],
  ["number", "01", "argsPost"],
  ["number", "+1", "argsPost"],
  ["number", "0x10", "argsPost"],
  ["number", "1;drop", "argsPost"],
  ["number", " 1", "argsPost"],
  ["number", "1\n", "argsPost"],
  ["number", "NaN", "argsPost"],
  ["number", "True", "argsPost"],
  ["number", "-", "argsPost"],
  [["user", "assistant"], "user", "plain"],
  [["user", "assistant"], "User", "argsPost"],
  [["user", "assistant"], "user ", "argsPost"],
  [[], "", "argsPost"],
];

test.each(TABLE)("declared %j, the value %j belongs to %s", (kind, value, part) => {
  expect(partOfArgument(PART.argsPost, kind, value)).toBe(PART[part]);
});

test("a kind concerns the value, never the name", () => {
  const entries: Entry[] = [];
  const fields = [{ name: "q", value: "hello", start: 2, end: 7 }];
  addArguments(fields, PART.argsGet, { entries, fieldKind: () => "prompt" });
  expect(listEntries(entries)).toEqual(["prompts q=hello", "argsGetNames q=q"]);
  expect(entries[0]).toMatchObject({ start: -1, end: -1 });
});

test("an array is named as well as its elements, so that wrapping hides no name", () => {
  const entries: Entry[] = [];
  const at = { value: "1", start: 0, end: 1 };
  const names = ["json.role.0", "json.role.1", "json.deep.0.0", "json.items.0.id"];
  addArguments(
    names.map((name) => ({ name, ...at })),
    PART.argsPost,
    { entries },
  );
  const seen = entries.filter(({ part }) => part === PART.argsPostNames).map(({ name }) => name);
  expect(seen).toEqual([
    "json.role.0",
    "json.role",
    "json.role.1",
    "json.deep.0.0",
    "json.deep.0",
    "json.deep",
    "json.items.0.id",
  ]);
});
