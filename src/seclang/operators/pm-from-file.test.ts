/** `@pmFromFile`: phrases of several files, comments, and what is refused at load. */
import { expect, test } from "vitest";
import { compileOperator } from "./compile-operator.test-support.ts";
import { pmFromFile } from "./pm-from-file.ts";

const FILES = {
  "a.data": "# a comment\n\n  .htaccess \r\n \t# another one\netc/passwd # kept\nwin ini\n",
  "b.data": "|41|\n%{tx.x}\n.*\nend\xc2\xa0",
  "empty.data": "# nothing\n\n",
};

test.each([
  ["a.data", "/.HTAccess", ".HTAccess"],
  ["a.data", "c:/win ini", "win ini"],
  ["a.data", "c:/win.ini", undefined],
  ["a.data", "etc/passwd", undefined],
  ["a.data", "/etc/passwd # kept", "etc/passwd # kept"],
  ["a.data", "a comment", undefined],
  ["a.data", "# another", undefined],
  ["a.data  b.data", "x|41|", "|41|"],
  ["a.data b.data", ".htaccess", ".htaccess"],
  ["b.data", "A", undefined],
  ["b.data", "%{tx.x}", "%{tx.x}"],
  ["b.data", "end\xc2\xa0", "end\xc2\xa0"],
  ["b.data", "end\xc2", undefined],
])("@pmFromFile %j on %j captures %j", (argument, value, captured) => {
  const operator = compileOperator(pmFromFile, argument, FILES);
  expect(operator.test(value)).toBe(captured !== undefined);
  expect(operator.captures?.(value)).toEqual(captured === undefined ? [] : [captured]);
});

test.each([
  ["", "operator.argument_invalid"],
  ["empty.data", "operator.argument_invalid"],
  ["missing.data", "operator.file_unreadable"],
  ["a.data missing.data", "operator.file_unreadable"],
  ["https://example.org/list", "operator.unsupported"],
])("the argument %j is refused with %s", (argument, code) => {
  expect(() => compileOperator(pmFromFile, argument, FILES)).toThrow(
    expect.objectContaining({ code }),
  );
});

test("the words of a refusal name the file and keep the cause", () => {
  expect(() => compileOperator(pmFromFile, "missing.data")).toThrow(
    expect.objectContaining({
      message: "cannot read missing.data",
      cause: expect.any(Error) as Error,
    }),
  );
});
