/** `portcullis waf crs-setup`: the written file before the rules it is for; what it sets must be what they read. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadRuleSet, type Policy, type PolicyOptions } from "../../src/seclang/index.ts";
import { CRS, runWaf } from "./waf-commands.ts";

const folder = mkdtempSync(join(tmpdir(), "portcullis-crs-setup-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const TEST_LIMIT_MS = 120_000;

interface Told {
  readonly method?: string;
  readonly type?: string;
  readonly body?: string;
}

/** Ids that logged and whether the request is refused. */
async function play(
  policy: Policy,
  { method = "POST", type = "application/json", body = "{}" }: Told,
) {
  const transaction = policy.transaction();
  transaction.requestHead({
    method,
    target: "/v1/chat",
    protocol: "HTTP/1.1",
    headers: [
      ["Host", "a.example"],
      ["User-Agent", "client/1.0"],
      ["Accept", "*/*"],
      ["Content-Type", type],
      ["Content-Length", String(body.length)],
    ],
  });
  await transaction.requestBody(Buffer.from(body));
  const { matched, interruption } = transaction.end();
  return {
    ids: matched.filter(({ phase }) => phase < 5).map(({ id }) => id),
    isRefused: interruption !== undefined,
  };
}

const SCRIPT = '{"q":"<script>alert(1)</script>"}';
const LONG = JSON.stringify({ q: "word ".repeat(20_000) });

/** The folder with the rules, or the one above it. */
function rulesOf(directory = ""): string {
  const below = join(directory, "rules");
  return existsSync(below) ? below : directory;
}

const RELEASES = [
  { name: "3.3", rules: join(CRS, "rules"), level: "paranoia_level" },
  { name: "4", rules: rulesOf(process.env["PORTCULLIS_CRS4"]), level: "blocking_paranoia_level" },
].filter(({ name, rules }) => {
  const isHere = existsSync(join(rules, "REQUEST-901-INITIALIZATION.conf"));
  if (!isHere) console.warn(`SKIPPED: no Core Rule Set ${name}; its set-up file is not tried`);
  return isHere;
});

describe.each(RELEASES)("before the rules of $name", ({ name, rules, level }) => {
  const source = `crs:${join(rules, "..")}`;
  const own = join(folder, `${name}.conf`);
  let policy: (options?: PolicyOptions) => Policy;
  beforeAll(async () => {
    const args = ["--threshold-in", "20", "--content-type", "application/octet-stream"];
    const { code, stderr } = await runWaf("crs-setup", "--rules", source, "-o", own, ...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const set = loadRuleSet({
      sources: [{ kind: "files", paths: [own, join(rules, "*.conf")] }],
    });
    policy = (options) => set.policy(options);
  }, TEST_LIMIT_MS);

  test("the media types of inference APIs are allowed, those of forms are not", async () => {
    for (const type of ["application/json", "application/x-ndjson", "application/octet-stream"])
      expect((await play(policy(), { type })).ids).not.toContain(920420);
    const form = { type: "application/x-www-form-urlencoded", body: "a=1" };
    expect((await play(policy(), form)).ids).toContain(920420);
  });

  test("other methods are told", async () => {
    expect((await play(policy(), { method: "PUT" })).ids).toContain(911100);
    expect((await play(policy(), {})).ids).not.toContain(911100);
  });

  test("a value beyond the limit is told", async () => {
    expect((await play(policy(), { body: LONG })).ids).toContain(920370);
    expect((await play(policy(), { body: LONG.slice(0, 1_000).concat('"}') })).ids).not.toContain(
      920370,
    );
  });

  test("the threshold is the given one, unless the gateway's configuration has another", async () => {
    expect(await play(policy(), { method: "PUT" })).toMatchObject({ isRefused: false });
    const tx = { inbound_anomaly_score_threshold: "5" };
    expect(await play(policy({ tx }), { method: "PUT" })).toMatchObject({ isRefused: true });
  });

  test("the paranoia level is 1, unless the gateway's configuration has another", async () => {
    const strict = {
      [level]: "4",
      executing_paranoia_level: "4",
      detection_paranoia_level: "4",
    };
    const count = async (options?: PolicyOptions): Promise<number> =>
      (await play(policy(options), { body: SCRIPT })).ids.length;
    expect(await count({ tx: strict })).toBeGreaterThan(await count());
  });
});

describe("the command", () => {
  const release = (version: string): string => {
    const root = mkdtempSync(join(folder, "release-"));
    mkdirSync(join(root, "rules"));
    const text = `SecAction "id:1,phase:1,pass,ver:'OWASP_CRS/${version}'"\n`;
    writeFileSync(join(root, "rules/REQUEST-901-INITIALIZATION.conf"), text);
    return `crs:${root}`;
  };

  test("prints a file for the line of the release, with the names that it reads", async () => {
    const args = ["--paranoia", "2", "--detection-paranoia", "3", "--threshold-out", "9"];
    const { stdout: three } = await runWaf("crs-setup", "--rules", release("3.3.9"), ...args);
    expect(three).toContain("setvar:'tx.paranoia_level=2'");
    expect(three).toContain("setvar:'tx.executing_paranoia_level=3'");
    expect(three).toContain("setvar:'tx.crs_setup_version=339'");
    const { stdout: four } = await runWaf("crs-setup", "--rules", release("4.28.0"), ...args);
    expect(four).toContain("setvar:'tx.blocking_paranoia_level=2'");
    expect(four).toContain("setvar:'tx.detection_paranoia_level=3'");
    expect(four).toContain("setvar:'tx.outbound_anomaly_score_threshold=9'");
  });

  test("never writes over a file", async () => {
    const file = join(folder, "mine.conf");
    writeFileSync(file, "mine");
    const { code, stderr } = await runWaf("crs-setup", "--rules", release("4.0.0"), "-o", file);
    expect(code).toBe(2);
    expect(stderr).toContain("is there already");
    expect(readFileSync(file, "utf8")).toBe("mine");
  });

  test.each([
    ["a release that it does not know", () => [release("2.2.9")], "version 2.2.9"],
    ["what is no Core Rule Set", () => ["builtin"], "crs:DIRECTORY"],
    [
      "a detection level below the other",
      () => [release("4.0.0"), "--paranoia", "3", "--detection-paranoia", "2"],
      "--detection-paranoia is below",
    ],
  ])("refuses %s", async (_name, argsOf, message) => {
    const { code, stderr } = await runWaf("crs-setup", "--rules", ...argsOf());
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  test.each([
    ["--method", "GET'POST"],
    ["--content-type", "a/b|c"],
    ["--paranoia", "5"],
    ["--max-arguments", "0"],
  ])("refuses %s %s", async (option, value) => {
    const args = ["crs-setup", "--rules", release("4.0.0"), option, value];
    await expect(runWaf(...args)).rejects.toThrow(/Write /);
  });
});
