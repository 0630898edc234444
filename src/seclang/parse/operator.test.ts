/** The operator decides what a rule means: a wrong one must be told, not read as a pattern. */
import { describe, expect, test } from "vitest";
import { parseOperator } from "./operator.ts";
import { collectFaults } from "./parse-fault.test-support.ts";

describe("operators", () => {
  test.each([
    ["a pattern without a name", "^a b$", { name: "rx", negated: false, argument: "^a b$" }],
    ["a negated pattern", "!^a", { name: "rx", negated: true, argument: "^a" }],
    ["a name and an argument", "@streq  a b ", { name: "streq", negated: false, argument: "a b " }],
    ["a negated name", " ! @rx ^$", { name: "rx", negated: true, argument: "^$" }],
    [
      "another letter case",
      "@IPMATCHF x",
      { name: "ipMatchFromFile", negated: false, argument: "x" },
    ],
    ["the short form", "@pmf a b", { name: "pmFromFile", negated: false, argument: "a b" }],
    ["no argument", "@detectSQLi", { name: "detectSQLi", negated: false, argument: "" }],
    ["a macro as text", "@eq %{tx.a}", { name: "eq", negated: false, argument: "%{tx.a}" }],
    ["nothing", "", { name: "rx", negated: false, argument: "" }],
  ])("%s", (_, text, expected) => {
    const { report, faults } = collectFaults();
    expect(parseOperator(text, report)).toEqual(expected);
    expect(faults).toEqual([]);
  });

  test.each([
    ["an unknown name", "@strec a", "seclang.operator", "did you mean streq?"],
    ["a missing argument", "@pm ", "seclang.operator", undefined],
    ["a script", "@inspectFile x.lua", "seclang.refused", undefined],
    ["only the sign", "@", "seclang.operator", expect.stringContaining("@rx")],
  ])("%s is a fault", (_, text, code, hint) => {
    const { report, faults } = collectFaults();
    expect(parseOperator(text, report)).toBeUndefined();
    expect(faults).toMatchObject([hint === undefined ? { code } : { code, hint }]);
  });
});
