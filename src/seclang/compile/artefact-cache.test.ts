import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { idsOf, playOn } from "../transaction/play.test-support.ts";
import { loadRuleSet } from "./load-rule-set.ts";
import type { RuleSet } from "./rule-set.ts";

const RULES = `SecRule ARGS "@rx (?:union\\s+select|sleep\\()" "id:1,phase:1,pass"
  SecRule ARGS "@pm etc/passwd boot.ini" "id:2,phase:1,pass"`;

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "seclang-cache-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const load = (text = RULES): RuleSet =>
  loadRuleSet({
    sources: [{ kind: "text", file: "rules.conf", text }],
    cacheDirectory: directory,
  });
const onlyFile = (): string => join(directory, readdirSync(directory)[0] ?? "");
const idsFor = async (ruleSet: RuleSet): Promise<readonly number[]> =>
  idsOf(
    await playOn(ruleSet.policy().transaction(), { target: "/?q=1+union+select&f=/etc/passwd" }),
  );

describe("the cache of rule sets", () => {
  test("serves the second load, and the rules do the same", async () => {
    expect(load().isFromArtefact).toBe(false);
    const second = load();
    expect(second.isFromArtefact).toBe(true);
    expect(await idsFor(second)).toEqual([1, 2]);
  });

  test.each<[string, (bytes: Buffer) => Buffer]>([
    ["cut off", (bytes) => bytes.subarray(0, bytes.length - 9)],
    ["changed in one bit", (bytes) => Buffer.from(bytes.map((b, at) => (at === 99 ? b ^ 1 : b)))],
    ["empty", () => Buffer.alloc(0)],
  ])("passes over a file that was %s and mends it", async (_, damage) => {
    load();
    writeFileSync(onlyFile(), damage(readFileSync(onlyFile())));
    const second = load();
    expect(second.isFromArtefact).toBe(false);
    expect(await idsFor(second)).toEqual([1, 2]);
    expect(load().isFromArtefact).toBe(true);
  });

  test("does not take what belongs to other rules", async () => {
    load();
    const first = readFileSync(onlyFile());
    rmSync(onlyFile());
    load(`${RULES}\nSecRule ARGS "@rx select" "id:3,phase:1,pass"`);
    writeFileSync(onlyFile(), first);
    const third = load(`${RULES}\nSecRule ARGS "@rx select" "id:3,phase:1,pass"`);
    expect(third.isFromArtefact).toBe(false);
    expect(await idsFor(third)).toEqual([1, 2, 3]);
  });

  test("tells of a fault with its place, however much of the rules was known", () => {
    load();
    const broken = () => load(`${RULES}\nSecRule ARGS "@rx (" "id:3,phase:1,pass"`);
    for (let time = 0; time < 2; time++) expect(broken).toThrow("rules.conf:3");
  });

  test("reads a file that changed anew, and knows the others", async () => {
    const files = [join(directory, "a.conf"), join(directory, "b.conf")] as const;
    const cacheDirectory = join(directory, "cache");
    const loadFiles = () =>
      loadRuleSet({ sources: [{ kind: "files", paths: files }], cacheDirectory });
    writeFileSync(files[0], RULES);
    writeFileSync(files[1], 'SecRule ARGS "@streq nothing" "id:3,phase:1,pass"');
    expect(await idsFor(loadFiles())).toEqual([1, 2]);
    writeFileSync(files[1], 'SecRule ARGS:f "@streq /etc/passwd" "id:3,phase:1,pass"');
    for (let time = 0; time < 2; time++) expect(await idsFor(loadFiles())).toEqual([1, 2, 3]);
    expect(loadFiles().isFromArtefact).toBe(true);
  });

  test("does not read from a directory that others may write", () => {
    load();
    chmodSync(directory, 0o777);
    expect(load().isFromArtefact).toBe(false);
  });

  test("is no reason not to load when nothing can be written", async () => {
    const nowhere = join(directory, "file");
    writeFileSync(nowhere, "");
    const ruleSet = loadRuleSet({
      sources: [{ kind: "text", file: "rules.conf", text: RULES }],
      cacheDirectory: nowhere,
    });
    expect(await idsFor(ruleSet)).toEqual([1, 2]);
  });
});
