import { expect, test } from "vitest";
import { graveFindings } from "./acknowledge.ts";
import { lintPack } from "./lint.ts";
import { nameOfFinding } from "./lint-finding.ts";
import { packFrom } from "./pack-text.test-support.ts";

const FINDINGS = lintPack(
  packFrom({
    bits: { P_User: "context.user.id == 'ann'", P_Lone: "context.rate.ok" },
    wires: { W_All: "sequence: []" },
    outputs: { allow_all: "W_All", deny_unknown: "NOT(P_User)" },
  }),
);

test.each([
  [
    "all grave findings stand in the way at first",
    [],
    ["open_allow:allow_all", "unconditional_allow:allow_all", "dead_output:deny_unknown"],
  ],
  [
    "an acknowledged one does not",
    ["open_allow:allow_all"],
    ["unconditional_allow:allow_all", "dead_output:deny_unknown"],
  ],
  [
    "none is left when all are acknowledged, in any order and twice",
    [
      "dead_output:deny_unknown",
      "unconditional_allow:allow_all",
      "open_allow:allow_all",
      "open_allow:allow_all",
    ],
    [],
  ],
  [
    "an acknowledgement of nothing stands in the way",
    [
      "open_allow:allow_all",
      "unconditional_allow:allow_all",
      "dead_output:deny_unknown",
      "open_allow:allow_gone",
    ],
    ["unknown_acknowledgement:open_allow:allow_gone"],
  ],
  [
    "and so does one of a notice",
    [
      "open_allow:allow_all",
      "unconditional_allow:allow_all",
      "dead_output:deny_unknown",
      "unused_bit:P_Lone",
    ],
    ["unknown_acknowledgement:unused_bit:P_Lone"],
  ],
])("%s", (_, acknowledged, expected) => {
  const left = graveFindings(FINDINGS, acknowledged);
  expect(left.map(nameOfFinding)).toEqual(expected);
  expect(left.every(({ severity }) => severity === "grave")).toBe(true);
});
