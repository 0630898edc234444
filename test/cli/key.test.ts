import { statSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { runCommand, type Finished } from "./command.ts";
import { configurationFolder } from "./configuration-folder.ts";

const CONFIGURATION = {
  version: 1,
  listeners: [{ bind: "127.0.0.1:0" }],
  upstreams: { model: { targets: ["http://127.0.0.1:9000"] } },
  identity: { apiKeys: { lifetime: "30d", rotationGrace: "2h" } },
  store: { path: "keys.db" },
};
const DAY_MS = 86_400_000;

interface Shown {
  readonly id: string;
  readonly key: string;
  readonly name: string;
  readonly expiresAtMs: number;
  readonly [field: string]: unknown;
}

function keyring() {
  const folder = configurationFolder({ "portcullis.yaml": CONFIGURATION });
  const run = (...args: string[]): Promise<Finished> =>
    runCommand(["key", ...args, "--config", folder.configPath]);
  const json = async <T>(...args: string[]): Promise<T> =>
    JSON.parse((await run(...args, "--json")).stdout) as T;
  return { folder, run, json };
}

describe("portcullis key", () => {
  test("create shows the key once, alone on standard output, and list never", async () => {
    const { folder, run } = keyring();
    const { code, stdout, stderr } = await run(
      "create",
      "nightly",
      "--owner",
      "core-banking",
      "--tenant",
      "retail",
    );
    const key = stdout.trim();
    expect(code).toBe(0);
    expect(stdout).toBe(`${key}\n`);
    expect(key.length).toBeGreaterThan(50);
    expect(stderr).toMatch(/^Shown once; keep it safe\. Id \S+, expires \d{4}-/);
    expect(stderr).not.toContain(key);
    const listed = await run("list");
    expect(listed.stdout).toMatch(
      /^\S+ {2}active {3}core-banking@retail {2}"nightly" {2}expires \S+ {2}last used never\n$/,
    );
    const id = listed.stdout.split(" ")[0] ?? "";
    const all = listed.stdout + (await run("list", "--json")).stdout;
    const secret = key.slice(key.indexOf(id) + id.length);
    expect(secret.length).toBeGreaterThan(40);
    expect(all).not.toContain(secret.slice(1, 20));
    expect(statSync(folder.at("keys.db")).mode & 0o077).toBe(0);
  });

  test("create takes rights, and its lifetime from the command or else the configuration", async () => {
    const { json } = keyring();
    const own = await json<Shown>(
      "create",
      "a",
      "--owner",
      "o",
      "--scope",
      "predict:churn",
      "read",
      "--role",
      "scorer",
      "--tier",
      "gold",
      "--address",
      "10.0.0.0/8",
      "--expires-in",
      "1d",
    );
    expect(own).toMatchObject({
      name: "a",
      owner: "o",
      scopes: ["predict:churn", "read"],
      roles: ["scorer"],
      tier: "gold",
    });
    expect((own.expiresAtMs - Date.now()) / DAY_MS).toBeCloseTo(1, 2);
    const usual = await json<Shown>("create", "b", "--owner", "o");
    expect((usual.expiresAtMs - Date.now()) / DAY_MS).toBeCloseTo(30, 2);
  });

  test("rotate gives a new secret and the old one a grace; revoke ends a key", async () => {
    const { run, json } = keyring();
    const first = await json<Shown>("create", "a", "--owner", "o");
    const second = await json<Shown>("rotate", first.id);
    expect(second.key).not.toBe(first.key);
    const { id } = second;
    const revoked = await run("revoke", id);
    expect(revoked).toEqual({ code: 0, stdout: `revoked ${id} (a, o)\n`, stderr: "" });
    expect((await run("list")).stdout).toContain(`${id}  revoked  o`);
  });

  test.each([
    [["revoke", "nobody"], /nobody|no key/],
    [["rotate", "nobody"], /nobody|no key/],
    [["create", "a", "--owner", "o", "--expires-in", "soon"], /soon|duration/],
    [["create", "a", "--owner", "o", "--address", "everywhere"], /network|address/i],
    [["create", "a"], /--owner/],
  ])("%j is refused in one line that says why, with exit code 1", async (args, message) => {
    const { run } = keyring();
    const { code, stdout, stderr } = await run(...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr.split("\n")[0]).toMatch(message);
    expect(stderr).not.toContain("    at ");
  });

  test("works on a store's file without a configuration", async () => {
    const folder = configurationFolder({});
    const store = ["--store", folder.at("other.db")];
    const empty = await runCommand(["key", "list", ...store], { cwd: folder.directory });
    expect(empty).toMatchObject({ code: 0, stdout: "no keys\n" });
    const made = await runCommand(["key", "create", "a", "--owner", "o", ...store], {
      cwd: folder.directory,
    });
    expect(made.code).toBe(0);
    const listed = await runCommand(["key", "list", "--json", ...store], { cwd: folder.directory });
    expect(JSON.parse(listed.stdout)).toHaveLength(1);
  });
});
