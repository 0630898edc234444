import { expect, test } from "vitest";
import { urlEncode } from "./url-encode.ts";

test.each([
  ["letters, digits and the star stay", "aZ09*", "aZ09*"],
  ["a space becomes a plus", "a b", "a+b"],
  ["all else becomes lower-case escapes", "-_.~/?\0\xff", "%2d%5f%2e%7e%2f%3f%00%ff"],
  ["an empty value stays", "", ""],
])("urlEncode: %s", (_sentence, value, expected) => {
  expect(urlEncode(value)).toBe(expected);
});
