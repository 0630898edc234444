/** A rule file is read whole or told what is wrong with it; no bytes make the reader throw or hang. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkIds } from "./check-ids.ts";
import { LIMIT_FAULTS } from "./parse-fault.ts";
import { LIMIT_LINE_BYTES, parseSecLang } from "./parse-seclang.ts";

const parse = (...lines: string[]) => parseSecLang({ file: "a.conf", text: lines.join("\n") });

describe("directives", () => {
  test.each<[string, object]>([
    ["SecAction id:1,phase:1,pass", { kind: "SecAction" }],
    ["SecMarker END", { kind: "SecMarker", name: "END" }],
    ['SecMarker "END-X"', { name: "END-X" }],
    ['SecComponentSignature "a/1"', { kind: "SecComponentSignature", text: "a/1" }],
    ["Include rules/*.conf", { kind: "Include", path: "rules/*.conf", isOptional: false }],
    ["includeoptional x", { kind: "Include", isOptional: true }],
    ["SecDefaultAction phase:1,log,pass", { kind: "SecDefaultAction" }],
    [
      "SecRuleRemoveById 1 5-9 '12,13'",
      {
        ids: [
          { first: 1, last: 1 },
          { first: 5, last: 9 },
          { first: 12, last: 12 },
          { first: 13, last: 13 },
        ],
      },
    ],
    ["SecRuleRemoveByTag attack-.*", { kind: "SecRuleRemoveByTag", pattern: "attack-.*" }],
    ['SecRuleRemoveByMsg "a b"', { kind: "SecRuleRemoveByMsg", pattern: "a b" }],
    [
      'SecRuleUpdateTargetById 1-3 7 "!ARGS:a"',
      {
        ids: [
          { first: 1, last: 3 },
          { first: 7, last: 7 },
        ],
        variables: [{ name: "ARGS", excluded: true }],
      },
    ],
    ["SecRuleUpdateTargetById 1 ARGS:b ARGS:a", { replaced: [{ name: "ARGS" }] }],
    ["SecRuleUpdateTargetByTag x !ARGS:a", { kind: "SecRuleUpdateTargetByTag", pattern: "x" }],
    ["SecRuleUpdateTargetByMsg x !ARGS:a", { kind: "SecRuleUpdateTargetByMsg" }],
    ["SecRuleUpdateActionById 1:2 pass", { id: 1, chainOffset: 2 }],
    [
      "secruleengine on",
      { kind: "setting", name: "SecRuleEngine", args: ["On"], isIgnored: false },
    ],
    ["SecTmpDir /tmp", { kind: "setting", isIgnored: true }],
    ["SecResponseBodyMimeType text/plain text/html", { args: ["text/plain", "text/html"] }],
    ["SecUnicodeMapFile unicode.mapping 20127", { args: ["unicode.mapping", "20127"] }],
  ])("%s", (line, expected) => {
    const { directives, faults } = parse(line);
    expect(faults).toEqual([]);
    expect(directives).toMatchObject([{ ...expected, at: { file: "a.conf", line: 1 } }]);
  });

  test.each([
    ["SecRuleEngin On", "seclang.directive", "did you mean SecRuleEngine?"],
    ["<IfModule security2>", "seclang.directive", expect.stringContaining("containers")],
    ["SecRuleEngine Perhaps", "seclang.value", "one of On, Off, DetectionOnly"],
    ["SecRequestBodyLimit -1", "seclang.value", undefined],
    ["SecRuleEngine", "seclang.arguments", undefined],
    ['Include ""', "seclang.value", undefined],
    [`Include ${"[".repeat(4097)}`, "seclang.value", undefined],
    ["SecRule ARGS a id:1 b", "seclang.arguments", "an argument with spaces needs quotes"],
    ["SecRuleScript x.lua", "seclang.refused", undefined],
    ["SecRemoteRules k https://x", "seclang.refused", undefined],
    ["SecDefaultAction phase:1,log", "seclang.action", "pass or deny"],
    ["SecDefaultAction pass", "seclang.action", undefined],
    ["SecDefaultAction phase:1,pass,id:1", "seclang.action", undefined],
    ["SecDefaultAction phase:1,block", "seclang.action", undefined],
    ["SecRule !ARGS a id:1", "seclang.variable", undefined],
    ["SecRuleRemoveById x", "seclang.value", "942100 942200-942299"],
    ["SecRuleRemoveById 9-1", "seclang.value", undefined],
    ['SecRuleRemoveByTag ""', "seclang.value", undefined],
    ["SecRuleUpdateTargetById ARGS ARGS", "seclang.value", undefined],
    ["SecRuleUpdateTargetById 1 2", "seclang.arguments", undefined],
    ["SecRuleUpdateActionById 1 id:2", "seclang.action", undefined],
    ["SecRule ARGS a id:1 \\", "seclang.continuation", undefined],
    ["SecAction id:1,chain", "seclang.chain", "use SecRule"],
  ])("%s is a fault", (line, code, hint) => {
    const { faults } = parse("", line);
    expect(faults).toMatchObject([
      { code, file: "a.conf", line: 2, ...(hint === undefined ? {} : { hint }) },
    ]);
  });

  test("a rule over several lines is one rule", () => {
    const { directives, faults } = parse(
      'SecRule ARGS|!ARGS:/a|b/ "@rx \\"x\\"" \\',
      '    "id:1,\\',
      "    phase:2,\\",
      '    t:none"',
    );
    expect(faults).toEqual([]);
    expect(directives).toMatchObject([
      {
        kind: "SecRule",
        variables: [{ name: "ARGS" }, { excluded: true }],
        operator: { name: "rx", argument: '"x"' },
        actions: [{ name: "id" }, { name: "phase" }, { name: "t", transformation: "none" }],
        at: { line: 1 },
      },
    ]);
  });
});

describe("chains", () => {
  test("links are marked", () => {
    const { directives, faults } = parse(
      "SecRule ARGS a id:1,chain",
      "SecRule TX:a b chain",
      "SecRule TX:b c setvar:tx.c=1",
      "SecRule ARGS d id:2",
    );
    expect(faults).toEqual([]);
    expect(directives.map((rule) => rule.kind === "SecRule" && rule.isChained)).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  test.each([
    ["the end of the file", ["SecRule ARGS a id:1,chain"], 1],
    ["a marker", ["SecRule ARGS a id:1,chain", "SecMarker X"], 2],
    ["a link that denies", ["SecRule ARGS a id:1,chain", "SecRule ARGS b deny"], 2],
    ["a link with a phase", ["SecRule ARGS a id:1,chain", "SecRule ARGS b phase:2"], 2],
    ["a link with an id", ["SecRule ARGS a id:1,chain", "SecRule ARGS b id:2"], 2],
  ])("%s breaks a chain", (_, lines, line) => {
    expect(parse(...lines).faults).toMatchObject([{ code: "seclang.chain", line }]);
  });
});

describe("ids", () => {
  test("a rule without an id and an id used twice are faults, a link without one is none", () => {
    const { directives } = parse(
      "SecRule ARGS a id:1,chain",
      "SecRule ARGS b",
      "SecRule ARGS c",
      "SecAction id:1,pass",
      "SecMarker X",
    );
    expect(checkIds(directives)).toMatchObject([
      { code: "seclang.id", line: 3 },
      { code: "seclang.id", line: 4, message: expect.stringContaining("line 1") },
    ]);
  });
});

describe("any bytes", () => {
  const bytes = fc
    .uint8Array({ maxLength: 400 })
    .map((array) => Buffer.from(array).toString("latin1"));
  const pieces = fc
    .array(
      fc.constantFrom(
        "SecRule",
        "SecAction",
        "SecMarker",
        "SecRuleUpdateTargetById",
        " ",
        "\n",
        "\\",
        "\\\n",
        '"',
        "'",
        "|",
        ",",
        ":",
        "=",
        "/",
        "!",
        "&",
        "@rx ",
        "%{",
        "}",
        "TX",
        "ARGS:",
        ".",
        "id:1",
        "setvar:tx.",
        "ctl:",
        "ruleRemoveTargetById=",
        ";",
        "chain",
        "#",
        "\r",
        "\xff",
        "\0",
      ),
      { maxLength: 60 },
    )
    .map((parts) => parts.join(""));

  test("never throw, and faults stay in bounds", () => {
    fc.assert(
      fc.property(fc.oneof(bytes, pieces), (text) => {
        const { directives, faults } = parseSecLang({ file: "f", text });
        expect(faults.length).toBeLessThanOrEqual(LIMIT_FAULTS);
        checkIds(directives);
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ["macros that never close", `SecAction "setvar:tx.${"%{".repeat(100_000)}=1"`],
    ["unknown actions", `SecAction "${"denied,".repeat(30_000)}"`],
    ["unknown macros", `SecAction "msg:'${"%{requests_headers}".repeat(12_000)}'"`],
    ["backslashes", `SecRule ARGS "${"\\".repeat(200_001)}`],
    ["bars", `SecRule ${"ARGS|".repeat(50_000)}ARGS a`],
    ["slashes", `SecRule ARGS:${"/".repeat(200_000)} a`],
    ["blanks", `SecRule ARGS "${" ".repeat(200_000)}x"`],
    ["unknown directives", "SecRuleEngin On\n".repeat(100_000)],
    ["continuations", "a\\\n".repeat(100_000)],
  ])("a file of %s is read without hanging", (_, text) => {
    expect(parseSecLang({ file: "f", text }).faults.length).toBeLessThanOrEqual(LIMIT_FAULTS);
  });

  test("a line beyond its bound is refused", () => {
    const { faults } = parse(`SecMarker ${"a".repeat(LIMIT_LINE_BYTES)}`);
    expect(faults).toMatchObject([{ code: "seclang.limit" }]);
  });
});
