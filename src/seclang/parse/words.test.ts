/** Words of a directive must come out exactly as Apache would hand them to ModSecurity. */
import { describe, expect, test } from "vitest";
import { logicalLines } from "./lines.ts";
import { collectFaults } from "./parse-fault.test-support.ts";
import { splitWords } from "./words.ts";

const lines = (text: string) => [...logicalLines(text)];

describe("words", () => {
  test.each([
    ["plain words split at blanks", "a  b\tc", ["a", "b", "c"]],
    ["double quotes hold blanks", 'a "b c"', ["a", "b c"]],
    ["single quotes hold blanks and double quotes", `'b "c"'`, ['b "c"']],
    ["an escaped quote loses its backslash", String.raw`"a\"b"`, ['a"b']],
    ["a doubled backslash is halved", String.raw`"a\\b"`, [String.raw`a\b`]],
    ["a doubled backslash before the closing quote closes", String.raw`"a\\" b`, ["a\\", "b"]],
    ["other backslashes stay", String.raw`"\d\.\x5c\'"`, [String.raw`\d\.\x5c\'`]],
    ["a single quote is escaped in single quotes only", String.raw`'a\'b\"'`, [`a'b\\"`]],
    ["four backslashes become two", String.raw`"[\\\\]"`, [String.raw`[\\]`]],
    ["a quote in the middle of a word is plain", `TX:'/a/' b`, ["TX:'/a/'", "b"]],
    ["outside quotes only pairs are halved", String.raw`a\\\/b`, [String.raw`a\\/b`]],
    ["a lone backslash at the end stays", "a\\", ["a\\"]],
    ["an empty argument is one", 'a ""', ["a", ""]],
    ["nothing has no words", "  ", []],
  ])("%s", (_, line, expected) => {
    const { report, faults } = collectFaults();
    expect(splitWords(line, report)).toEqual(expected);
    expect(faults).toEqual([]);
  });

  test.each([
    ["an open double quote", 'a "b', 3],
    ["an open single quote", "a 'b", 3],
    ["an escaped last quote", String.raw`"a\"`, 1],
    ["a word glued to a closing quote", '"a"b', 4],
  ])("%s is a fault at its column", (_, line, column) => {
    const { report, faults } = collectFaults();
    expect(splitWords(line, report)).toBeUndefined();
    expect(faults).toMatchObject([{ code: "seclang.quote", column }]);
  });
});

describe("logical lines", () => {
  test("continuations are joined and keep the first line's number", () => {
    expect(lines("# x\n\na \\\n  b\\\nc\nd")).toMatchObject([
      { text: "a   bc", line: 3 },
      { text: "d", line: 6 },
    ]);
  });

  test("CRLF reads as LF, in continuations and at the end", () => {
    expect(lines("a \\\r\n b\r\nc\r\n").map(({ text }) => text)).toEqual(["a  b", "c"]);
  });

  test("blanks after a backslash end the continuation", () => {
    expect(lines("a \\ \nb").map(({ text }) => text)).toEqual(["a \\", "b"]);
  });

  test("byte 0xA0 at the ends is kept", () => {
    expect(lines(" \xa0a\xa0 ")).toMatchObject([{ text: "\xa0a\xa0" }]);
  });

  test("comments with a backslash followed by comments or nothing are comments", () => {
    expect(lines("# a \\\n# b \\\n\nc").map(({ text }) => text)).toEqual(["c"]);
  });

  test("a comment that would swallow a directive is told", () => {
    expect(lines("# a \\\nSecRuleEngine On\n")).toMatchObject([{ isSwallowing: true, line: 1 }]);
  });

  test("a # inside a continued line is text", () => {
    expect(lines("a \\\n# b")).toMatchObject([{ text: "a # b", isSwallowing: false }]);
  });

  test("a backslash at the end of the file is told", () => {
    expect(lines("a \\")).toMatchObject([{ isCutOff: true }]);
  });
});
