import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseSecLang } from "../parse/parse-seclang.ts";
import { crsTestRules } from "./crs-test-rules.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "crs-"));
  mkdirSync(join(directory, "rules"));
  writeFileSync(join(directory, "rules", "REQUEST-901-INITIALIZATION.conf"), "");
});
afterEach(() => rmSync(directory, { recursive: true }));

test("the set-up of a release, the tests' settings and the rules, in that order", () => {
  writeFileSync(join(directory, "crs-setup.conf.example"), "");
  const rules = join(directory, "rules");
  for (const given of [directory, rules]) {
    expect(crsTestRules({ directory: given })).toEqual([
      { kind: "files", paths: [join(rules, "../crs-setup.conf.example")] },
      expect.objectContaining({ kind: "text", file: "crs-test/test-settings.conf" }),
      { kind: "files", paths: [join(rules, "*.conf")] },
    ]);
  }
});

test("a set-up file of the caller's choice", () => {
  const [first] = crsTestRules({ directory, setUpFile: "/etc/crs-setup.conf" });
  expect(first).toEqual({ kind: "files", paths: ["/etc/crs-setup.conf"] });
});

test("text of our own stands in for a set-up that is missing, and all of it is SecLang", () => {
  const texts = crsTestRules({ directory }).filter((source) => source.kind === "text");
  expect(texts.map(({ file }) => file)).toEqual([
    "crs-test/set-up.conf",
    "crs-test/test-settings.conf",
  ]);
  for (const { file, text } of texts) expect(parseSecLang({ file, text }).faults).toEqual([]);
});

test("a folder without rules is an error", () => {
  expect(() => crsTestRules({ directory: tmpdir() })).toThrow("no Core Rule Set in");
});
