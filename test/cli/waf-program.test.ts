/** `portcullis waf` as it is called, through the program itself; and a gateway's record on its way to an exclusion. */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { startGateway } from "../support/gateway.ts";
import { runCommand } from "./command.ts";
import { runWaf } from "./waf-commands.ts";

const SRC = resolve(import.meta.dirname, "../../src");

test("every command is there", async () => {
  const { code, stdout } = await runCommand(["waf", "--help"]);
  expect(code).toBe(0);
  for (const name of ["check", "test", "tune", "bench", "crs-setup", "run-ftw"])
    expect(stdout).toMatch(new RegExp(`^  ${name} `, "m"));
});

test("a command's own options are its own", async () => {
  const { stdout } = await runCommand(["waf", "test", "--help"]);
  expect(stdout).toMatch(/^Usage: portcullis waf test /);
  expect(stdout).toContain("--paranoia <level>");
});

test.each([
  [["chekc"], "unknown command 'chekc'"],
  [["check", "--jsn"], "unknown option '--jsn'"],
])("%j is not understood", async (args, message) => {
  await expect(runWaf(...args)).rejects.toThrow(message);
});

/** What is loaded as soon as the file is; types and `import()` are not. */
function loadedWith(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const text = readFileSync(file, "utf8");
  for (const [, what, from] of text.matchAll(/^(?:import|export)\s([^"';]*?)from "(\.[^"]+)";/gm))
    if (!/^type\s/.test(what as string)) loadedWith(resolve(dirname(file), from as string), seen);
  return seen;
}

test("the program loads the engine only for a command that needs it", () => {
  const loaded = [...loadedWith(resolve(SRC, "cli/main.ts"))].map((file) => relative(SRC, file));
  expect(loaded).toContain("cli/waf/command.ts");
  expect(loaded.filter((file) => file.startsWith("seclang/"))).toEqual([]);
});

const RULES = `SecRule ARGS "@contains union select" "id:942001,phase:2,deny,t:none,t:lowercase,msg:'SQL',setvar:'tx.sql_score=+5'"\n`;

test("what a gateway records is proposed; taken over, it binds and lets the request pass", async () => {
  const waf = { mode: "enforce", rules: ["file:rules.conf"] };
  const gateway = await startGateway({ files: { "rules.conf": RULES }, config: { waf } });
  onTestFinished(() => gateway.close());
  const ask = () =>
    gateway.call({
      path: "/churn/v2/predict",
      headers: gateway.allowed(),
      body: JSON.stringify({ items: [{ note: "a UNION SELECT committee" }] }),
    });
  const refused = await ask();
  expect(refused.status).toBe(403);
  const line = await gateway.lineOf(refused);
  const log = join(gateway.folder, "access.log");
  writeFileSync(log, `${JSON.stringify(line)}\n`);

  const [byLedger, byLog] = [
    await runWaf("tune", "--ledger", join(gateway.folder, "ledger")),
    await runWaf("tune", "--log", log),
  ];
  expect(byLedger).toMatchObject({ code: 0, stderr: "" });
  expect(byLog).toEqual(byLedger);
  const { exclusions } = (parse(byLedger.stdout) as { waf: { exclusions: object[] } }).waf;
  expect(exclusions).toMatchObject([{ rules: [942001], field: "json.items.*.note" }]);

  gateway.configure({ waf: { ...waf, exclusions } });
  await gateway.portcullis.reload();
  expect((await ask()).status).toBe(200);
});
