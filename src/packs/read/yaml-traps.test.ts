/** What YAML has and a pack must not: each trap is refused with a code of its own, at its place. */
import { describe, expect, test } from "vitest";
import { readPack } from "./read-pack.ts";
import { findingsOf, refusalsOf, SMALL_PACK } from "./refusal.test-support.ts";

const META = SMALL_PACK.replace("policies:", "meta:\n  note: here\npolicies:");
/** The small pack with its line 3, `note: here`, replaced. */
const withNote = (line: string): string => META.replace("  note: here", line);

describe("a pack of one rule", () => {
  test.each([
    ["as it is", SMALL_PACK],
    ["with a note", META],
  ])("is taken %s", (_, pack) => {
    expect(refusalsOf(pack)).toEqual([]);
  });
});

describe("refused", () => {
  test.each([
    ["an anchor", withNote("  note: &here text"), "pack.yaml_anchor 3:9"],
    ["an anchor on a list", withNote("  note: &here [a]"), "pack.yaml_anchor 3:9"],
    ["an alias", withNote("  note: *here"), "pack.yaml_alias 3:9"],
    ["a tag of YAML", withNote("  note: !!str 1"), "pack.yaml_tag 3:9"],
    ["a tag nobody knows", withNote("  note: !!js/function 'x'"), "pack.yaml_tag 3:9"],
    ["a tag of its own", withNote("  note: !secret x"), "pack.yaml_tag 3:9"],
    ["a merge key", withNote("  <<: {note: here}"), "pack.yaml_merge_key 3:3"],
    ["a merge key with a list", withNote("  <<: [{a: b}]"), "pack.yaml_merge_key 3:3"],
    ["a directive", `%YAML 1.1\n---\n${SMALL_PACK}`, "pack.yaml_directive 1:1"],
    ["a tag directive", `%TAG ! tag:x,2026:\n---\n${SMALL_PACK}`, "pack.yaml_directive 1:1"],
    ["a complex key", withNote("  ? [a, b]\n  : c"), "pack.yaml_complex_key 3:3"],
    ["a second document", `${SMALL_PACK}---\n${SMALL_PACK}`, "pack.yaml_second_document 12:1"],
    ["an empty second document", `${SMALL_PACK}---\n`, "pack.yaml_second_document 12:1"],
    ["a duplicate key", withNote("  note: a\n  note: b"), "pack.yaml_duplicate_key 4:3"],
    [
      "a duplicate key at the top",
      `${SMALL_PACK}version: "tdln-chip/0.1"\n`,
      "pack.yaml_duplicate_key 12:1",
    ],
    [
      "a duplicate key in braces",
      withNote("  note: {a: 1, b: 2, a: 3}"),
      "pack.yaml_duplicate_key 3:22",
    ],
    [
      "a key in quotes that repeats one without",
      withNote('  note: a\n  "note": b'),
      "pack.yaml_duplicate_key 4:3",
    ],
    [
      "a key with an escape that repeats one without",
      withNote('  note: a\n  "n\\x6fte": b'),
      "pack.yaml_duplicate_key 4:3",
    ],
    ["a number that repeats a text", withNote('  "1": a\n  1: b'), "pack.yaml_duplicate_key 4:3"],
    ["a text that repeats a number", withNote('  1: a\n  "1": b'), "pack.yaml_key_not_text 3:3"],
    ["a key that is a number", withNote("  1: a"), "pack.yaml_key_not_text 3:3"],
    ["a key that is true", withNote("  true: a"), "pack.yaml_key_not_text 3:3"],
    ["a key that is null", withNote("  ~: a"), "pack.yaml_key_not_text 3:3"],
    ["a key that is a list", withNote("  [a, b]: c"), "pack.yaml_key_not_text 3:3"],
    ["an empty key", withNote("  : c"), "pack.yaml_key_not_text 3:3"],
    [
      "a key with a letter and a combining accent",
      withNote("  re\u0301sume: a"),
      "pack.yaml_key_not_nfc 3:3",
    ],
    ["a key in a compatibility form", withNote("  \u212b: a"), "pack.yaml_key_not_nfc 3:3"],
    ["__proto__", withNote("  __proto__: {a: b}"), "pack.yaml_proto_key 3:3"],
    ["__proto__ in quotes", withNote('  "__proto__": {a: b}'), "pack.yaml_proto_key 3:3"],
    ["NUL", withNote("  note: a\u0000b"), "pack.yaml_control_character 3:10"],
    ["ESC", withNote("  note: \u001b[31m"), "pack.yaml_control_character 3:9"],
    ["C1 controls", withNote("  note: a\u0085b"), "pack.yaml_control_character 3:10"],
    ["a line separator", withNote("  note: a\u2028b"), "pack.yaml_control_character 3:10"],
    ["a bidirectional override", withNote("  note: a\u202eb"), "pack.yaml_control_character 3:10"],
    ["an escaped NUL", withNote('  note: "a\\0b"'), "pack.yaml_control_character 3:9"],
    ["an escaped next line", withNote('  note: "a\\Nb"'), "pack.yaml_control_character 3:9"],
    [
      "an escaped override in a key",
      withNote('  "a\\u202eb": c'),
      "pack.yaml_control_character 3:3",
    ],
    [
      "half a character in an escape",
      withNote('  note: "a\\ud83d"'),
      "pack.yaml_lone_surrogate 3:9",
    ],
    ["not a number", withNote("  note: .nan"), "pack.yaml_number 3:9"],
    ["infinity", withNote("  note: -.inf"), "pack.yaml_number 3:9"],
    ["a number beyond 2^53", withNote("  note: 9007199254740993"), "pack.yaml_number 3:9"],
    [
      "a hexadecimal number beyond 2^53",
      withNote("  note: 0xffffffffffffffff"),
      "pack.yaml_number 3:9",
    ],
    ["a number beyond all numbers", withNote("  note: 1e999"), "pack.yaml_number 3:9"],
    ["a tab for indentation", withNote("  note:\n\t\ta: b"), "pack.yaml_syntax 4:1"],
    ["a bracket that stays open", withNote("  note: [a, b"), "pack.yaml_syntax 4:1"],
    ["a quote that stays open", `${SMALL_PACK}meta: "a\n`, "pack.yaml_syntax 13:1"],
    ["an unknown escape", withNote('  note: "\\q"'), "pack.yaml_syntax 3:10"],
    ["a key within a value", withNote("  note: a: b"), "pack.yaml_syntax 3:9"],
    ["wrong indentation", withNote("  note: a\n    b: c"), "pack.yaml_syntax 3:9"],
    ["a comma too many", withNote("  note: [a,,b]"), "pack.yaml_syntax 3:12"],
    ["33 levels", withNote(`  note: ${"[".repeat(31)}${"]".repeat(31)}`), "pack.too_deep 3:39"],
    ["a list at the top", "- version\n", "pack.not_a_mapping 1:1"],
    ["a text at the top", "version\n", "pack.not_a_mapping 1:1"],
    ["nothing", "", "pack.empty 1:1"],
    ["nothing but a comment", "# nothing\n", "pack.empty 1:1"],
    ["an empty mapping", "{}\n", "pack.empty 1:1"],
    ["a byte order mark", `\ufeff${SMALL_PACK}`, "pack.byte_order_mark 1:1"],
    ["a byte order mark within", withNote("  note: a\ufeff"), "pack.yaml_control_character 3:10"],
    ["Latin-1", Buffer.from(withNote("  note: Ol\u00e1"), "latin1"), "pack.not_utf8 3:11"],
    ["UTF-16", Buffer.from(SMALL_PACK, "utf16le"), "pack.yaml_control_character 1:2"],
    ["UTF-16 with its mark", Buffer.from(`\ufeff${SMALL_PACK}`, "utf16le"), "pack.not_utf8 1:1"],
    ["an overlong encoding", Buffer.from([0x61, 0x3a, 0x20, 0xc0, 0xaf]), "pack.not_utf8 1:4"],
    [
      "a surrogate in UTF-8",
      Buffer.from([0x61, 0x3a, 0x20, 0xed, 0xa0, 0x80]),
      "pack.not_utf8 1:4",
    ],
    ["a character cut off", Buffer.from([0x61, 0x3a, 0x20, 0xf0, 0x9f]), "pack.not_utf8 1:4"],
  ])("%s", (_, pack, refusal) => {
    expect(refusalsOf(pack)[0]).toBe(refusal);
  });

  test("both keys are told when a text repeats a number", () => {
    expect(refusalsOf(withNote('  1: a\n  "1": b'))).toEqual([
      "pack.yaml_key_not_text 3:3",
      "pack.yaml_duplicate_key 4:3",
    ]);
  });

  test("all traps of a file at once, in the order of the file", () => {
    const pack = withNote("  a: &x 1\n  b: *x\n  c: !!str d");
    expect(refusalsOf(pack)).toEqual([
      "pack.yaml_anchor 3:6",
      "pack.yaml_alias 4:6",
      "pack.yaml_tag 5:6",
    ]);
  });

  test("a megabyte and one byte, before anything is parsed", () => {
    const size = 1_048_576;
    const pack = Buffer.alloc(size + 1, "#");
    pack.write(`\n${SMALL_PACK}`, 0);
    expect(refusalsOf(pack)).toEqual(["pack.too_large"]);
    expect(refusalsOf(pack.subarray(0, size))).toEqual([]);
    expect(refusalsOf(Buffer.alloc(size + 1, 0xff))).toEqual(["pack.too_large"]);
  });

  test("no more findings than anyone reads", () => {
    const keys = Array.from({ length: 5_000 }, (_, index) => `k${index}: x\n`).join("");
    const findings = findingsOf(SMALL_PACK + keys);
    expect(findings).toHaveLength(100);
    expect(new Set(findings.map(({ code }) => code))).toEqual(new Set(["pack.unknown_field"]));
  });
});

test("32 levels are taken", () => {
  const note = `  note: ${"[".repeat(30)}${"]".repeat(30)}`;
  expect(refusalsOf(withNote(note))).toEqual([]);
});

describe("taken as YAML 1.2 says, not 1.1", () => {
  test.each([
    ["no", "no"],
    ["on", "on"],
    ["y", "y"],
    ["010", 10],
    ["0o10", 8],
    ["0x10", 16],
    ["1_000", "1_000"],
    ["12:30", "12:30"],
    ["2026-11-01", "2026-11-01"],
    ["~", null],
    ["True", true],
    ["1e2", 100],
    ["= ", "="],
  ])("%s is %j", (written, value) => {
    expect(readPack(Buffer.from(withNote(`  note: ${written}`))).meta["note"]).toEqual(value);
  });
});
