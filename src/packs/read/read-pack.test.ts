/** A pack's parts: what is read from them, and what each may not be. */
import { readFileSync, existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { readPack } from "./read-pack.ts";
import { findingsOf, refusalsOf, SMALL_PACK } from "./refusal.test-support.ts";

const CORPUS = resolve(process.env["PORTCULLIS_CORPORA"] ?? "../shared/corpora", "constitution");
const isHere = existsSync(join(CORPUS, "ubl_core_v3.yaml"));
if (!isHere) console.warn("SKIPPED: the constitution corpus is not here; set PORTCULLIS_CORPORA");

describe.skipIf(!isHere)("the real packs", () => {
  test.each<[name: string, version: string, counts: [number, number], outputs: string[]]>([
    [
      "ubl_core_v1.yaml",
      "tdln-chip/0.1",
      [6, 4],
      ["allow_admin_write", "allow_standard_access", "deny_invalid_access"],
    ],
    [
      "ubl_core_v3.yaml",
      "tdln-chip/0.3",
      [9, 5],
      [
        "deny_rate_limit",
        "allow_admin_write",
        "allow_webhook",
        "allow_standard_access",
        "allow_public_warmup",
        "deny_invalid_access",
      ],
    ],
  ])("%s is read unchanged", (name, version, [bits, wires], outputs) => {
    const pack = readPack(readFileSync(join(CORPUS, name)));
    expect(pack.formatVersion).toBe(version);
    expect(pack.bits).toHaveLength(bits);
    expect(pack.wires).toHaveLength(wires);
    expect(pack.outputs.map(({ id }) => id)).toEqual(outputs);
  });

  test("statuses and reasons are those of their actions", () => {
    const { outputs } = readPack(readFileSync(join(CORPUS, "ubl_core_v3.yaml")));
    expect(outputs.map(({ status, reason }) => `${status} ${reason}`)).toEqual([
      "429 rate_limit",
      "200 admin_write",
      "204 webhook",
      "200 standard_access",
      "200 public_warmup",
      "403 policy_fail",
    ]);
  });
});

const WHOLE = `# A pack with everything in it.
version: "tdln-chip/0.3"
meta: {intent: "try", owners: [a, b], since: 2026}
release:
  name: churn.access-1
  version: 7
  not_before: 2026-11-01T00:00:00Z
  expires: 2027-05-01T00:00:00.500Z
  prev: ${"0123456789abcdef".repeat(4)}
policies:
  - id: P_Secure
    description: "TLS"
    logic: context.transport.tls_version >= 1.3
  - id: P_Ops
    logic: "'ops' IN context.user.groups"
wiring:
  - id: W_Either
    structure:
      parallel:
        policies:
          - W_Both
          - sequence: []
          - {parallel: {policies: [P_Ops], aggregator: ALL}}
        aggregator: ANY
  - id: W_Both
    structure: {sequence: [P_Secure, P_Ops]}
outputs:
  - deny_slow:
      trigger: NOT( P_Secure )
      action: 'HTTP 429 + LogLine(status: no, reason: too_slow) and more'
  - allow_most:
      trigger: W_Either
      action: HTTP 204
`;

test("a pack with everything in it", () => {
  const bit = (id: string): object => ({ kind: "bit", id });
  expect(readPack(Buffer.from(WHOLE))).toEqual({
    formatVersion: "tdln-chip/0.3",
    meta: { intent: "try", owners: ["a", "b"], since: 2026 },
    release: {
      name: "churn.access-1",
      version: 7,
      notBeforeMs: Date.UTC(2026, 10, 1),
      expiresMs: Date.UTC(2027, 4, 1) + 500,
      prev: "0123456789abcdef".repeat(4),
    },
    bits: [
      {
        id: "P_Secure",
        description: "TLS",
        logic: "context.transport.tls_version >= 1.3",
        expression: {
          kind: "compare",
          operator: ">=",
          left: { kind: "field", field: "context.transport.tls_version" },
          right: { kind: "literal", value: 1.3 },
        },
        line: 11,
      },
      {
        id: "P_Ops",
        description: "",
        logic: "'ops' IN context.user.groups",
        expression: {
          kind: "compare",
          operator: "IN",
          left: { kind: "literal", value: "ops" },
          right: { kind: "field", field: "context.user.groups" },
        },
        line: 14,
      },
    ],
    wires: [
      {
        id: "W_Either",
        structure: {
          kind: "any",
          form: "parallel",
          members: [
            { kind: "wire", id: "W_Both" },
            { kind: "structure", structure: { kind: "all", form: "sequence", members: [] } },
            {
              kind: "structure",
              structure: { kind: "all", form: "parallel", members: [bit("P_Ops")] },
            },
          ],
        },
        line: 17,
      },
      {
        id: "W_Both",
        structure: { kind: "all", form: "sequence", members: [bit("P_Secure"), bit("P_Ops")] },
        line: 25,
      },
    ],
    outputs: [
      {
        id: "deny_slow",
        effect: "deny",
        trigger: { negated: true, of: bit("P_Secure") },
        status: 429,
        reason: "too_slow",
        action: "HTTP 429 + LogLine(status: no, reason: too_slow) and more",
        line: 28,
      },
      {
        id: "allow_most",
        effect: "allow",
        trigger: { negated: false, of: { kind: "wire", id: "W_Either" } },
        status: 204,
        reason: "most",
        action: "HTTP 204",
        line: 31,
      },
    ],
  });
});

test("nobody can change a pack that was read", () => {
  const open: unknown[] = [readPack(Buffer.from(WHOLE))];
  let objects = 0;
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value !== "object" || value === null) continue;
    expect(Object.isFrozen(value)).toBe(true);
    objects += 1;
    open.push(...Object.values(value));
  }
  expect(objects).toBeGreaterThan(30);
});

test("bytes in a larger buffer are read where they are", () => {
  const bytes = Buffer.from(`garbage${SMALL_PACK}garbage`);
  const inner = new Uint8Array(bytes.buffer, bytes.byteOffset + 7, SMALL_PACK.length);
  expect(readPack(inner).bits).toHaveLength(1);
});

/** The whole pack with one line replaced; the lines that follow keep their numbers. */
function withLine(line: number, text: string): string {
  return WHOLE.split("\n")
    .with(line - 1, text)
    .join("\n");
}

describe("refused", () => {
  test.each([
    ["a version that is a number", withLine(2, "version: 0.3"), "pack.version_not_text 2:10"],
    ["no version at all", withLine(2, ""), "pack.missing_field 3:1"],
    ["an empty version", withLine(2, "version:"), "pack.version_not_text 2:9"],
    [
      "a version that is a list",
      withLine(2, "version: [tdln-chip/0.3]"),
      "pack.version_not_text 2:10",
    ],
    ["a version to come", withLine(2, 'version: "tdln-chip/0.4"'), "pack.unknown_version 2:10"],
    [
      "a version with a space",
      withLine(2, 'version: "tdln-chip/0.3 "'),
      "pack.unknown_version 2:10",
    ],
    ["an unknown section", withLine(3, "policy: []"), "pack.unknown_field 3:1"],
    ["meta that is a text", withLine(3, "meta: text"), "pack.wrong_type 3:7"],
    [
      "a fraction for a version in meta",
      withLine(3, "meta: {version: 1.10}"),
      "pack.version_not_text 3:17",
    ],
    [
      "a release with a space in its name",
      withLine(5, "  name: churn access"),
      "pack.bad_release_name 5:9",
    ],
    ["a release with a path for a name", withLine(5, "  name: ../x"), "pack.bad_release_name 5:9"],
    ["a release whose name is a number", withLine(5, "  name: 7"), "pack.wrong_type 5:9"],
    [
      "a release version that is a fraction",
      withLine(6, "  version: 7.0"),
      "pack.bad_release_version 6:12",
    ],
    [
      "a release version in hexadecimal",
      withLine(6, "  version: 0x7"),
      "pack.bad_release_version 6:12",
    ],
    [
      "a release version with an exponent",
      withLine(6, "  version: 7e0"),
      "pack.bad_release_version 6:12",
    ],
    [
      "a release version with a leading zero",
      withLine(6, "  version: 07"),
      "pack.bad_release_version 6:12",
    ],
    ["release version 0", withLine(6, "  version: 0"), "pack.bad_release_version 6:12"],
    ["a negative release version", withLine(6, "  version: -7"), "pack.bad_release_version 6:12"],
    ["a release version in quotes", withLine(6, '  version: "7"'), "pack.bad_release_version 6:12"],
    [
      "a time without seconds",
      withLine(7, "  not_before: 2026-11-01T00:00Z"),
      "pack.bad_release_time 7:15",
    ],
    ["a day without a time", withLine(7, "  not_before: 2026-11-01"), "pack.bad_release_time 7:15"],
    [
      "a time with an offset",
      withLine(7, "  not_before: 2026-11-01T00:00:00+01:00"),
      "pack.bad_release_time 7:15",
    ],
    [
      "30 February",
      withLine(7, "  not_before: 2026-02-30T00:00:00Z"),
      "pack.bad_release_time 7:15",
    ],
    ["hour 24", withLine(7, "  not_before: 2026-02-20T24:00:00Z"), "pack.bad_release_time 7:15"],
    [
      "a leap second",
      withLine(7, "  not_before: 2026-06-30T23:59:60Z"),
      "pack.bad_release_time 7:15",
    ],
    ["seconds since the epoch", withLine(7, "  not_before: 1793000000"), "pack.wrong_type 7:15"],
    [
      "an end before the beginning",
      withLine(8, "  expires: 2026-11-01T00:00:00Z"),
      "pack.bad_release_time 8:12",
    ],
    ["no end", withLine(8, ""), "pack.missing_field 5:3"],
    [
      "prev in capitals",
      withLine(9, `  prev: ${"ABCDEF01".repeat(8)}`),
      "pack.bad_release_prev 9:9",
    ],
    [
      "prev with a prefix",
      withLine(9, `  prev: "b3:${"0".repeat(64)}"`),
      "pack.bad_release_prev 9:9",
    ],
    ["an unknown field of a release", withLine(9, "  previous: x"), "pack.unknown_field 9:3"],
    [
      "policies that are a mapping",
      SMALL_PACK.replace("  - id: P_Rate\n    logic", "  P_Rate:\n    logic"),
      "pack.wrong_type 3:3",
    ],
    [
      "policies that are nothing",
      SMALL_PACK.replace(/ {2}- id: P_Rate\n.*\n/, ""),
      "pack.wrong_type 2:1",
    ],
    [
      "a bit that is a text",
      withLine(14, "  - P_Ops").replace("    logic: \"'ops'", "    #"),
      "pack.wrong_type 14:5",
    ],
    ["an unknown field of a bit", withLine(12, "    descripton: x"), "pack.unknown_field 12:5"],
    ["a bit without logic", withLine(13, ""), "pack.missing_field 11:5"],
    ["logic that is true", withLine(13, "    logic: true"), "pack.wrong_type 13:12"],
    ["an id with a hyphen", withLine(11, "  - id: P-Secure"), "pack.bad_id 11:9"],
    ["an id that begins with a digit", withLine(11, "  - id: 1_Secure"), "pack.bad_id 11:9"],
    ["an id with a letter beyond ASCII", withLine(11, "  - id: P_S\u0435cure"), "pack.bad_id 11:9"],
    ["an id of 65 letters", withLine(11, `  - id: ${"P".repeat(65)}`), "pack.bad_id 11:9"],
    ["an id that is a number", withLine(11, "  - id: 7"), "pack.wrong_type 11:9"],
    ["two bits of one name", withLine(14, "  - id: P_Secure"), "pack.duplicate_id 14:9"],
    [
      "a wire with the name of a bit",
      SMALL_PACK.replace("id: W_Rate", "id: P_Rate"),
      "pack.duplicate_id 6:9",
    ],
    [
      "an unknown member",
      withLine(26, "    structure: {sequence: [P_Secure, P_Opps]}"),
      "pack.unknown_reference 26:38",
    ],
    [
      "NOT in a wire",
      withLine(26, "    structure: {sequence: [NOT(P_Ops)]}"),
      "pack.unknown_reference 26:28",
    ],
    [
      "a member that is a number",
      withLine(26, "    structure: {sequence: [7]}"),
      "pack.wrong_type 26:28",
    ],
    [
      "a member that is a list",
      withLine(26, "    structure: {sequence: [[P_Ops]]}"),
      "pack.wrong_type 26:28",
    ],
    ["a structure that is a list", withLine(26, "    structure: [P_Ops]"), "pack.wrong_type 26:16"],
    ["a structure of nothing", withLine(26, "    structure: {}"), "pack.bad_structure 26:16"],
    [
      "both kinds of structure",
      withLine(26, "    structure: {sequence: [], parallel: {policies: [], aggregator: ANY}}"),
      "pack.bad_structure 26:16",
    ],
    [
      "an unknown kind of structure",
      withLine(26, "    structure: {serial: []}"),
      "pack.unknown_field 26:17",
    ],
    ["no aggregator", withLine(24, ""), "pack.missing_field 20:9"],
    [
      "an aggregator in small letters",
      withLine(24, "        aggregator: any"),
      "pack.bad_aggregator 24:21",
    ],
    ["an aggregator that counts", withLine(24, "        aggregator: 2"), "pack.wrong_type 24:21"],
    [
      "a wire that is its own member",
      withLine(26, "    structure: {sequence: [W_Both]}"),
      "pack.wire_cycle 25:9",
    ],
    [
      "wires that go round",
      withLine(26, "    structure: {sequence: [P_Ops, W_Either]}"),
      "pack.wire_cycle",
    ],
    [
      "wires that go round by a structure",
      withLine(26, "    structure: {sequence: [{sequence: [W_Either]}]}"),
      "pack.wire_cycle",
    ],
    ["an output without a prefix", withLine(28, "  - refuse_slow:"), "pack.bad_output_id 28:5"],
    ["an output of nothing but a prefix", withLine(28, "  - deny_:"), "pack.bad_output_id 28:5"],
    ["an output in capitals", withLine(28, "  - DENY_slow:"), "pack.bad_output_id 28:5"],
    [
      "an output that is a text",
      SMALL_PACK.replace(/ {2}- allow_all:\n.*\n.*\n/, "  - allow_all\n"),
      "pack.bad_output_id 9:5",
    ],
    ["two outputs in one item", withLine(31, "    allow_most:"), "pack.bad_output_id 28:5"],
    ["two outputs of one name", withLine(31, "  - deny_slow:"), "pack.duplicate_id 31:5"],
    ["an output without a trigger", withLine(29, ""), "pack.missing_field 30:7"],
    ["a trigger of nobody", withLine(32, "      trigger: W_Any"), "pack.unknown_reference 32:16"],
    [
      "a trigger that is a rule",
      withLine(32, "      trigger: P_Ops AND P_Secure"),
      "pack.bad_trigger 32:16",
    ],
    [
      "a trigger negated twice",
      withLine(32, "      trigger: NOT(NOT(P_Ops))"),
      "pack.bad_trigger 32:16",
    ],
    [
      "a trigger with half a NOT",
      withLine(32, "      trigger: NOT(P_Ops"),
      "pack.bad_trigger 32:16",
    ],
    [
      "a trigger negated without parentheses",
      withLine(32, "      trigger: NOT P_Ops"),
      "pack.bad_trigger 32:16",
    ],
    ["a trigger that is a list", withLine(32, "      trigger: [P_Ops]"), "pack.wrong_type 32:16"],
    ["an action of words", withLine(33, "      action: Read"), "pack.bad_action 33:15"],
    [
      "an action with a status of two digits",
      withLine(33, "      action: HTTP 20"),
      "pack.bad_action 33:15",
    ],
    [
      "an action with words behind its status",
      withLine(33, "      action: HTTP 200 Read"),
      "pack.bad_action 33:15",
    ],
    ["an action that is a number", withLine(33, "      action: 200"), "pack.wrong_type 33:15"],
    [
      "an action of a thousand words",
      withLine(33, `      action: HTTP 200 +${" word".repeat(1000)}`),
      "pack.bad_action 33:15",
    ],
    ["an allow with 403", withLine(33, "      action: HTTP 403"), "pack.bad_status 33:15"],
    ["an allow with 302", withLine(33, "      action: HTTP 302"), "pack.bad_status 33:15"],
    ["a deny with 200", withLine(30, "      action: HTTP 200"), "pack.bad_status 30:15"],
    ["a deny with 404", withLine(30, "      action: HTTP 404"), "pack.bad_status 30:15"],
    [
      "a reason of two words",
      withLine(30, "      action: 'HTTP 403 + LogLine(reason: too slow)'"),
      "pack.bad_reason 30:15",
    ],
    [
      "an empty reason",
      withLine(30, "      action: 'HTTP 403 + LogLine(reason: )'"),
      "pack.bad_reason 30:15",
    ],
  ])("%s", (_, pack, refusal) => {
    const [first = "taken"] = refusalsOf(pack);
    expect(first.startsWith(refusal), first).toBe(true);
  });

  test("wires through more than 64 wires", () => {
    const wiresOf = (count: number): string => {
      const wires = Array.from({ length: count }, (_, index) => {
        const member = index + 1 < count ? `W_${index + 1}` : "P_Rate";
        return `  - {id: W_${index}, structure: {sequence: [${member}]}}\n`;
      });
      return SMALL_PACK.replace("  - id: W_Rate", `${wires.join("")}  - id: W_Rate`);
    };
    expect(refusalsOf(wiresOf(64))).toEqual([]);
    expect(refusalsOf(wiresOf(65))).toEqual(["pack.wire_too_deep 6:10"]);
    expect(refusalsOf(wiresOf(4_000))).toEqual(["pack.wire_too_deep 3941:10"]);
  });

  test("more parts than the limit", () => {
    const bits = (count: number): string =>
      SMALL_PACK.replace(
        "  - id: P_Rate",
        `${Array.from({ length: count - 1 }, (_, index) => `  - {id: P_${index}, logic: "true"}\n`).join("")}  - id: P_Rate`,
      );
    expect(refusalsOf(bits(4_096))).toEqual([]);
    expect(refusalsOf(bits(4_097))[0]).toBe("pack.too_many 4099:5");
    const patterns = (count: number): string =>
      bits(count).replaceAll(
        /P_(\d+), logic: "true"/g,
        `P_$1, logic: "context.tenant MATCHES '$1'"`,
      );
    expect(refusalsOf(patterns(129))).toEqual([]);
    expect(refusalsOf(patterns(130))).toEqual(["pack.too_many 131:24"]);
  });

  test("everything at once, in the order of the file", () => {
    const pack = `version: 0.3
policies:
  - id: P-1
    logic: "context.nobody == 1 AND context.tenant > 2"
  - id: P_2
    logic: "context.tenant = 'a'"
    note: x
wiring:
  - id: W_1
    structure: {sequence: [P_2, P_3]}
outputs:
  - allow_all:
      trigger: W_2
      action: HTTP 500
`;
    expect(refusalsOf(pack)).toEqual([
      "pack.version_not_text 1:10",
      "pack.bad_id 3:9",
      "pack.logic_unknown_field 4:13",
      "pack.logic_wrong_operator 4:37",
      "pack.logic_bad_character 6:28",
      "pack.unknown_field 7:5",
      "pack.unknown_reference 10:33",
      "pack.unknown_reference 13:16",
      "pack.bad_status 14:15",
    ]);
  });
});

describe("what is wrong in a rule is pointed at within the line", () => {
  test.each([
    ["plain", "    logic: context.nobody == 1", 12],
    ["plain, behind another comparison", "    logic: context.tenant == 'a' AND context.nobody", 38],
    ["in single quotes", "    logic: 'context.nobody == 1'", 13],
    [
      "in single quotes with doubled ones",
      "    logic: 'context.tenant == ''a'' AND context.nobody'",
      41,
    ],
    ["in double quotes", '    logic: "context.nobody == 1"', 13],
    [
      "in double quotes with escapes",
      '    logic: "context.tenant == \\"a\\" AND context.nobody"',
      41,
    ],
    [
      "in double quotes with numbers of characters",
      "    logic: \"context.tenant == '\\x41\\u0042\\U0001F600' AND context.nobody\"",
      58,
    ],
    [
      "behind characters beyond U+FFFF",
      "    logic: context.tenant == '\u{1f600}' AND context.nobody",
      39,
    ],
    ["in a block: at its beginning", "    logic: |\n      context.nobody == 1", 12],
    [
      "on two lines: at its beginning",
      "    logic: context.tenant == 'a' AND\n      context.nobody",
      12,
    ],
  ])("%s", (_, line, column) => {
    const pack = SMALL_PACK.replace(/ {4}logic: .*/, () => line);
    expect(refusalsOf(pack)).toEqual([`pack.logic_unknown_field 4:${column}`]);
  });
});

describe("hints", () => {
  test.each([
    ["a misspelt section", SMALL_PACK.replace("policies", "polices"), "did you mean policies?"],
    ["a misspelt reference", SMALL_PACK.replace("[P_Rate]", "[P_Rte]"), "did you mean P_Rate?"],
    [
      "a misspelt field",
      SMALL_PACK.replace("rate.ok", "rate.okay"),
      "did you mean context.rate.ok?",
    ],
    [
      "a field without its beginning",
      SMALL_PACK.replace("context.rate.ok", "rate.ok"),
      "did you mean context.rate.ok?",
    ],
  ])("%s", (_, pack, hint) => {
    expect(findingsOf(pack).map((finding) => finding.hint)).toContain(hint);
  });
});
