import { describe, expect, test } from "vitest";
import { runCommand } from "./command.ts";
import { configurationFolder } from "./configuration-folder.ts";

const SOUND = {
  version: 1,
  listeners: [{ bind: "127.0.0.1:0" }],
  upstreams: { model: { targets: ["http://127.0.0.1:9000"] } },
  models: { churn: { versions: { v1: { upstream: "model" } } } },
};
const check = (folder: { configPath: string }, ...args: string[]) =>
  runCommand(["check", "--config", folder.configPath, ...args]);

describe("portcullis check", () => {
  test("says that a sound configuration is in order, and exits with 0", async () => {
    const folder = configurationFolder({ "portcullis.yaml": SOUND });
    expect(await check(folder)).toEqual({
      code: 0,
      stdout: `${folder.configPath}: in order; 4 routes\n`,
      stderr: "",
    });
  });

  test("of a broken one shows every mistake with line, caret and hint, and exits with 1", async () => {
    const folder = configurationFolder({
      "portcullis.yaml": `version: 1
listners: [{ bind: 127.0.0.1:0 }]
upstreams:
  model: { targets: ["http://127.0.0.1:9000"], timeout: 3 parsecs }
`,
    });
    const { code, stdout, stderr } = await check(folder);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(`${folder.configPath}:2:1: error:`);
    // What stands under an unknown key may be a secret: it is not shown.
    expect(stderr).toContain(
      '  2 | listners: [hidden]\n    | ^^^^^^^^\n  hint: did you mean "listeners"?',
    );
    expect(stderr).toContain(
      `${folder.configPath}:4:57: error: not a duration (upstreams.model.timeout)`,
    );
    expect(stderr).toMatch(/\n3 errors\n$/);
    // Colours are for terminals.
    expect(stderr).not.toContain("\u001b");
  });

  test.each([
    [
      "a schema that is none",
      { request: "file:schema.json" },
      { "schema.json": '{"type":"objekt"}' },
      /objekt|type/,
    ],
    [
      "a limit that names no tier",
      { limits: { rate: "1/s", tiers: { gold: { rate: "2/s" } } } },
      {},
      /gold/,
    ],
  ])("finds what only the preparation sees: %s", async (_name, version, files, message) => {
    const models = { churn: { versions: { v1: { upstream: "model", ...version } } } };
    const folder = configurationFolder({ "portcullis.yaml": { ...SOUND, models }, ...files });
    const { code, stderr } = await check(folder);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain("    at ");
    expect(code).toBe(1);
  });

  test("goes by the flags too: what development allows, production refuses", async () => {
    const folder = configurationFolder({ "portcullis.yaml": SOUND });
    const { code, stderr } = await check(folder, "--environment", "production");
    expect(code).toBe(1);
    expect(stderr).toContain("nobody can prove who they are");
  });

  test("warns and goes on", async () => {
    const identity = {
      issuers: {
        bank: {
          issuer: "https://b.example",
          audience: ["a"],
          algorithms: ["HS256"],
          secret: "file:s",
        },
      },
    };
    const folder = configurationFolder({ "portcullis.yaml": { ...SOUND, identity } });
    folder.write("s", "ZmFjZSB0aGUgbXVzaWMgb2YgdGhlIHNwaGVyZXM", 0o644);
    const { code, stderr } = await check(folder);
    expect(stderr).toMatch(
      /portcullis\.yaml:\d+:\d+: warning: every account of this machine may read/,
    );
    expect(code).toBe(0);
  });

  test("of a file that is not there says so", async () => {
    const { code, stderr } = await runCommand(["check", "--config", "/nowhere/portcullis.yaml"]);
    expect(stderr).toContain("/nowhere/portcullis.yaml:1:1: error: the file does not exist");
    expect(code).toBe(1);
  });

  test.each([[["chekc"]], [["check", "--confg", "x"]], [["key", "create"]]])(
    "%j is not understood: help on standard error, exit code 1",
    async (args) => {
      const { code, stdout, stderr } = await runCommand(args);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toMatch(/^error: /);
      expect(stderr).toContain("Usage: portcullis");
    },
  );
});
