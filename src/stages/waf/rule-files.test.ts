import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import type { RuleSourceSetting } from "./config.ts";
import { findCrs } from "./crs-layout.ts";
import { findRuleFiles, type ResolvedRules } from "./rule-files.ts";
import { sha256Hex } from "./sha256.ts";
import { tarGz } from "./tar.test-support.ts";
import { folderWith } from "./waf.test-support.ts";

const RULE = 'SecAction "id:1,phase:1,pass,nolog"\n';

function crsFolder(names: readonly string[]): string {
  const folder = folderWith({});
  for (const name of names) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), RULE);
  }
  return folder;
}

const find = (
  directory: string,
  rules: readonly RuleSourceSetting[],
  cache?: string,
): Promise<ResolvedRules> =>
  findRuleFiles({ lists: [{ at: ["waf", "rules"], rules }], directory, cache });

describe("a folder of the Core Rule Set", () => {
  const RELEASE = [
    "crs-setup.conf.example",
    "rules/REQUEST-949-B.conf",
    "rules/REQUEST-901-A.conf",
    "rules/REQUEST-900-EXCLUSION-RULES-BEFORE-CRS.conf.example",
    "rules/words.data",
    "plugins/x-after.conf",
    "plugins/x-before.conf",
    "plugins/x-config.conf",
    "plugins/x.lua",
  ];

  test("is loaded in its authors' order, and all it reads is watched", async () => {
    const folder = crsFolder(RELEASE);
    const { found, files, mistakes } = await find(folder, ["crs:."]);
    expect(mistakes).toEqual([]);
    expect(found.get("crs:.")?.paths.map((path) => relative(folder, path))).toEqual([
      "crs-setup.conf.example",
      "plugins/x-config.conf",
      "plugins/x-before.conf",
      "rules/REQUEST-901-A.conf",
      "rules/REQUEST-949-B.conf",
      "plugins/x-after.conf",
    ]);
    expect([...files.keys()]).toContain(join(folder, "rules/words.data"));
  });

  test("an operator's own set-up goes before the example", async () => {
    const folder = crsFolder([...RELEASE, "crs-setup.conf"]);
    const { found } = await find(folder, ["crs:."]);
    expect(found.get("crs:.")?.paths[0]).toBe(join(folder, "crs-setup.conf"));
  });

  test("as Debian lays it out, the set-up and exclusions stand elsewhere", async () => {
    const folder = crsFolder(["rules/REQUEST-901-A.conf"]);
    const setup = crsFolder([
      "crs-setup.conf",
      "REQUEST-900-EXCLUSION-RULES-BEFORE-CRS.conf",
      "RESPONSE-999-EXCLUSION-RULES-AFTER-CRS.conf",
    ]);
    const layout = await findCrs(folder, setup);
    expect(layout?.paths).toEqual([
      join(setup, "crs-setup.conf"),
      join(setup, "REQUEST-900-EXCLUSION-RULES-BEFORE-CRS.conf"),
      join(folder, "rules/REQUEST-901-A.conf"),
      join(setup, "RESPONSE-999-EXCLUSION-RULES-AFTER-CRS.conf"),
    ]);
  });

  test("another content is another key, the same content the same", async () => {
    const folder = crsFolder(RELEASE);
    const key = async (): Promise<string | undefined> =>
      (await find(folder, ["crs:."])).found.get("crs:.")?.key;
    const before = await key();
    expect(await key()).toBe(before);
    writeFileSync(join(folder, "rules/words.data"), "other");
    expect(await key()).not.toBe(before);
  });

  test("a checksum is what coreutils say", async () => {
    const folder = crsFolder(RELEASE);
    const script =
      "find rules plugins -maxdepth 1 -type f | LC_ALL=C sort | xargs sha256sum | sha256sum";
    const sha256 = execFileSync("sh", ["-c", script], { cwd: folder, encoding: "utf8" }).slice(
      0,
      64,
    );
    const good = await find(folder, [{ source: "crs:.", sha256 }]);
    expect(good.mistakes).toEqual([]);
    writeFileSync(join(folder, "rules/REQUEST-901-A.conf"), `${RULE}# changed\n`);
    const bad = await find(folder, [{ source: "crs:.", sha256 }]);
    expect(bad.mistakes).toMatchObject([
      { at: ["waf", "rules", 0], message: expect.stringMatching(/hash to [0-9a-f]{64}$/) },
    ]);
  });
});

describe("a release archive", () => {
  const ARCHIVE = tarGz([
    { name: "pax_global_header", text: "52 comment=x\n", type: "g" },
    { name: "coreruleset-4.0.0/rules/REQUEST-901-A.conf", text: RULE },
    { name: "coreruleset-4.0.0/crs-setup.conf.example", text: RULE },
    { name: "coreruleset-4.0.0/tests/x.yaml", text: "no" },
    { name: "coreruleset-4.0.0/rules/../../../evil.conf", text: RULE },
    { name: "/rules/absolute.conf", text: RULE },
    { name: "coreruleset-4.0.0/rules/link.conf", type: "2" },
  ]);

  function archiveFolder(bytes: Buffer = ARCHIVE): string {
    const folder = folderWith({});
    writeFileSync(join(folder, "crs.tar.gz"), bytes);
    return folder;
  }

  test("is unpacked below the cache: rules and set-up, and nothing else", async () => {
    const folder = archiveFolder();
    const cache = join(folder, "cache");
    const { found, mistakes, files } = await find(folder, ["crs:crs.tar.gz"], cache);
    expect(mistakes).toEqual([]);
    const root = join(cache, `crs-${sha256Hex(ARCHIVE)}`);
    expect(found.get("crs:crs.tar.gz")?.paths).toEqual([
      join(root, "crs-setup.conf.example"),
      join(root, "rules/REQUEST-901-A.conf"),
    ]);
    expect(readdirSync(root)).toEqual(["crs-setup.conf.example", "rules"]);
    expect(existsSync(join(folder, "evil.conf"))).toBe(false);
    expect([...files.keys()]).toEqual([join(folder, "crs.tar.gz")]);
  });

  test("what was changed in the cache is unpacked anew", async () => {
    const folder = archiveFolder();
    const cache = join(folder, "cache");
    const { found } = await find(folder, ["crs:crs.tar.gz"], cache);
    const path = found.get("crs:crs.tar.gz")?.paths[1] as string;
    writeFileSync(path, "# emptied");
    const again = await find(folder, ["crs:crs.tar.gz"], cache);
    expect(again.found.get("crs:crs.tar.gz")?.key).toBe(found.get("crs:crs.tar.gz")?.key);
  });

  test.each([
    ["no archive", Buffer.from("no archive"), {}, /not a tar.gz/],
    ["no rules", tarGz([{ name: "x/README", text: "x" }]), {}, /no rules/],
    ["another archive than was meant", ARCHIVE, { sha256: "0".repeat(64) }, /not the rules/],
  ])("%s is a mistake", async (_, bytes, more, message) => {
    const folder = archiveFolder(bytes);
    const source = "crs:crs.tar.gz";
    const { mistakes } = await find(
      folder,
      ["sha256" in more ? { source, sha256: more.sha256 } : source],
      join(folder, "cache"),
    );
    expect(mistakes).toMatchObject([{ message: expect.stringMatching(message) }]);
  });

  test("without a cache there is no place for it", async () => {
    const { mistakes } = await find(archiveFolder(), ["crs:crs.tar.gz"]);
    expect(mistakes).toMatchObject([{ hint: expect.stringMatching(/waf\.cache/) }]);
  });
});

describe("files of the operator's", () => {
  test("one or many, in bytewise order", async () => {
    const folder = folderWith({ "b.conf": RULE, "a.conf": RULE, "c.txt": "" });
    const { found } = await find(folder, ["file:*.conf", "file:c.txt", "builtin"]);
    expect(found.get("file:*.conf")?.paths).toEqual([
      join(folder, "a.conf"),
      join(folder, "b.conf"),
    ]);
    expect(found.get("file:c.txt")?.paths).toEqual([join(folder, "c.txt")]);
    const builtin = found.get("builtin")?.paths.map((path) => basename(path));
    expect(builtin?.at(0)).toBe("setup.conf");
    expect(builtin?.at(-1)).toBe("verdict.conf");
  });

  test.each([
    ["a file that is not there", "file:x.conf", /does not exist/],
    ["a pattern that nothing matches", "file:x*.conf", /no file matches/],
    ["a folder without rules", "crs:.", /no rules/],
    ["a folder that is not there", "crs:nowhere", /does not exist/],
    ["a checksum of loose files", { source: "file:a.conf", sha256: "0".repeat(64) }, /only `crs:`/],
    ["a checksum of built-in rules", { source: "builtin", sha256: "0".repeat(64) }, /no checksum/],
  ])("%s is a mistake at its place", async (_, rule, message) => {
    const folder = folderWith({ "a.conf": RULE });
    const { mistakes } = await find(folder, [rule]);
    expect(mistakes).toMatchObject([
      { at: ["waf", "rules", 0], message: expect.stringMatching(message) },
    ]);
  });
});
