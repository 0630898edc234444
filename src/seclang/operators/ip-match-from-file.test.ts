/** `@ipMatchFromFile`: lists with comments, and the place of what cannot be read. */
import { expect, test } from "vitest";
import { compileOperator } from "./compile-operator.test-support.ts";
import { ipMatchFromFile } from "./ip-match-from-file.ts";

const FILES = {
  "office.txt": "# offices\r\n10.0.0.0/8 # Berlin\r\n\r\n192.0.2.1, 2001:db8::/32\r\n",
  "more.txt": "198.51.100.0/24",
  "empty.txt": "",
  "broken.txt": "10.0.0.1\n\n10.0.0.300\n",
};

test.each([
  ["office.txt", "10.3.4.5", true],
  ["office.txt", "192.0.2.1", true],
  ["office.txt", "2001:db8::9", true],
  ["office.txt", "198.51.100.7", false],
  ["office.txt more.txt", "198.51.100.7", true],
  ["empty.txt", "10.0.0.1", false],
])("@ipMatchFromFile %j on %j: %s", (argument, value, isMatch) => {
  expect(compileOperator(ipMatchFromFile, argument, FILES).test(value)).toBe(isMatch);
});

test.each([
  ["", "operator.argument_invalid", "name of a file"],
  ["missing.txt", "operator.file_unreadable", "missing.txt"],
  ["broken.txt", "operator.argument_invalid", 'broken.txt:3: "10.0.0.300"'],
])("the argument %j is refused with %s", (argument, code, words) => {
  expect(() => compileOperator(ipMatchFromFile, argument, FILES)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(words) as string }),
  );
});
