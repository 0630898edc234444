import { expect, test } from "vitest";
import { isProseProne } from "./prose-prone-rules.ts";

test.each<[string, number, readonly string[], boolean]>([
  ["a rule against SQL injection", 942100, ["attack-sqli", "paranoia-level/1"], true],
  ["a rule that is prone by id alone", 920272, ["attack-protocol"], true],
  ["a lookup of log4j, whatever its tags say", 944150, ["attack-rce"], false],
  ["a rule of the protocol", 920100, ["attack-protocol"], false],
])("%s", (_, id, tags, isProne) => {
  expect(isProseProne({ id, tags })).toBe(isProne);
});
