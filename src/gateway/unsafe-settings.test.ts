import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import {
  configurationFolder,
  readMistakes,
  readSound,
  type ConfigurationFolder,
} from "../../test/cli/configuration-folder.ts";
import { createDevelopmentCa } from "../../test/support/certificates.ts";

const { certificatePem, keyPem } = await (
  await createDevelopmentCa()
).issue({ commonName: "gateway", usage: "server" });
const TLS = { certificate: "file:server.crt", key: "file:server.key" };

/** A configuration that production takes. */
const SAFE = {
  version: 1,
  listeners: [{ bind: "0.0.0.0:0", tls: TLS }],
  operator: { bind: "127.0.0.1:0" },
  identity: { apiKeys: {} },
  upstreams: { model: { targets: ["http://127.0.0.1:9000"] } },
  models: { churn: { versions: { v1: { upstream: "model" } } } },
  routes: [{ path: "/core/**", upstream: "model" }],
};

const issuerOf = (changes: object) => ({
  identity: {
    issuers: {
      bank: {
        issuer: "https://idp.example.bank",
        audience: ["a"],
        algorithms: ["ES256"],
        ...changes,
      },
    },
  },
});
const shared = (bytes: number) => ({
  ...issuerOf({ algorithms: ["HS256"], secret: "file:shared.secret" }),
  "shared.secret": "0123456789abcdefghijklmnopqrstuvwxyz".slice(0, bytes),
});
const onRoute = (stages: object) => ({ routes: [{ path: "/core/**", upstream: "model", stages }] });
const onModel = (stages: object) => ({
  models: { churn: { versions: { v1: { upstream: "model", stages } } } },
});

/** Nobody is asked who they are: the pack decides. */
const leftToPack = (changes: object = {}) => ({
  identity: {},
  models: {},
  routes: [{ path: "/core/**", upstream: "model", identity: "none" }],
  constitution: {
    signature: "file:server.crt",
    rules: "file:server.crt",
    form: "pack_json",
    keys: ["file:server.crt"],
  },
  ...changes,
});

interface Change {
  readonly "shared.secret"?: string;
  readonly keyMode?: number;
  readonly [section: string]: unknown;
}

function folderOf(
  environment: string,
  { keyMode = 0o600, ...change }: Change,
): ConfigurationFolder {
  const { "shared.secret": secret = "", ...sections } = change;
  const folder = configurationFolder({
    "portcullis.yaml": stringify(
      { ...SAFE, environment, ...sections },
      { aliasDuplicateObjects: false },
    ),
    "server.crt": certificatePem,
    "shared.secret": secret,
  });
  folder.write("server.key", keyPem, keyMode);
  return folder;
}

const UNSAFE: readonly (readonly [name: string, change: Change, at: string, message: RegExp])[] = [
  ["nobody can prove who they are", { identity: {} }, "identity", /nobody can prove/],
  [
    "nobody can prove who they are, and a route asks",
    leftToPack({ routes: [{ path: "/core/**", upstream: "model" }] }),
    "identity",
    /nobody can prove/,
  ],
  [
    "nobody is asked who they are, and the constitution only looks on",
    leftToPack({ stages: { constitution: { mode: "shadow" } } }),
    "identity",
    /nobody can prove/,
  ],
  [
    "nobody is asked who they are, and a broken constitution lets pass",
    leftToPack({
      routes: [
        {
          path: "/core/**",
          upstream: "model",
          identity: "none",
          stages: { constitution: { whenBroken: "continue" } },
        },
      ],
    }),
    "identity",
    /nobody can prove/,
  ],
  [
    "nobody is asked who they are, and no constitution decides",
    leftToPack({ constitution: undefined }),
    "identity",
    /nobody can prove/,
  ],
  [
    "a firewall that reads a sample",
    { waf: { sampling: 0.5 } },
    "waf.sampling",
    /outside of the sample pass unread/,
  ],
  [
    "a firewall that lets dear requests pass, on one route",
    { waf: {}, routes: [{ path: "/core/**", upstream: "model", waf: { onBudget: "mark" } }] },
    "routes[0].waf.onBudget",
    /dear enough/,
  ],
  [
    "plain HTTP off loopback",
    { listeners: [{ bind: "0.0.0.0:0", allowPlainHttp: true }] },
    "listeners[0]",
    /plain HTTP off loopback/,
  ],
  [
    "a plain operator listener off loopback",
    { operator: { bind: "0.0.0.0:0" } },
    "operator.bind",
    /plain HTTP off loopback/,
  ],
  [
    "a Redis without TLS off loopback",
    { store: { kind: "redis", url: "redis://10.0.0.5:6379" } },
    "store",
    /Redis without TLS/,
  ],
  [
    "Sentinels without TLS, one of them off loopback",
    { store: { kind: "redis", sentinel: { name: "a", servers: ["127.0.0.1", "10.0.0.5"] } } },
    "store",
    /Redis without TLS/,
  ],
  [
    "a Cluster without TLS, found by name",
    { store: { kind: "redis", cluster: { servers: ["redis.example.bank"] } } },
    "store",
    /Redis without TLS/,
  ],
  [
    "a Redis without TLS that Sentinels of this machine name, wherever it is",
    { store: { kind: "redis", sentinel: { name: "a", servers: ["127.0.0.1"] } } },
    "store",
    /Redis without TLS/,
  ],
  ["a shared secret of 248 bits", shared(31), "identity.issuers.bank.secret", /248 bits/],
  [
    "a private key that everybody may read",
    { keyMode: 0o644 },
    "listeners[0].tls.key",
    /every account of this machine/,
  ],
  [
    "identity in shadow",
    { stages: { identity: { mode: "shadow" } } },
    "stages.identity.mode",
    /lets everyone through/,
  ],
  [
    "authorization in shadow",
    { stages: { authorization: { mode: "shadow" } } },
    "stages.authorization.mode",
    /lets everyone through/,
  ],
  [
    "a broken identity that lets pass",
    { stages: { identity: { whenBroken: "continue" } } },
    "stages.identity.whenBroken",
    /would let everyone through/,
  ],
  [
    "a broken authorization that lets pass",
    { stages: { authorization: { whenBroken: "continue" } } },
    "stages.authorization.whenBroken",
    /would let everyone through/,
  ],
  [
    "identity in shadow on one route",
    onRoute({ identity: { mode: "shadow" } }),
    "routes[0].stages.identity.mode",
    /lets everyone through/,
  ],
  [
    "authorization that lets pass on one version",
    onModel({ authorization: { whenBroken: "continue" } }),
    "models.churn.versions.v1.stages.authorization.whenBroken",
    /would let everyone/,
  ],
  [
    "keys of an issuer over plain HTTP",
    issuerOf({ jwksUrl: "http://idp.example.bank/jwks" }),
    "identity.issuers.bank",
    /plain HTTP/,
  ],
  [
    "an issuer that may be asked without TLS",
    issuerOf({ allowInsecure: true }),
    "identity.issuers.bank.allowInsecure",
    /plain HTTP/,
  ],
];

describe("in production", () => {
  test("a safe configuration starts, in silence", async () => {
    expect((await readSound(folderOf("production", {}))).warnings).toEqual([]);
  });

  test.each(UNSAFE)("%s is an error with its place", async (_name, change, at, message) => {
    const mistakes = await readMistakes(folderOf("production", change));
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toMatch(message);
    expect(mistakes[0]).toMatch(/^portcullis\.yaml:\d+:\d+ /);
    expect(mistakes[0]).toContain(` ${at}: `);
  });

  test("all of them are told at once", async () => {
    const mistakes = await readMistakes(
      folderOf("production", {
        identity: {},
        operator: { bind: "0.0.0.0:0" },
        keyMode: 0o644,
        stages: { identity: { mode: "shadow" }, authorization: { mode: "shadow" } },
      }),
    );
    expect(mistakes).toHaveLength(5);
  });

  test("the place is where it stands: also a variable", async () => {
    const env = {
      JWT_ISSUER: "https://idp.example.bank",
      JWT_AUDIENCE: "a",
      JWT_SECRET_KEY: "0123456789abcdef",
    };
    const mistakes = await readMistakes(folderOf("production", {}), { env });
    expect(mistakes).toEqual([
      expect.stringMatching(
        /^environment variable JWT_SECRET_KEY identity\.issuers\.environment\.secret: .*128 bits/,
      ),
    ]);
  });

  test.each(["development", "staging", "production"])(
    "and in %s an unknown key is one",
    async (environment) => {
      const mistakes = await readMistakes(folderOf(environment, { waff: {} }));
      expect(mistakes).toEqual([expect.stringMatching(/^portcullis\.yaml:\d+:1 .*waff/)]);
    },
  );

  test("nobody need say who they are where the constitution decides about every route", async () => {
    await readSound(folderOf("production", { ...leftToPack(), keyMode: 0o600 }));
  });

  test.each([
    { url: "rediss://10.0.0.5:6379" },
    { url: "redis://127.0.0.1:6379" },
    { url: "redis://[::1]:6379" },
    { url: "redis://localhost" },
    { cluster: { servers: ["10.0.0.5:6379"] }, tls: {} },
  ])("a Redis with TLS, or on this machine, is fine: %j", async (redis) => {
    await readSound(folderOf("production", { store: { kind: "redis", ...redis } }));
  });

  test("a shared secret of 256 bits is long enough", async () => {
    await readSound(folderOf("production", shared(32)));
  });

  test("a firewall that only watches may leave out what it likes", async () => {
    const waf = { mode: "detect", sampling: 0.5, onBudget: "mark" };
    await readSound(folderOf("production", { waf }));
  });

  test.each(["sources", "limits", "waf", "contract"])(
    "%s may be tried in shadow",
    async (stage) => {
      await readSound(folderOf("production", { stages: { [stage]: { mode: "shadow" } } }));
    },
  );
});

describe("in development", () => {
  test.each(UNSAFE)("%s is allowed", async (_name, change) => {
    await readSound(folderOf("development", change));
  });

  test("a private key that everybody may read is a warning", async () => {
    const { warnings } = await readSound(folderOf("development", { keyMode: 0o644 }));
    expect(warnings.map(({ path, severity }) => `${severity} ${path}`)).toEqual([
      "warning listeners[0].tls.key",
    ]);
  });
});
