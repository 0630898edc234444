/** `portcullis waf check`: rule files as an operator has them, in order and not. */
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { CRS, filesOf, runWaf } from "./waf-commands.ts";

const RULES = String.raw`
SecRuleEngine On
SecPcreMatchLimit 1000
SecRule ARGS "@rx union\s+select" "id:1,phase:2,deny,tag:'paranoia-level/1'"
SecRule REMOTE_ADDR "@geoLookup" "id:2,phase:1,pass,nolog"
SecRule ARGS "@rx (a)\1" "id:3,phase:2,pass,tag:'paranoia-level/2'"
SecRuleRemoveById 99
`;

describe("portcullis waf check", () => {
  test("counts rules by phase and paranoia level, patterns by engine, and warns", async () => {
    const [file = ""] = filesOf({ "own.conf": RULES });
    const { code, stdout, stderr } = await runWaf("check", file);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^in order: 3 rules, loaded in \d+ ms, /);
    expect(stdout).toContain("phase 1: 1, phase 2: 2");
    expect(stdout).toContain("paranoia level 1: 1, paranoia level 2: 1, no paranoia level: 1");
    expect(stdout).toMatch(/ {4}3: beyond \d+ bytes/);
    expect(stdout).toContain("3 warnings");
    expect(stdout).toContain(`${file}:7: SecRuleRemoveById names no rule before it`);
    expect(stdout).toContain(`${file}:3: SecPcreMatchLimit has no effect here`);
    expect(stdout).toContain(`${file}:5: @geoLookup of rule 2 looks nothing up, and never matches`);
  });

  test("says the same in JSON", async () => {
    const [file = ""] = filesOf({ "own.conf": RULES });
    const { stdout } = await runWaf("check", file, "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      faults: [],
      rules: 3,
      byPhase: { 1: 1, 2: 2 },
      byParanoia: { 1: 1, 2: 1, none: 1 },
      patterns: { stepBound: [{ rules: [3] }] },
    });
  });

  test("prints every fault with its place and what to do, and exits with 1", async () => {
    const [one = "", two = ""] = filesOf({
      "one.conf": 'SecRul ARGS\nSecRule ARG "@rx a" "id:1,phase:1,pass"\n',
      "two.conf": '\nSecRule ARGS "@rxx a" "id:2,phase:1,pass"\n',
    });
    const { code, stdout, stderr } = await runWaf("check", one, two);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(new RegExp(`^${one}:1: .*\\(did you mean SecRule\\?\\)$`, "m"));
    expect(stderr).toMatch(new RegExp(`^${one}:2: .*\\(did you mean ARGS\\?\\)$`, "m"));
    expect(stderr).toMatch(new RegExp(`^${two}:2: `, "m"));
    expect(stderr).toMatch(/\n3 faults\n$/);
    const { stdout: json } = await runWaf("check", one, two, "--json");
    expect(JSON.parse(json)).toMatchObject({ faults: [{ file: one, line: 1 }, {}, {}] });
  });

  test.each([
    ["no file at all", [], "name rule files"],
    ["a file that is not there", ["/nowhere/x.conf"], "/nowhere/x.conf"],
    ["a glob that matches nothing", ["/nowhere/*.conf"], "no file matches"],
    ["a folder without rules", ["--rules", "crs:/nowhere"], "/nowhere does not exist"],
  ])("%s: exits with 2 and says so", async (_name, args, message) => {
    const { code, stdout, stderr } = await runWaf("check", ...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
  });

  test("the built-in rules are in order", async () => {
    const { code, stdout } = await runWaf("check", "--rules", "builtin");
    expect(code).toBe(0);
    expect(stdout).toContain("\n0 warnings\n");
  });

  test.skipIf(!existsSync(CRS))("the Core Rule Set is in order, own rules behind it", async () => {
    const [own = ""] = filesOf({
      "own.conf": 'SecRuleRemoveById 942100\nSecRuleUpdateTargetById 942110 "!ARGS:note"\n',
    });
    const { stdout } = await runWaf("check", "--rules", `crs:${CRS}`, own, "--json");
    const { rules, warnings } = JSON.parse(stdout) as { rules: number; warnings: string[] };
    expect(rules).toBeGreaterThan(500);
    expect(warnings.filter((warning) => warning.includes("own.conf"))).toEqual([]);
  });
});
