import { describe, expect, test } from "vitest";
import { packFrom } from "../prove/pack-text.test-support.ts";
import { CasesRefused } from "./case-findings.ts";
import { readCases } from "./read-cases.ts";
import { runCases, type CaseResult } from "./run-cases.ts";

const PACK = packFrom({
  bits: { P_User: "context.user.id == 'ann'", P_Admin: "context.req.path STARTS_WITH '/admin/'" },
  wires: { W_Plain: "sequence: [P_User]" },
  outputs: { deny_admin: "P_Admin", allow_user: "W_Plain" },
});

const run = (cases: string, pack = PACK): readonly CaseResult[] =>
  runCases(pack, readCases("cases.yaml", `cases: [${cases}]`), "cases.yaml");

test.each<[string, string, [string, string, string][]]>([
  [
    "as expected",
    "{ context: { user.id: ann }, expect: { output: allow_user, wire: W_Plain, bit: null, effect: allow, status: 200 } }",
    [],
  ],
  [
    "another output",
    "{ context: {}, expect: { output: allow_user } }",
    [["output", "allow_user", "default_deny"]],
  ],
  [
    "another bit",
    "{ context: {}, expect: { output: default_deny, bit: P_Admin } }",
    [["bit", "P_Admin", "P_User"]],
  ],
  [
    "a bit where none is expected",
    "{ context: {}, expect: { output: default_deny, bit: null } }",
    [["bit", "none", "P_User"]],
  ],
  [
    "another status and effect",
    "{ context: { req.path: /admin/ }, expect: { output: deny_admin, status: 429, effect: allow } }",
    [
      ["status", "429", "403"],
      ["effect", "allow", "deny"],
    ],
  ],
])("%s", (_, text, expected) => {
  const [result] = run(text);
  const told = result?.differences.map(({ of, expected: wanted, got }) => [of, wanted, got]);
  expect(new Set(told)).toEqual(new Set(expected));
});

describe("a pack that asks for the time", () => {
  const timed = packFrom({
    bits: { P_Fresh: "now() < context.legacy_jwt.expires_at" },
    outputs: { allow_fresh: "P_Fresh" },
  });

  test("is put no case without one", () => {
    const text = "{ context: { legacy_jwt.expires_at: 10 }, expect: { output: allow_fresh } }";
    expect(() => run(text, timed)).toThrow(CasesRefused);
    expect(() => run(text, timed)).toThrow("cases.yaml:1:1: case 1: the pack asks for the time");
  });

  test("gets the case's own", () => {
    const text =
      "{ now: 1970-01-01T00:00:09.5Z, context: { legacy_jwt.expires_at: 10 }, expect: { output: allow_fresh } }";
    expect(run(text, timed)[0]?.differences).toEqual([]);
  });
});
