import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { runCommand, type Finished } from "../../test/cli/command.ts";
import { startGateway } from "../../test/support/gateway.ts";
import {
  createTrafficWorld,
  record,
  trafficOf,
  type Recorded,
  type TrafficWorld,
} from "../gateway/replay/replay-traffic.test-support.ts";
import { createSigningKeyPem, readSigningKey } from "../ledger/signing-key.ts";
import { EMPTY_STATE, Stream } from "../ledger/stream.ts";
import { SYSTEM_CLOCK } from "../pipeline/stage.ts";
import { openEmbeddedKeyStore } from "../stores/keys/embedded-key-store.ts";

let world: TrafficWorld;
let config: string;
let token: string;

beforeAll(async () => {
  world = createTrafficWorld();
  await world.read();
  config = join(world.folder, "portcullis.yaml");
  token = world.issuer.mint();
});

afterAll(() => world.close());

const explainCurl = (command: string, ...more: readonly string[]): Promise<Finished> =>
  runCommand(["explain", "--config", config, "--curl", command, ...more]);

/** Stage, verdict and code of each line of the table. */
function table(stdout: string): string[] {
  const lines = stdout.split("\n");
  const from = lines.findIndex((line) => line.startsWith("STAGE"));
  const to = lines.indexOf("", from);
  const [stageAt, verdictAt, codeAt, knewAt] = ["STAGE", "VERDICT", "CODE", "KNEW"].map((name) =>
    (lines[from] as string).indexOf(name),
  ) as [number, number, number, number];
  return lines.slice(from + 1, to).map((line) => {
    const stage = line.slice(stageAt, verdictAt).trim().replace(/\s+/, " ");
    return `${stage}: ${line.slice(verdictAt, codeAt).trim()} ${line.slice(codeAt, knewAt).trim()}`;
  });
}

describe("portcullis explain, of a request that never happened", () => {
  test("shows every stage that it would pass, and what would be sent where", async () => {
    const { code, stdout, stderr } = await explainCurl(
      `curl http://g/churn/v1/predict -H 'Authorization: Bearer ${token}' --json '{"tenure":3}'`,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.split("\n")[0]).toBe("POST /churn/v1/predict on public: churn.v1.predict");
    expect(table(stdout)).toEqual([
      "listener: passed -",
      "router: passed -",
      "kill-switch: passed -",
      "headers: passed -",
      "sources: passed -",
      "identity: passed -",
      "authorization: passed -",
      "limits: passed -",
      "contract: passed -",
      "extraction: passed -",
      "masking: not here -",
      "contract body: passed -",
      "extraction body: passed -",
      "upstream: not asked -",
    ]);
    expect(stdout).toContain("jwt: caller core-banking, subject core-banking, tenant retail");
    expect(stdout).toContain('grant "core-v1"');
    expect(stdout).toContain("churn v1 is deprecated");
    expect(stdout).toContain("would be sent to model; its answer would get these fields:");
    expect(stdout).toMatch(/\nlink: <\/churn\/v2\/predict>; rel="successor-version"\n/);
  });

  test("shows who would refuse it, why, what is never asked, and what the caller would read", async () => {
    const weak = world.issuer.mint({ scope: "" });
    const { code, stdout } = await explainCurl(
      `curl http://g/churn/v2/predict -H 'Authorization: Bearer ${weak}' --json '{}'`,
    );
    expect(code).toBe(0);
    expect(table(stdout).slice(5, 9)).toEqual([
      "identity: passed -",
      "authorization: refused authorization.no_grant",
      "limits: not asked -",
      "contract: not asked -",
    ]);
    // The operator may know which grant came nearest; the caller never reads it.
    expect(stdout).toContain('nearest grant "core-v1": version is v2, not v1');
    const read = stdout.slice(stdout.indexOf("the caller would read:"));
    expect(read).toMatch(/^HTTP\/1\.1 403$/m);
    expect(read).toContain('"reason":"authorization.no_grant"');
    expect(read).not.toContain("core-v1");
  });

  test.each<[string, string, string]>([
    ["a revoked version", "http://g/churn/v0/predict -d x", "kill-switch.version_revoked"],
    [
      "an origin that may not call",
      "http://g/health -H 'Origin: https://evil.example'",
      "headers.origin_refused",
    ],
    ["no credential", "http://g/churn/v1/predict -d x", "identity.credentials_missing"],
    ["nothing there", "http://g/nothing", "router.not_found"],
    ["two readings of a path", "http://g/a/../b", "listener.invalid_url"],
    ["a method that is not served", "-X DELETE http://g/health", "contract.method_not_allowed"],
  ])("names the code: %s", async (_name, command, code) => {
    const { stdout } = await explainCurl(`curl ${command}`);
    expect(table(stdout).filter((line) => line.includes(" refused "))).toEqual([
      expect.stringMatching(new RegExp(` refused ${code.replaceAll(".", "\\.")}$`)),
    ]);
  });

  test("goes by the address and the listener that are named", async () => {
    const denied = await explainCurl("http://g/health", "--from", "203.0.113.9");
    expect(table(denied.stdout)).toContain("sources: refused sources.address_denied");
    const nowhere = await explainCurl("http://g/health", "--from", "somewhere");
    expect(nowhere.stderr).toBe('"somewhere" is not an IP address\n');
    const unknown = await explainCurl("http://g/health", "--listener", "private");
    expect(unknown).toEqual({
      code: 1,
      stdout: "",
      stderr: 'there is no listener "private"; listeners: public\n',
    });
  });

  test("reads raw HTTP and JSON from a file", async () => {
    const raw = join(world.folder, "request.http");
    writeFileSync(raw, `GET /health?a=b HTTP/1.1\nHost: g\nAuthorization: Bearer ${token}\n\n`);
    const fromRaw = await runCommand(["explain", "-c", config, "--request", raw]);
    expect(fromRaw.stdout.split("\n")[0]).toBe("GET /health on public: health");
    expect(fromRaw.stdout).toContain("anonymous: the route asks nobody");
    const json = join(world.folder, "request.json");
    writeFileSync(json, JSON.stringify({ url: "/nothing", headers: { host: "g" } }));
    const fromJson = await runCommand(["explain", "-c", config, "--request", json, "--json"]);
    expect(JSON.parse(fromJson.stdout)).toMatchObject({
      happened: false,
      method: "GET",
      path: "/nothing",
      route: null,
      end: { decision: "deny", status: 404, stage: "router", code: "router.not_found" },
      answer: { status: 404 },
    });
  });

  test("shows what a shadowed stage would do", async () => {
    const { stdout } = await explainCurl("http://g/guess");
    expect(table(stdout)).toContain("identity: shadowed identity.credentials_missing");
    expect(table(stdout)).toContain("authorization: refused authorization.no_identity");
  });
});

describe("portcullis explain never prints", () => {
  const OPAQUE = "s3cr3t-0paque-v4lue";

  test.each<[string, () => readonly [secret: string, command: string]]>([
    [
      "a token",
      () => [token, `http://g/churn/v1/predict -d x -H 'Authorization: Bearer ${token}'`],
    ],
    [
      "a broken token",
      () => [OPAQUE, `http://g/churn/v1/predict -d x -H 'Authorization: Bearer ${OPAQUE}'`],
    ],
    [
      "an API key",
      () => [world.apiKeys[0] ?? "", `http://g/files -T -H 'X-Api-Key: ${world.apiKeys[0]}'`],
    ],
    [
      "a good API key",
      () => [world.apiKeys[0] ?? "", `http://g/core/a -H 'X-Api-Key: ${world.apiKeys[0]}'`],
    ],
    ["a broken API key", () => [OPAQUE, `http://g/core/a -H 'X-Api-Key: ${OPAQUE}'`]],
    ["a password", () => [OPAQUE, `http://g/core/a -u me:${OPAQUE}`]],
    ["a password in a URL", () => [OPAQUE, `http://me:${OPAQUE}@g/core/a`]],
    ["a cookie", () => [OPAQUE, `http://g/core/a -b session=${OPAQUE}`]],
    ["a token in the query", () => [OPAQUE, `'http://g/core/a?access_token=${OPAQUE}'`]],
    [
      "a token where the content type belongs",
      () => [
        token,
        `http://g/core/a -H 'Authorization: Bearer ${token}' -d x -H 'Content-Type: ${token}'`,
      ],
    ],
    [
      "the value of an option it does not know",
      () => [OPAQUE, `http://g/core/a --proxy-user me:${OPAQUE}`],
    ],
  ])("%s", async (_name, given) => {
    const [secret, command] = given();
    const asked = [[], ["--json"]].map((more) => explainCurl(`curl ${command}`, ...more));
    for (const { stdout, stderr } of await Promise.all(asked)) {
      expect(stdout + stderr).not.toBe("");
      expect(stdout + stderr).not.toContain(secret);
      expect(stdout + stderr).not.toContain(Buffer.from(`me:${secret}`).toString("base64"));
    }
  });
});

describe("portcullis explain has no side effects", () => {
  test("a single-use token still works, no upstream is called, nothing is logged, no limit is spent", async () => {
    const gateway = await startGateway({
      config: {
        identity: { issuers: { test: { singleUse: true } } },
        limits: { default: { rate: "1/1h", burst: 1 } },
      },
    });
    onTestFinished(() => gateway.close());
    const single = gateway.mintToken();
    const command = `curl ${gateway.origin}/churn/v2/predict -H 'Authorization: Bearer ${single}' --json '{}'`;
    for (const _time of [1, 2, 3]) {
      const { stdout } = await runCommand(["explain", "-c", gateway.configPath, "--curl", command]);
      expect(stdout).toContain("would be sent to model");
    }
    expect(gateway.upstream.received).toEqual([]);
    expect(gateway.logLines().filter(({ msg }) => msg === "request")).toEqual([]);
    const headers = { authorization: `Bearer ${single}`, "content-type": "application/json" };
    const answer = await gateway.call({ path: "/churn/v2/predict", headers, body: "{}" });
    expect(answer.status).toBe(200);
  });

  test("an API key stays unused, and a store that is not there is not made", async () => {
    const key = world.apiKeys[0] ?? "";
    const { stdout } = await explainCurl(`curl http://g/core/a -H 'X-Api-Key: ${key}'`);
    expect(table(stdout)).toContain("identity: passed -");
    const path = join(world.folder, "portcullis.db");
    const store = openEmbeddedKeyStore({ path, clock: SYSTEM_CLOCK, isWatching: false });
    expect(store.list().map(({ lastUsedAtMs }) => lastUsedAtMs)).toEqual([undefined, undefined]);
    store.close();

    const bare = createTrafficWorld();
    onTestFinished(() => bare.close());
    await bare.read({ store: { path: "elsewhere.db" } });
    const asked = ["explain", "-c", join(bare.folder, "portcullis.yaml"), "--curl"];
    const unknown = await runCommand([...asked, `curl http://g/core/a -H 'X-Api-Key: ${key}'`]);
    expect(table(unknown.stdout)).toContain("identity: refused identity.key_unknown");
    expect(() => rmSync(join(bare.folder, "elsewhere.db"))).toThrow(/ENOENT/);
  });
});

describe("portcullis explain, of a request that happened", () => {
  let ledger: string;
  let recorded: readonly Recorded[];

  beforeAll(async () => {
    recorded = await record(world, await world.read(), trafficOf(world, 5_000));
    ledger = mkdtempSync(join(tmpdir(), "portcullis-explain-"));
    const stream = new Stream(EMPTY_STATE(), {
      key: readSigningKey(createSigningKeyPem(), "test.example/explain"),
      sign: "checkpoint",
      nowUs: () => Date.now() * 1_000,
    });
    const members = recorded.map((one) => one.members);
    const outcome = `"kind":"outcome","of":"r-1-7","decision":"allow","status":499,"stage":"listener","code":"listener.caller_gone"`;
    writeFileSync(
      join(ledger, "00000000.ndjson"),
      Buffer.concat([...members, outcome].map((one) => stream.seal(one))),
    );
  });

  afterAll(() => rmSync(ledger, { recursive: true, force: true }));

  interface Line {
    readonly request_id: string;
    readonly stage: string;
    readonly code: string;
    readonly path: string;
  }
  const lineWhere = (isWanted: (line: Line) => boolean): Line => {
    const line = recorded.map((one) => JSON.parse(`{${one.members}}`) as Line).find(isWanted);
    if (!line) throw new Error("no such request in the traffic");
    return line;
  };
  const explained = (id: string, ...more: readonly string[]): Promise<Finished> =>
    runCommand(["explain", id, "--ledger", ledger, ...more]);

  test("shows which stages passed, which decided, and which were never asked", async () => {
    const { request_id: id } = lineWhere(({ code }) => code === "authorization.no_grant");
    const { code, stdout, stderr } = await explained(id);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.split("\n")[0]).toMatch(new RegExp(`^request ${id}, line \\d+, \\d{4}-`));
    expect(table(stdout)).toEqual([
      "kill-switch: passed -",
      "headers: passed -",
      "sources: passed -",
      "identity: passed -",
      "authorization: refused authorization.no_grant",
      "limits: not asked -",
      "contract: not asked -",
      "masking: not asked -",
    ]);
    expect(stdout).toMatch(/jwt: caller \S+, subject/);
    expect(stdout).toContain("No grant allows this caller to do this.");
  });

  test.each([
    [
      "upstream",
      ({ stage, code }: Line) => stage === "upstream" && code === "ok",
      "upstream: answered ok",
    ],
    ["router", ({ stage }: Line) => stage === "router", "router: refused router.not_found"],
    ["limits", ({ stage }: Line) => stage === "limits", "limits: refused limits.bucket_empty"],
    ["headers", ({ code }: Line) => code === "answered", "headers: answered answered"],
    [
      "contract",
      ({ code }: Line) => code === "contract.json_malformed",
      "contract: refused contract.json_malformed",
    ],
  ])("ends where it ended: %s", async (_name, isWanted, row) => {
    const { stdout } = await explained(lineWhere(isWanted).request_id);
    expect(table(stdout)).toContain(row);
  });

  test("tells what came of it later, and prints JSON", async () => {
    const { stdout } = await explained("r-1-7");
    expect(stdout).toMatch(/\nthen, at \S+: 499 at listener \(listener\.caller_gone\)\n$/);
    const json = JSON.parse((await explained("r-1-7", "--json")).stdout) as Record<string, unknown>;
    expect(json).toMatchObject({
      happened: true,
      requestId: "r-1-7",
      outcomes: [{ of: "r-1-7", status: 499 }],
    });
    expect(json["stages"]).toHaveLength(table(stdout).length);
  });

  test.each<[string, string[], RegExp]>([
    ["an id that is not on record", ["r-2-7"], /no request r-2-7 is on record/],
    ["no id at all", [], /give a request id, --request or --curl/],
    ["two requests", ["r-1-7", "--curl", "curl http://g/"], /one of them/],
  ])("refuses %s", async (_name, args, message) => {
    const { code, stdout, stderr } = await runCommand(["explain", ...args, "--ledger", ledger]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(message);
  });

  test("asks for the ledger", async () => {
    const { code, stderr } = await runCommand(["explain", "r-1-7"]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "name the ledger that holds the request: --ledger DIRECTORY\n",
    });
  });
});
