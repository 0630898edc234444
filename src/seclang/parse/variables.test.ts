/** Targets must be read as written: never wider, and never narrower without a fault. */
import { describe, expect, test } from "vitest";
import type { Variable } from "./ast.ts";
import { collectFaults } from "./parse-fault.test-support.ts";
import { parseVariables } from "./variables.ts";

const key = (text: string) => ({ kind: "key", key: text, lowerKey: text.toLowerCase() });
const regex = (source: string) => ({ kind: "regex", source });
const xpath = (path: string) => ({ kind: "xpath", path });
const plain = (name: string, more: object = {}) =>
  ({ name, count: false, excluded: false, ...more }) as Variable;

describe("targets", () => {
  test.each([
    ["one", "ARGS", [plain("ARGS")]],
    ["several", "ARGS|REQUEST_URI", [plain("ARGS"), plain("REQUEST_URI")]],
    ["any letter case", "args:Foo", [plain("ARGS", { selector: key("Foo") })]],
    ["libmodsecurity's dot", "TX.foo", [plain("TX", { selector: key("foo") })]],
    ["a count", "&TX:foo", [plain("TX", { count: true, selector: key("foo") })]],
    [
      "an exclusion by pattern, with | and , inside",
      "ARGS|!ARGS:/^(a|b){1,2}$/|TX:x",
      [
        plain("ARGS"),
        plain("ARGS", { excluded: true, selector: regex("^(a|b){1,2}$") }),
        plain("TX", { selector: key("x") }),
      ],
    ],
    [
      "a pattern with a slash",
      String.raw`TX:/a\/b/`,
      [plain("TX", { selector: regex(String.raw`a\/b`) })],
    ],
    ["a pattern with a bare slash", "TX:/a/b/", [plain("TX", { selector: regex("a/b") })]],
    [
      "a quoted pattern",
      "REQUEST_HEADERS:'/^X-|Y/'",
      [plain("REQUEST_HEADERS", { selector: regex("^X-|Y") })],
    ],
    ["a quoted key", String.raw`ARGS:'a|\'b'`, [plain("ARGS", { selector: key("a|'b") })]],
    [
      "both XPaths of the Core Rule Set",
      "XML:/*|XML://@*",
      [plain("XML", { selector: xpath("/*") }), plain("XML", { selector: xpath("//@*") })],
    ],
    [
      "commas as separators",
      "ARGS:a,!ARGS:b",
      [
        plain("ARGS", { selector: key("a") }),
        plain("ARGS", { excluded: true, selector: key("b") }),
      ],
    ],
    [
      "blanks around",
      " ARGS:a | TX:b ",
      [plain("ARGS", { selector: key("a") }), plain("TX", { selector: key("b") })],
    ],
  ])("%s", (_, text, expected) => {
    const { report, faults } = collectFaults();
    expect(parseVariables(text, report)).toEqual(expected);
    expect(faults).toEqual([]);
  });

  test("bytes above 0x7F keep their value in the lower-cased key", () => {
    const [variable] = parseVariables("ARGS:\xc3\x89A", collectFaults().report);
    expect(variable?.selector).toMatchObject({ lowerKey: "\xc3\x89a" });
  });

  test.each([
    ["an unknown name", "ARGZ", "seclang.variable"],
    ["an empty list", "", "seclang.variable"],
    ["an empty entry", "ARGS||TX", "seclang.variable"],
    ["a counted exclusion", "!&ARGS", "seclang.variable"],
    ["text after a selector", "TX:'a'b", "seclang.variable"],
    ["a selector on a single value", "REQUEST_URI:a", "seclang.selector"],
    ["an empty selector", "ARGS:", "seclang.selector"],
    ["an open pattern", "ARGS:/a", "seclang.selector"],
    ["an open quote", "ARGS:'a", "seclang.selector"],
    ["an empty pattern", "ARGS://", "seclang.selector"],
  ])("%s is a fault", (_, text, code) => {
    const { report, faults } = collectFaults();
    parseVariables(text, report);
    expect(faults).toMatchObject([{ code }]);
  });

  test("a wrong name comes with the nearest one", () => {
    const { report, faults } = collectFaults();
    parseVariables("REQUEST_HEADER", report);
    expect(faults[0]?.hint).toBe("did you mean REQUEST_HEADERS?");
  });
});
