import { describe, expect, test } from "vitest";
import { CasesRefused } from "./case-findings.ts";
import { readCases } from "./read-cases.ts";
import { readContext } from "./read-context.ts";

const ORDINARY = {
  "context.req.path": "/",
  "context.req.method": "GET",
  "system.panic_mode": false,
};

function findingsOf(read: () => unknown): string[] {
  try {
    read();
  } catch (error) {
    if (!(error instanceof CasesRefused)) throw error;
    expect(error.message).toContain("file.yaml:");
    return error.findings.map(({ code, line, column }) => `${code} ${line}:${column}`);
  }
  return [];
}

describe("contexts", () => {
  test.each<[string, string, object]>([
    [
      "full names",
      "context.req.path: /a\nsystem.panic_mode: true",
      { "context.req.path": "/a", "system.panic_mode": true },
    ],
    [
      "names without the prefix",
      "req.path: /a\nrate.ok: false",
      { "context.req.path": "/a", "context.rate.ok": false },
    ],
    [
      "nested",
      "req: { path: /a }\nsystem: { panic_mode: true }",
      { "context.req.path": "/a", "system.panic_mode": true },
    ],
    ["nested under context", "context: { user: { id: ann } }", { "context.user.id": "ann" }],
    [
      "nested in part",
      "legacy_jwt: { expires_at: 12.5 }\ncontext.legacy_jwt.valid: true",
      { "context.legacy_jwt.expires_at": 12.5, "context.legacy_jwt.valid": true },
    ],
    [
      "lists",
      "user.groups: [ops, dev, ops]\nscopes: []",
      { "context.user.groups": new Set(["ops", "dev"]), "context.scopes": new Set() },
    ],
    [
      "JSON",
      '{"context.user.id": "ann", "transport": {"tls_version": 1.3}}',
      { "context.user.id": "ann", "context.transport.tls_version": 1.3 },
    ],
    ["nothing", "{}", {}],
  ])("%s", (_, text, expected) => {
    expect(readContext("file.yaml", text)).toEqual({ ...ORDINARY, ...expected });
  });

  test.each<[string, string, string[]]>([
    ["a field that is none", "user.name: ann", ["cases.unknown_field 1:1"]],
    ["a nested one that is none", "user: { id: ann, name: ann }", ["cases.unknown_field 1:18"]],
    ["a number where a text is meant", "req.version: 7", ["cases.wrong_type 1:14"]],
    ["a text where a truth is meant", "rate.ok: 'yes'", ["cases.wrong_type 1:10"]],
    ["a text where a list is meant", "user.groups: ops", ["cases.wrong_type 1:14"]],
    ["a list of something else", "user.groups: [1]", ["cases.wrong_type 1:14"]],
    ["nothing where something is meant", "user.id:", ["cases.wrong_type 1:9"]],
    ["one field under two names", "user.id: a\ncontext.user.id: b", ["cases.field_twice 2:1"]],
    ["a field for a mapping", "user: ann", ["cases.wrong_type 1:1"]],
    ["a key twice", "user.id: a\nuser.id: b", ["cases.bad_yaml 2:1"]],
    ["an alias", "user.id: &a x\ntenant: *a", ["cases.bad_yaml 1:10", "cases.bad_yaml 2:9"]],
  ])("refuses %s", (_, text, expected) => {
    expect(findingsOf(() => readContext("file.yaml", text))).toEqual(expected);
  });
});

describe("cases", () => {
  test("are read with their lines, names and times", () => {
    const text = `
now: 2026-11-22T10:00:00Z
cases:
  - name: admin
    context: { req.path: /admin/x }
    expect: { output: deny_rest, wire: W_A, bit: null, effect: deny, status: 403 }
  - context: {}
    now: 2026-11-22T11:00:00+01:00
    expect: { output: allow_any }
`;
    const nowSeconds = Date.parse("2026-11-22T10:00:00Z") / 1_000;
    expect(readCases("file.yaml", text)).toEqual([
      {
        name: "admin",
        line: 4,
        values: { ...ORDINARY, "context.req.path": "/admin/x" },
        nowSeconds,
        expected: { output: "deny_rest", wire: "W_A", bit: null, effect: "deny", status: 403 },
      },
      { name: "case 2", line: 7, values: ORDINARY, nowSeconds, expected: { output: "allow_any" } },
    ]);
  });

  test.each<[string, string, string[]]>([
    ["a file without cases", "now: 2026-11-22T10:00:00Z", ["cases.missing_field 1:1"]],
    ["an empty list", "cases: []", ["cases.wrong_type 1:8"]],
    [
      "an unknown field",
      "cases: [{ context: {}, expect: { output: x }, nme: y }]",
      ["cases.unknown_field 1:47"],
    ],
    [
      "a case without context and expectation",
      "cases: [{ name: x }]",
      ["cases.missing_field 1:9", "cases.missing_field 1:9"],
    ],
    [
      "an expectation without output",
      "cases: [{ context: {}, expect: {} }]",
      ["cases.missing_field 1:32"],
    ],
    [
      "a status that is a text",
      "cases: [{ context: {}, expect: { output: x, status: '403' } }]",
      ["cases.wrong_type 1:53"],
    ],
    [
      "an effect that is none",
      "cases: [{ context: {}, expect: { output: x, effect: block } }]",
      ["cases.wrong_type 1:53"],
    ],
    [
      "a time without a zone",
      "now: 2026-11-22T10:00:00\ncases: [{ context: {}, expect: { output: x } }]",
      ["cases.bad_time 1:6"],
    ],
    [
      "a day that is none",
      "now: 2026-02-30T10:00:00Z\ncases: [{ context: {}, expect: { output: x } }]",
      ["cases.bad_time 1:6"],
    ],
    [
      "no mapping",
      "cases: [x]",
      ["cases.wrong_type 1:9", "cases.missing_field 1:9", "cases.missing_field 1:9"],
    ],
    ["no YAML", "cases: [", ["cases.bad_yaml 1:9"]],
  ])("refuses %s", (_, text, expected) => {
    expect(findingsOf(() => readCases("file.yaml", text))).toEqual(expected);
  });
});
