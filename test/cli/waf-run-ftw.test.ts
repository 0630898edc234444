/** `portcullis waf run-ftw`: a small suite over small rules; scripts read the last line. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { runWaf } from "./waf-commands.ts";

const root = mkdtempSync(join(tmpdir(), "portcullis-ftw-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
mkdirSync(join(root, "rules"));
mkdirSync(join(root, "tests"));
writeFileSync(
  join(root, "rules/REQUEST-901-INITIALIZATION.conf"),
  `SecRule ARGS "@contains evil" "id:100,phase:2,pass,log,msg:'evil'"\n`,
);

const stage = (query: string, output: string): string =>
  `{input: {uri: "/?q=${query}", headers: {Host: a}}, output: {${output}}}`;

function suite(...tests: readonly string[]): string {
  const lines = tests.map((one, at) => `  - test_id: ${at + 1}\n    stages: [${one}]\n`);
  const text = `meta: {enabled: true}\nrule_id: 100\ntests:\n${lines.join("")}`;
  writeFileSync(join(root, "tests/100.yaml"), text);
  return join(root, "tests");
}

const GOOD = stage("evil", "log: {expect_ids: [100]}");
const BAD = stage("good", "log: {expect_ids: [100]}");
const run = (...args: string[]) => runWaf("run-ftw", ...args, "--rules", `crs:${root}`);

test("all good: counts, and exit code 0", async () => {
  const { code, stdout } = await run(suite(GOOD));
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: "1 passed (100.00 % of 1), 0 failed, 0 skipped\n",
  });
});

test("failures are told with their reasons, and exit code 1", async () => {
  const { code, stdout } = await run(suite(GOOD, BAD));
  expect(code).toBe(1);
  expect(stdout).toContain("FAIL  100-2 (100.yaml)\n      expected rule 100\n");
  expect(stdout).toContain("rules that logged: none");
  expect(stdout).toMatch(/\n1 passed \(50\.00 % of 2\), 1 failed, 0 skipped\n$/);
});

test("with --json the last line is the result alone", async () => {
  const { code, stdout } = await run(suite(GOOD, BAD), "--json");
  expect(code).toBe(1);
  const lines = stdout.trimEnd().split("\n");
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ id: "100-2" });
  expect(lines.at(-1)).toBe('{"passed":1,"failed":1,"skipped":0}');
});

test("--only runs one test or one rule's", async () => {
  const directory = suite(GOOD, BAD);
  expect(await run(directory, "--only", "100-1", "--json")).toMatchObject({
    code: 0,
    stdout: '{"passed":1,"failed":0,"skipped":1}\n',
  });
  expect(await run(directory, "--only", "10")).toMatchObject({ code: 0 });
  expect(await run(directory, "--only", "100")).toMatchObject({ code: 1 });
});

test("what is no suite or no rule set exits with 2", async () => {
  expect(await run(join(root, "absent"))).toMatchObject({ code: 2, stdout: "" });
  const other = await runWaf("run-ftw", suite(GOOD), "--rules", `crs:${tmpdir()}`);
  expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining("no Core Rule Set") });
});
