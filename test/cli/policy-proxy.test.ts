/** The policy proxy's variables: what they make, what is said of those that are wrong, and that the documents tell of each. */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseEnv } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { makeOwnKey } from "../../src/cli/policy-proxy/key.ts";
import { printVariables, problemsOf } from "../../src/cli/policy-proxy/source.ts";
import { POLICY_VARIABLES } from "../../src/cli/policy-proxy/variables.ts";
import type { rootSchema } from "../../src/gateway/schema.ts";
import { readCases } from "../../src/packs/cases/read-cases.ts";
import { runCases } from "../../src/packs/cases/run-cases.ts";
import { lintPack } from "../../src/packs/prove/lint.ts";
import { readPack } from "../../src/packs/read/read-pack.ts";
import { createPackKey, readPrivateKey } from "../../src/packs/sign/keys.ts";
import { signPackJson } from "../../src/packs/sign/pack-json.ts";
import { createDevelopmentCa } from "../support/certificates.ts";
import { runCommand } from "./command.ts";
import { configurationFolder, type ConfigurationFolder } from "./configuration-folder.ts";

type Variables = Readonly<Record<string, string>>;
type Config = NonNullable<(typeof rootSchema)["_zod"]["input"]>;

const ROOT = resolve(import.meta.dirname, "../..");
const textOf = (path: string): string => readFileSync(join(ROOT, path), "utf8");

const byText = (one: string, other: string): number => one.localeCompare(other, "en");

const PUBLIC_KEY = Buffer.from(createPackKey().publicPem).toString("base64");
const ANY_FILE = import.meta.filename;
const THUMBPRINT = "A".repeat(43);
let certificates: Variables;
beforeAll(async () => {
  const ca = await createDevelopmentCa();
  const { certificatePem, keyPem } = await ca.issue({ commonName: "proxy", usage: "server" });
  certificates = { "p.crt": certificatePem, "p.key": keyPem, "edge-ca.crt": ca.certificatePem };
});

const folderOf = (): ConfigurationFolder =>
  configurationFolder({ "policy.yaml": "x", "pack.json": "x", ...certificates });

const least = (folder: ConfigurationFolder): Variables => ({
  UPSTREAM_CORE: "http://127.0.0.1:9458",
  POLICY_PUBKEY_PEM_B64: PUBLIC_KEY,
  POLICY_YAML: folder.at("policy.yaml"),
  POLICY_PACK: folder.at("pack.json"),
  LEDGER_PATH: folder.at("ledger"),
});
const edge = (folder: ConfigurationFolder): Variables => ({
  TLS_CERT_PATH: folder.at("p.crt"),
  TLS_KEY_PATH: folder.at("p.key"),
  EDGE_CA_PATH: folder.at("edge-ca.crt"),
  EDGE_PEERS: `DNS:edge.internal, ${THUMBPRINT}`,
});

/** The configuration that the variables make. */
async function printed(env: Variables): Promise<Config> {
  expect((await problemsOf(env)).map(({ message }) => message)).toEqual([]);
  return parse(await printVariables(env)) as Config;
}

/** Each thing that is said of the variables, as "VARIABLE: message". */
async function complaints(env: Variables): Promise<string[]> {
  return (await problemsOf(env)).map(
    ({ where, message }) => `${where.replace("environment variable ", "")}: ${message}`,
  );
}

const print = (env: Variables) => runCommand(["policy-proxy", "--print-config"], { env });

describe("what the variables make", () => {
  test("the least of them: closed, on loopback, on record, and nothing is made on disk by looking", async () => {
    const folder = folderOf();
    const config = await printed(least(folder));
    expect(config).toMatchObject({
      environment: "production",
      listeners: [{ bind: "127.0.0.1:9456" }],
      operator: { bind: "127.0.0.1:9457" },
      upstreams: { core: { targets: ["http://127.0.0.1:9458"] } },
      constitution: {
        form: "pack_json",
        signature: `file:${folder.at("pack.json")}`,
        rules: `file:${folder.at("policy.yaml")}`,
        keys: ["env:POLICY_PUBKEY_PEM_B64"],
        state: folder.at("ledger/constitution-state.json"),
        breakGlass: { state: folder.at("ledger/breakglass-state.json") },
      },
      ledger: {
        directory: folder.at("ledger"),
        signingKey: `file:${folder.at("ledger/signing.key")}`,
      },
    });
    const paths = config.routes?.map(({ path }) => path);
    expect(paths).toEqual(["/core/**", "/admin/**", "/files/**"]);
    expect(config.constitution?.edge).toBeUndefined();
    expect(config.listeners[0]?.tls).toBeUndefined();
    expect(existsSync(folder.at("ledger"))).toBe(false);
  });

  test("an edge, known by its certificates alone and believed in what the shipped Caddyfile sets", async () => {
    const folder = folderOf();
    const config = await printed({ ...least(folder), ...edge(folder) });
    expect(config.listeners[0]?.tls).toEqual({
      certificate: `file:${folder.at("p.crt")}`,
      key: `file:${folder.at("p.key")}`,
      minVersion: "TLSv1.3",
      callers: { mode: "request", ca: `file:${folder.at("edge-ca.crt")}` },
    });
    expect(config.constitution?.edge).toEqual({
      peers: [{ san: "DNS:edge.internal" }, { thumbprint: THUMBPRINT }],
      facts: ["tls", "mtls", "user", "groups"],
    });
    expect(config.trustedProxies).toBeUndefined();
  });

  test.each<{ name: string; env: Variables; makes: object }>([
    {
      name: "the rest of what an edge may be believed in",
      env: { EDGE_FACTS: "tls,panic", EDGE_PEERS: THUMBPRINT },
      makes: { constitution: { edge: { facts: ["tls"], panic: true } } },
    },
    {
      name: "how the edge's users prove who they are",
      env: { EDGE_AUTH_METHOD: "access-passkey", EDGE_RP_ID: "app.example.com" },
      makes: { constitution: { edge: { authMethod: "access-passkey", rpId: "app.example.com" } } },
    },
    {
      name: "break-glass",
      env: { PANIC_TTL_MAX_SEC: "60", PANIC_APPROVERS: ANY_FILE },
      makes: { constitution: { breakGlass: { maxTtl: "60s", approvers: [`file:${ANY_FILE}`] } } },
    },
    {
      name: "acknowledged findings",
      env: { POLICY_ACKNOWLEDGE: "open_allow:allow_x, idle_bit:y" },
      makes: { constitution: { acknowledge: ["open_allow:allow_x", "idle_bit:y"] } },
    },
    {
      name: "addresses",
      env: { BIND_ADDR: "127.0.0.1:1", OPERATOR_ADDR: "[::1]:2", TRUSTED_PROXIES: "10.0.0.0/8" },
      makes: {
        listeners: [{ bind: "127.0.0.1:1" }],
        operator: { bind: "[::1]:2" },
        trustedProxies: ["10.0.0.0/8"],
      },
    },
    {
      name: "limits, log and environment",
      env: { RATE_LIMIT_REQUESTS_PER_MINUTE: "6", LOG_LEVEL: "WARN", ENVIRONMENT: "staging" },
      makes: {
        limits: { default: { rate: "6/m", burst: 6 } },
        telemetry: { log: { level: "warn" } },
        environment: "staging",
      },
    },
    {
      name: "webhooks that the edge verifies",
      env: { UPSTREAM_WEBHOOKS: "http://127.0.0.1:3" },
      makes: { upstreams: { webhooks: { targets: ["http://127.0.0.1:3"] } } },
    },
    {
      name: "a ledger key of one's own",
      env: { LEDGER_SIGNING_KEY: ANY_FILE, ENVIRONMENT: "staging" },
      makes: { ledger: { signingKey: `file:${ANY_FILE}` } },
    },
  ])("$name", async ({ env, makes }) => {
    const folder = folderOf();
    expect(await printed({ ...least(folder), ...edge(folder), ...env })).toMatchObject(makes);
  });

  test("partners: a path and a secret each, and no path for all of them", async () => {
    const secrets = {
      WEBHOOK_SECRET_ACME: "x".repeat(32),
      WEBHOOK_SECRET_BIG_HOUSE: "y".repeat(32),
    };
    const env = {
      ...least(folderOf()),
      ...secrets,
      UPSTREAM_WEBHOOKS: "http://127.0.0.1:3",
      WEBHOOK_PARTNERS: "acme,big-house",
    };
    const config = await printed(env);
    expect(config.routes?.slice(3)).toMatchObject([
      { path: "/webhooks/acme/**", webhook: "acme", upstream: "webhooks", methods: ["POST"] },
      { path: "/webhooks/big-house/**", webhook: "big-house" },
    ]);
    expect(config.constitution?.webhooks?.partners?.["big-house"]).toEqual({
      scheme: "id.timestamp.body",
      secrets: ["env:WEBHOOK_SECRET_BIG_HOUSE"],
    });
    const text = await printVariables(env);
    for (const secret of Object.values(secrets)) expect(text).not.toContain(secret);
  });

  test("Cloudflare Access: assertions are verified, and needed everywhere but for webhooks", async () => {
    const folder = folderOf();
    const config = await printed({
      ...least(folder),
      UPSTREAM_WEBHOOKS: "http://127.0.0.1:3",
      CF_ACCESS_TEAM_DOMAIN: "example.cloudflareaccess.com",
      CF_ACCESS_AUD: "tag",
      EDGE_RP_ID: "app.example.com",
    });
    expect(config.identity?.issuers?.["cf-access"]).toMatchObject({
      issuer: "https://example.cloudflareaccess.com",
      jwksUrl: "https://example.cloudflareaccess.com/cdn-cgi/access/certs",
      audience: ["tag"],
      header: "cf-access-jwt-assertion",
      headerFrom: "anyone",
      rpId: "app.example.com",
    });
    const identities = config.routes?.map(({ identity }) => identity);
    expect(identities).toEqual(["required", "required", "required", "none"]);
    expect(config.authorization?.grants).toMatchObject([{ route: ["core", "admin", "files"] }]);
  });

  test("what is printed is a file that the gateway takes", async () => {
    const folder = folderOf();
    const env = { ...least(folder), ...edge(folder), WEBHOOK_SECRET_ACME: "x".repeat(32) };
    const shown = await print({
      ...env,
      UPSTREAM_WEBHOOKS: "http://127.0.0.1:3",
      WEBHOOK_PARTNERS: "acme",
      LEDGER_SIGNING_KEY: folder.at("p.key"),
    });
    expect(shown.code).toBe(0);
    folder.write("portcullis.yaml", shown.stdout);
    const { code, stdout: routes } = await runCommand(
      ["config", "routes", "--config", folder.configPath],
      { env: { ...env, ENVIRONMENT: "production" } },
    );
    expect(code).toBe(0);
    expect(routes).toContain("/webhooks/acme/**");
  });
});

describe("what is said of variables that will not do", () => {
  test("all that are missing, each with what it is for and an example", async () => {
    const { stderr } = await runCommand(["policy-proxy"]);
    const needed = POLICY_VARIABLES.filter(({ otherwise }) => otherwise === undefined);
    expect(needed).toHaveLength(5);
    for (const { name, description, example } of needed)
      expect(stderr).toContain(
        `environment variable ${name}: error: not set\n  hint: ${description} For example ${name}=${example}`,
      );
    expect(stderr).toMatch(/\n5 errors\n$/);
  });

  test("missing, empty, malformed and mistaken ones at once; nothing is started or made", async () => {
    const folder = folderOf();
    const { POLICY_YAML: _, ...others } = least(folder);
    const said = await complaints({
      ...others,
      UPSTREAM_CORE: "http://127.0.0.1:9458/path",
      POLICY_PUBKEY_PEM_B64: Buffer.from("no key").toString("base64"),
      BIND_ADDR: "9456",
      OPERATOR_ADDR: "",
      PANIC_TTL_MAX_SEC: "901",
      POLICY_PACK: "/nowhere/pack.json",
      EDGE_PEERS: "edge",
      WEBHOOK_PARTNERS: "acme",
    });
    expect(new Set(said.map((one) => one.split(":")[0]))).toEqual(
      new Set([
        "BIND_ADDR",
        "EDGE_PEERS",
        "OPERATOR_ADDR",
        "PANIC_TTL_MAX_SEC",
        "POLICY_PACK",
        "POLICY_PUBKEY_PEM_B64",
        "POLICY_YAML",
        "UPSTREAM_CORE",
        "WEBHOOK_PARTNERS",
      ]),
    );
    expect(existsSync(folder.at("ledger"))).toBe(false);
  });

  test.each<{ name: string; env: Variables; says: string }>([
    {
      name: "a file that is not there",
      env: { POLICY_PACK: "/nowhere/pack.json" },
      says: "POLICY_PACK: /nowhere/pack.json does not exist",
    },
    {
      name: "a certificate without its key",
      env: { TLS_CERT_PATH: "p.crt" },
      says: "TLS_KEY_PATH must be set too",
    },
    {
      name: "an edge without TLS",
      env: { EDGE_PEERS: THUMBPRINT, EDGE_CA_PATH: "edge-ca.crt" },
      says: "TLS_CERT_PATH and TLS_KEY_PATH must be set too",
    },
    {
      name: "an authority of edges, but no edge",
      env: { EDGE_CA_PATH: "edge-ca.crt", TLS_CERT_PATH: "p.crt", TLS_KEY_PATH: "p.key" },
      says: "EDGE_CA_PATH: EDGE_PEERS must be set too",
    },
    {
      name: "facts of nobody",
      env: { EDGE_FACTS: "tls" },
      says: "EDGE_FACTS: EDGE_PEERS must be set too",
    },
    {
      name: "half of Cloudflare Access",
      env: { CF_ACCESS_AUD: "x" },
      says: "CF_ACCESS_AUD: CF_ACCESS_TEAM_DOMAIN must be set too",
    },
    {
      name: "plain HTTP off loopback",
      env: { BIND_ADDR: "0.0.0.0:9456" },
      says: "BIND_ADDR: plain HTTP is served on loopback only",
    },
    {
      name: "an operator's listener that all the network reaches",
      env: { OPERATOR_ADDR: "0.0.0.0:9457" },
      says: "OPERATOR_ADDR: the operator's listener serves plain HTTP off loopback",
    },
    {
      name: "a partner without a secret",
      env: { UPSTREAM_WEBHOOKS: "http://127.0.0.1:3", WEBHOOK_PARTNERS: "acme" },
      says: "WEBHOOK_PARTNERS: environment variable WEBHOOK_SECRET_ACME is not set",
    },
  ])("$name", async ({ env, says }) => {
    expect((await complaints({ ...least(folderOf()), ...env })).join("\n")).toContain(says);
  });

  test("a private key in place of the public one is refused without being shown", async () => {
    const key = Buffer.from(createPackKey().privatePem).toString("base64");
    const env = { ...least(folderOf()), POLICY_PUBKEY_PEM_B64: key };
    const { code, stderr } = await runCommand(["policy-proxy"], { env });
    expect(code).toBe(1);
    expect(stderr).toMatch(/POLICY_PUBKEY_PEM_B64: error: .*private key/);
    expect(stderr).not.toContain(key.slice(0, 40));
  });
});

describe("starting", () => {
  test("is refused, with what to do, on a pack that somebody else has signed", async () => {
    const folder = folderOf();
    const key = readPrivateKey(createPackKey().privatePem);
    const rules = textOf("deploy/constitution/example.yaml");
    const bytes = Buffer.from(rules);
    folder.write("policy.yaml", rules);
    folder.write(
      "pack.json",
      signPackJson({ bytes, id: "gate", version: "1", key, createdAtMs: 0 }),
    );
    const env = { ...least(folder), BIND_ADDR: "127.0.0.1:0", OPERATOR_ADDR: "127.0.0.1:0" };
    const { code, stdout, stderr } = await runCommand(["policy-proxy"], { env });
    expect(code).toBe(1);
    expect(stdout).not.toContain("listening");
    expect(stderr).toContain("made the key that signs the ledger");
    expect(stderr).toContain("no edge is known");
    expect(stderr).toMatch(/signature/);
    expect(stderr).not.toContain("    at ");
  });
});

describe("the ledger's own key", () => {
  test("is made once, for its owner alone", () => {
    const folder = folderOf();
    const path = folder.at("ledger/signing.key");
    expect(makeOwnKey(folder.at("ledger"))).toMatch(/^\S+\+[0-9a-f]{8}\+/);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(folder.at("ledger")).mode & 0o777).toBe(0o700);
    const pem = readFileSync(path, "utf8");
    expect(makeOwnKey(folder.at("ledger"))).toBeUndefined();
    expect(readFileSync(path, "utf8")).toBe(pem);
  });

  test("is never made anew for a ledger that has lost it", () => {
    const folder = folderOf();
    makeOwnKey(folder.at("ledger"));
    writeFileSync(folder.at("ledger/00000000.ndjson"), "");
    rmSync(folder.at("ledger/signing.key"));
    expect(() => makeOwnKey(folder.at("ledger"))).toThrow(
      /its signing key .* is gone.*LEDGER_SIGNING_KEY/,
    );
    expect(existsSync(folder.at("ledger/signing.key"))).toBe(false);
  });
});

describe("the example constitution", () => {
  const pack = readPack(Buffer.from(textOf("deploy/constitution/example.yaml")));

  test("has nothing in it that its author may not have meant", () => {
    expect(lintPack(pack)).toEqual([]);
  });

  test("says what its cases expect, and they ask for every output", () => {
    const path = "deploy/constitution/example.cases.yaml";
    const results = runCases(pack, readCases(path, textOf(path)), path);
    const wrong = results.filter(({ differences }) => differences.length > 0);
    expect(wrong.map(({ case: { name }, differences }) => ({ name, differences }))).toEqual([]);
    const fired = new Set(results.map(({ decision }) => decision.output));
    expect([...fired].toSorted(byText)).toEqual(pack.outputs.map(({ id }) => id).toSorted(byText));
  });
});

describe("the documents", () => {
  test("docs/policy-proxy.md has a row for every variable, and each says what the code says", () => {
    const rows = textOf("docs/policy-proxy.md")
      .split("\n")
      .filter((line) => /^\| `[A-Z_0-9]+` /.test(line))
      .map((line) => line.split(/\s*\|\s*/).slice(1, -1));
    expect(rows).toEqual(
      POLICY_VARIABLES.map(({ name, description, otherwise = "**must be set**", example }) => [
        `\`${name}\``,
        description,
        otherwise,
        `\`${example}\``,
      ]),
    );
  });

  test("the example of the service's settings is whole and made of variables that there are", () => {
    const text = textOf("deploy/systemd/policy-proxy.env.example");
    const known = new Set(POLICY_VARIABLES.map(({ name }) => name));
    const named = Object.keys(parseEnv(text.replaceAll(/^# ([A-Z_]+=)/gm, "$1")));
    expect(named.filter((name) => !known.has(name) && !name.startsWith("WEBHOOK_SECRET_"))).toEqual(
      [],
    );
    const set = parseEnv(text);
    for (const { name, otherwise } of POLICY_VARIABLES)
      if (otherwise === undefined) expect(set).toHaveProperty(name);
  });

  test("the service's settings name what the unit may write to", () => {
    const unit = textOf("deploy/systemd/portcullis-policy-proxy.service");
    expect(unit).toContain("StateDirectory=portcullis\n");
    const { LEDGER_PATH, POLICY_PACK, POLICY_YAML } = parseEnv(
      textOf("deploy/systemd/policy-proxy.env.example"),
    );
    for (const path of [LEDGER_PATH, POLICY_PACK, POLICY_YAML])
      expect(path).toMatch(/^\/var\/lib\/portcullis\//);
  });

  const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;
  if (!hasSystemd)
    console.warn("SKIPPED: systemd-analyze is not installed; the unit is not verified");
  test.skipIf(!hasSystemd)("systemd takes the unit, and finds little that it leaves open", () => {
    const folder = configurationFolder({});
    // The program is not installed where the tests run.
    const unit = textOf("deploy/systemd/portcullis-policy-proxy.service");
    folder.write(
      "portcullis-policy-proxy.service",
      unit.replace("/usr/bin/portcullis", "/bin/true"),
    );
    chmodSync(folder.at("portcullis-policy-proxy.service"), 0o644);
    const file = folder.at("portcullis-policy-proxy.service");
    const verified = spawnSync("systemd-analyze", ["verify", file], { encoding: "utf8" });
    expect({ status: verified.status, said: verified.stderr }).toEqual({ status: 0, said: "" });
    const exposure = spawnSync("systemd-analyze", ["security", "--offline=true", file], {
      encoding: "utf8",
      env: { ...process.env, LC_ALL: "C.UTF-8" },
    }).stdout;
    expect(Number(/Overall exposure level[^:]*: (\d+\.\d)/.exec(exposure)?.[1])).toBeLessThan(1.5);
  });
});
