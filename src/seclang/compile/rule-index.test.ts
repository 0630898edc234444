import { expect, test } from "vitest";
import { PatternRefused } from "../regex/pattern-tree.ts";
import { RuleIndex } from "./rule-index.ts";

const rule = (id: number, tag: string, message: string) => ({
  id,
  tags: [tag],
  message: [{ kind: "text", text: message } as const],
});
const index = new RuleIndex([rule(7, "sql", "a"), rule(8, "xss", "sql"), rule(17, "sql/x", "b")]);

test.each([
  [{ by: "id", ids: [{ first: 7, last: 7 }] } as const, [0]],
  [{ by: "id", ids: [{ first: 8, last: 99 }] } as const, [1, 2]],
  [{ by: "tag", pattern: "sql" } as const, [0, 2]],
  [{ by: "message", pattern: "sql" } as const, [1]],
  [{ by: "tag", pattern: "^x$" } as const, []],
])("finds %j, also a second time", (choice, expected) => {
  expect(index.indexesOf(choice)).toEqual(expected);
  expect(index.indexesOf({ ...choice })).toEqual(expected);
});

test("a pattern that cannot be read is refused each time", () => {
  for (let time = 0; time < 2; time++)
    expect(() => index.indexesOf({ by: "tag", pattern: "(" })).toThrow(PatternRefused);
});
