/** Includes must end, stay in their bounds and come in the shell's order. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { expandGlob, matchesGlob } from "./glob.ts";
import { readRuleFiles } from "./include.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "seclang-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function write(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

const read = (limits = {}) => readRuleFiles([join(folder, "main.conf")], limits);
const markers = (result = read()) =>
  result.directives.map((directive) => (directive.kind === "SecMarker" ? directive.name : "?"));

describe("includes", () => {
  test("stand where they are written, relative to their file and sorted", () => {
    write({
      "main.conf": "SecMarker first\nInclude sub/*.conf\nSecMarker last\n",
      "sub/b.conf": "SecMarker b",
      "sub/B.conf": "SecMarker B",
      "sub/a.conf": "Include deep/x.rules\nSecMarker a",
      "sub/.hidden.conf": "SecMarker hidden",
      "sub/note.txt": "SecMarker note",
      "sub/deep/x.rules": "SecMarker x",
    });
    expect(markers()).toEqual(["first", "B", "x", "a", "b", "last"]);
    expect(read().faults).toEqual([]);
    expect(read().files).toHaveLength(5);
  });

  test("patterns may stand for folders", () => {
    write({
      "main.conf": "Include */r?.conf",
      "a/r1.conf": "SecMarker a",
      "b/r2.conf": "SecMarker b",
    });
    expect(markers()).toEqual(["a", "b"]);
  });

  test("names in UTF-8 are found", () => {
    write({ "main.conf": "Include r\u00e9.conf", "r\u00e9.conf": "SecMarker a" });
    expect(markers()).toEqual(["a"]);
  });

  test("optional ones may be missing", () => {
    write({ "main.conf": "IncludeOptional no.conf\nIncludeOptional no/*.conf" });
    expect(read().faults).toEqual([]);
  });

  test.each([
    ["a missing file", { "main.conf": "\nInclude no.conf" }, "there is no file"],
    ["a pattern without a match", { "main.conf": "\nInclude no/*.conf" }, "no file matches"],
    ["a folder", { "main.conf": "\nInclude sub", "sub/a": "" }, "no regular file"],
    ["a file that includes itself", { "main.conf": "\nInclude main.conf" }, "includes itself"],
    [
      "a circle",
      { "main.conf": "Include a.conf", "a.conf": "\nInclude main.conf" },
      "includes itself",
    ],
    ["a file below a file", { "main.conf": "\nInclude main.conf/x" }, "there is no file"],
  ])("%s is a fault with its line", (_, files, message) => {
    write(files);
    expect(read().faults).toMatchObject([
      { code: "seclang.include", line: 2, message: expect.stringContaining(message) },
    ]);
  });

  test("a file given at the start that is missing is a fault", () => {
    expect(read().faults).toMatchObject([{ code: "seclang.include", line: 0 }]);
  });

  test("more files or bytes than allowed are a fault", () => {
    write({ "main.conf": "Include a.conf\nInclude a.conf", "a.conf": "SecMarker a" });
    expect(read({ files: 2 }).faults).toMatchObject([{ code: "seclang.limit", line: 2 }]);
    expect(read({ totalBytes: 35 }).faults).toMatchObject([
      { code: "seclang.limit", line: 1 },
      { code: "seclang.limit", line: 2 },
    ]);
  });

  test("faults of an included file name that file", () => {
    write({ "main.conf": "Include a.conf", "a.conf": "SecRulez" });
    expect(read().faults).toMatchObject([
      { code: "seclang.directive", file: join(folder, "a.conf") },
    ]);
  });

  test("a chain does not reach into the next file", () => {
    write({
      "main.conf": "Include [ab].conf",
      "a.conf": "SecRule ARGS a id:1,chain",
      "b.conf": "SecRule ARGS b",
    });
    expect(read().faults).toMatchObject([{ code: "seclang.chain", file: join(folder, "a.conf") }]);
  });
});

describe("patterns of names", () => {
  test("a pattern that looks at too many names has no answer instead of a part of one", () => {
    write({ "a.conf": "", "b.conf": "" });
    expect(expandGlob(join(folder, "*.conf"), 30)).toHaveLength(2);
    expect(expandGlob(join(folder, "*.conf"), 1)).toBeUndefined();
  });

  test.each([
    ["a.conf", "*.conf", true],
    ["a.conf.bak", "*.conf", false],
    ["abc", "a*c", true],
    ["abcbc", "a*bc", true],
    ["abd", "a*c", false],
    ["ab", "a?", true],
    ["a", "a?", false],
    ["a", "a**", true],
    ["b", "[a-c]", true],
    ["d", "[a-c]", false],
    ["d", "[!a-c]", true],
    ["-", "[a-]", true],
    ["]", "[]x]", true],
    ["[a", "[a", true],
    ["", "*", true],
  ])("%s against %s: %s", (name, pattern, expected) => {
    expect(matchesGlob(name, pattern)).toBe(expected);
  });
});
