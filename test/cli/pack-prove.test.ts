/** The commands that prove and try packs, on files as an author has them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { addPackDiff } from "../../src/cli/pack/diff.ts";
import { addPackExplain } from "../../src/cli/pack/explain.ts";
import { addPackLint } from "../../src/cli/pack/lint.ts";
import { addPackTest } from "../../src/cli/pack/test.ts";
import { packYaml, type PackText } from "../../src/packs/prove/pack-text.test-support.ts";

const folder = mkdtempSync(join(tmpdir(), "pack-prove-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = 0;
});

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const exitCode = (): number => Number(process.exitCode ?? 0);

async function run(...args: string[]): Promise<Ran> {
  const said = { log: "", error: "" };
  for (const method of ["log", "error"] as const)
    vi.spyOn(console, method).mockImplementation((text: unknown) => {
      said[method] += `${String(text)}\n`;
    });
  process.exitCode = 0;
  const pack = new Command("pack").exitOverride();
  for (const add of [addPackLint, addPackDiff, addPackTest, addPackExplain]) add(pack);
  await pack.parseAsync(args, { from: "user" });
  return { code: exitCode(), stdout: said.log, stderr: said.error };
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const SOUND: PackText = {
  bits: { P_User: "context.user.id == 'ann'", P_Ops: "'ops' IN context.user.groups" },
  wires: { W_Ops: "sequence: [P_User, P_Ops]" },
  outputs: { allow_ops: "W_Ops", deny_rest: "NOT(W_Ops)" },
};
const OPEN: PackText = {
  ...SOUND,
  wires: { W_Ops: "sequence: []" },
};
const sound = file("sound.yaml", packYaml(SOUND));
const open = file("open.yaml", packYaml(OPEN));
const broken = file("broken.yaml", packYaml(SOUND).replace("context.user.id", "context.user.name"));

describe("portcullis pack lint", () => {
  test("exits with 0 when nothing is grave", async () => {
    expect(await run("lint", sound)).toEqual({
      code: 0,
      stdout: `${sound}: 0 grave, 0 acknowledged, 0 notices\n`,
      stderr: "",
    });
  });

  test("exits with 1 and shows a request when something is", async () => {
    const { code, stdout } = await run("lint", open);
    expect(code).toBe(1);
    expect(stdout).toContain("3 grave, 0 acknowledged");
    expect(stdout).toContain("GRAVE open_allow:allow_ops, line ");
    expect(stdout).toContain(
      '  example: {"context.req.path":"/","context.req.method":"GET","system.panic_mode":false} -> allow_ops',
    );
  });

  const meant = ["open_allow:allow_ops", "unconditional_allow:allow_ops", "dead_output:deny_rest"];
  const acknowledge = meant.flatMap((name) => ["--acknowledge", name]);

  test("exits with 0 when all that is grave is acknowledged by name", async () => {
    const { code, stdout } = await run("lint", open, ...acknowledge);
    expect({ code, first: stdout.split("\n")[0] }).toEqual({
      code: 0,
      first: `${open}: 0 grave, 3 acknowledged, 3 notices`,
    });
  });

  test("an acknowledgement of nothing is grave itself", async () => {
    const { code, stdout } = await run("lint", sound, "--acknowledge", "open_allow:allow_gone");
    expect(code).toBe(1);
    expect(stdout).toContain("GRAVE unknown_acknowledgement:open_allow:allow_gone\n");
  });

  test("prints JSON with the names to acknowledge", async () => {
    const { stdout } = await run("lint", open, "--json", "--acknowledge", meant[0] as string);
    const findings = JSON.parse(stdout) as { name: string; acknowledged: boolean }[];
    expect(findings.slice(0, 3).map(({ name, acknowledged }) => [name, acknowledged])).toEqual(
      meant.map((name, at) => [name, at === 0]),
    );
  });

  test("tells what is wrong with a pack that cannot be read", async () => {
    const { code, stderr } = await run("lint", broken);
    expect(code).toBe(1);
    expect(stderr).toContain(broken);
  });
});

describe("portcullis pack diff", () => {
  test("exits with 0 and says nothing when the packs decide alike", async () => {
    expect(await run("diff", sound, sound)).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  test("exits with 1 and shows whose requests change", async () => {
    const { code, stdout } = await run("diff", sound, open);
    expect(code).toBe(1);
    expect(stdout).toContain(
      "Denied before, allowed now:\n  deny_rest (403 rest) -> allow_ops (200 ops)\n",
    );
  });

  test("prints JSON", async () => {
    const { stdout } = await run("diff", "--json", open, sound);
    expect(JSON.parse(stdout)).toMatchObject({
      isComplete: true,
      changes: [
        { change: "allow_to_deny", from: { output: "allow_ops" }, to: { output: "deny_rest" } },
      ],
    });
  });

  test("exits with 2 when one cannot be read, with its place", async () => {
    const { code, stderr } = await run("diff", sound, broken);
    expect(code).toBe(2);
    expect(stderr).toMatch(/broken\.yaml:5:\d+: /);
    expect((await run("diff", sound, join(folder, "none.yaml"))).code).toBe(2);
  });
});

describe("portcullis pack test", () => {
  const cases = (output: string): string =>
    file(
      `${output}.yaml`,
      `cases:
  - name: operations
    context: { user: { id: ann, groups: [ops] } }
    expect: { output: allow_ops, wire: W_Ops }
  - name: others
    context: { user.id: ann }
    expect: { output: ${output}, status: 403 }
`,
    );

  test("exits with 0 when every case is as expected", async () => {
    expect(await run("test", sound, cases("deny_rest"))).toEqual({
      code: 0,
      stdout: "pass  operations: allow_ops\npass  others: deny_rest\n2 passed, 0 failed\n",
      stderr: "",
    });
  });

  test("exits with 1 and says what was decided instead", async () => {
    const path = cases("default_deny");
    const { code, stdout } = await run("test", sound, path);
    expect(code).toBe(1);
    expect(stdout).toContain(
      `FAIL  others (${path}:5)\n      output: default_deny expected, deny_rest got\n`,
    );
    expect(stdout).toContain("1 passed, 1 failed");
  });

  test("exits with 2 when the cases cannot be read", async () => {
    const path = file("bad-cases.yaml", "cases:\n  - context: {}\n    expct: { output: x }\n");
    const { code, stderr } = await run("test", sound, path);
    expect(code).toBe(2);
    expect(stderr).toContain(`${path}:3:5: a case has no field expct; did you mean expect?`);
  });
});

describe("portcullis pack explain", () => {
  test("shows every value and the decision", async () => {
    const context = '{"user": {"id": "ann"}}';
    const { code, stdout } = await run("explain", sound, "--context", context);
    expect(code).toBe(0);
    expect(stdout.split("\n").map((line) => line.replaceAll(/ +/g, " "))).toEqual([
      "bits",
      " P_User true",
      " P_Ops undefined",
      "wires",
      " W_Ops undefined",
      "outputs",
      " allow_ops -",
      " deny_rest fires, and decides",
      "decision: deny by deny_rest, 403 (rest)",
      expect.stringContaining(" by deny_rest > W_Ops"),
      " failed: P_Ops is undefined",
      "",
    ]);
  });

  test("takes a file, and a time", async () => {
    const timed = file(
      "timed.yaml",
      packYaml({
        bits: { P_Fresh: "now() < context.legacy_jwt.expires_at" },
        outputs: { allow_fresh: "P_Fresh" },
      }),
    );
    const context = file("context.yaml", "legacy_jwt: { expires_at: 1000 }\n");
    const decided = async (now: string): Promise<unknown> => {
      const { stdout } = await run("explain", timed, "--json", "--context", context, "--now", now);
      return (JSON.parse(stdout) as { decision: { output: string } }).decision.output;
    };
    expect(await decided("1970-01-01T00:16:39Z")).toBe("allow_fresh");
    expect(await decided("1970-01-01T00:16:40Z")).toBe("default_deny");
  });

  test("exits with 2 for a context with a field that is none", async () => {
    const { code, stderr } = await run("explain", sound, "--context", '{"user": {"name": "ann"}}');
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: "--context:1:11: there is no field user.name; did you mean context.user.id?\n",
    });
  });
});
