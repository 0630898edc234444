import { describe, expect, test } from "vitest";
import {
  configurationFolder,
  readMistakes,
  readSound,
} from "../../test/cli/configuration-folder.ts";
import { printOrigin } from "../config/diagnostic.ts";
import { createDevelopmentCa } from "../../test/support/certificates.ts";
import { ENVIRONMENT_TABLE } from "./environment-table.ts";
import type { RootConfig } from "./schema.ts";

const BASE = {
  version: 1,
  listeners: [{ bind: "127.0.0.1:0" }],
  upstreams: { model: { targets: ["http://127.0.0.1:9000"] } },
};
const { certificatePem, keyPem } = await (
  await createDevelopmentCa()
).issue({ commonName: "gateway", usage: "server" });
const FILES = { "portcullis.yaml": BASE, "server.crt": certificatePem, "server.key": keyPem };

const SHARED = "a shared secret of more than thirty-two bytes";
const ISSUER = { JWT_ISSUER: "https://idp.example.bank", JWT_AUDIENCE: "inference" };
const TLS = { TLS_CERT_PATH: "server.crt", TLS_KEY_PATH: "server.key" };

interface Row {
  readonly name: string;
  readonly value: string;
  /** Other variables that belong to it. */
  readonly beside?: Readonly<Record<string, string>>;
  readonly path: readonly (string | number)[];
  readonly effect: (root: RootConfig) => unknown;
  readonly expected: unknown;
  /** A value of which nothing can be made; the complaint must not repeat it. */
  readonly bad?: string;
  /** Without this variable beside it, it is refused. */
  readonly needs?: string;
}

const REDIS = { REDIS_HOST: "redis.example.bank" };
const redisOf = ({ store }: RootConfig) => (store.kind === "redis" ? store : undefined);
const issuer = ({ identity }: RootConfig) => identity.issuers["environment"];
const issuerPath = (field: string) => ["identity", "issuers", "environment", field];

const ROWS: readonly Row[] = [
  {
    name: "ENVIRONMENT",
    value: "staging",
    path: ["environment"],
    effect: (root) => root.environment,
    expected: "staging",
    bad: "prod",
  },
  {
    name: "LOG_LEVEL",
    value: "DEBUG",
    path: ["telemetry", "log", "level"],
    effect: (root) => root.telemetry.log.level,
    expected: "debug",
    bad: "loud",
  },
  {
    name: "BIND_ADDR",
    value: "127.0.0.2:8443",
    path: ["listeners", 0, "bind"],
    effect: (root) => root.listeners[0]?.bind,
    expected: { host: "127.0.0.2", port: 8_443, isLoopback: true },
    bad: "nowhere",
  },
  {
    name: "TLS_ENABLED",
    value: "true",
    beside: TLS,
    path: ["listeners", 0, "bind"],
    effect: (root) => root.listeners[0]?.tls?.certificate.path,
    expected: "server.crt",
    bad: "yes",
    needs: "TLS_CERT_PATH",
  },
  {
    name: "TLS_CERT_PATH",
    value: "server.crt",
    beside: { TLS_KEY_PATH: "server.key" },
    path: ["listeners", 0, "tls", "certificate"],
    effect: (root) => root.listeners[0]?.tls?.certificate.path,
    expected: "server.crt",
    bad: "missing.crt",
    needs: "TLS_KEY_PATH",
  },
  {
    name: "TLS_KEY_PATH",
    value: "server.key",
    beside: { TLS_CERT_PATH: "server.crt" },
    path: ["listeners", 0, "tls", "key"],
    effect: (root) => root.listeners[0]?.tls?.key.path,
    expected: "server.key",
    bad: "missing.key",
    needs: "TLS_CERT_PATH",
  },
  {
    name: "FORCE_HTTPS",
    value: "true",
    path: ["headers", "httpsOnly"],
    effect: (root) => root.headers.httpsOnly,
    expected: true,
    bad: "maybe",
  },
  {
    name: "TRUSTED_PROXIES",
    value: "10.0.0.0/8, 192.0.2.1",
    path: ["trustedProxies"],
    effect: (root) => root.trustedProxies.length,
    expected: 2,
    bad: "10.0.0.0/33",
  },
  {
    name: "JWT_ISSUER",
    value: ISSUER.JWT_ISSUER,
    beside: { JWT_AUDIENCE: "inference" },
    path: issuerPath("issuer"),
    effect: (root) => issuer(root)?.issuer,
    expected: ISSUER.JWT_ISSUER,
    bad: "ftp://idp",
    needs: "JWT_AUDIENCE",
  },
  {
    name: "JWT_AUDIENCE",
    value: "inference, models",
    beside: { JWT_ISSUER: ISSUER.JWT_ISSUER },
    path: issuerPath("audience"),
    effect: (root) => issuer(root)?.audience,
    expected: ["inference", "models"],
    bad: "inference,,models",
    needs: "JWT_ISSUER",
  },
  {
    name: "JWT_ALGORITHM",
    value: "EdDSA",
    beside: ISSUER,
    path: issuerPath("algorithms"),
    effect: (root) => issuer(root)?.algorithms,
    expected: ["EdDSA"],
    bad: "none",
    needs: "JWT_ISSUER",
  },
  {
    name: "JWT_SECRET_KEY",
    value: SHARED,
    beside: ISSUER,
    path: issuerPath("secret"),
    effect: (root) => [issuer(root)?.algorithms, issuer(root)?.secret, issuer(root)?.typ],
    expected: [["HS256"], { kind: "env", name: "JWT_SECRET_KEY" }, ["at+jwt", "JWT"]],
    needs: "JWT_ISSUER",
  },
  {
    name: "CORS_ORIGINS",
    value: "https://a.example,https://b.example",
    path: ["headers", "cors", "origins"],
    effect: (root) => root.headers.cors?.origins,
    expected: ["https://a.example", "https://b.example"],
    bad: "*",
  },
  {
    name: "CORS_ALLOW_CREDENTIALS",
    value: "true",
    beside: { CORS_ORIGINS: "https://a.example" },
    path: ["headers", "cors", "credentials"],
    effect: (root) => root.headers.cors?.credentials,
    expected: true,
    bad: "include",
  },
  {
    name: "RATE_LIMIT_HEADER",
    value: "X-Quota",
    path: ["limits", "header"],
    effect: (root) => root.limits.header,
    expected: "X-Quota",
    bad: "X Quota:",
  },
  {
    name: "RATE_LIMIT_REQUESTS_PER_MINUTE",
    value: "600",
    path: ["limits", "default", "rate"],
    effect: (root) => root.limits.default,
    expected: { rate: { count: 600, perMs: 60_000 }, burst: 600 },
    bad: "0",
  },
  {
    name: "REDIS_HOST",
    value: "redis.example.bank",
    path: ["store", "url"],
    effect: (root) => redisOf(root)?.url,
    expected: { host: "redis.example.bank", port: 6_379, hasTls: false },
    bad: "redis example",
  },
  {
    name: "REDIS_PORT",
    value: "7000",
    beside: REDIS,
    path: ["store", "url"],
    effect: (root) => redisOf(root)?.url?.port,
    expected: 7_000,
    bad: "70000",
    needs: "REDIS_HOST",
  },
  {
    name: "REDIS_TLS_ENABLED",
    value: "true",
    beside: REDIS,
    path: ["store", "url"],
    effect: (root) => redisOf(root)?.url?.hasTls,
    expected: true,
    bad: "yes",
    needs: "REDIS_HOST",
  },
  {
    name: "REDIS_PASSWORD",
    value: "hunter2hunter2",
    beside: REDIS,
    path: ["store", "password"],
    effect: (root) => redisOf(root)?.password,
    expected: { kind: "env", name: "REDIS_PASSWORD" },
    needs: "REDIS_HOST",
  },
  {
    name: "REDIS_MAX_CONNECTIONS",
    value: "3",
    beside: REDIS,
    path: ["store", "maxConnections"],
    effect: (root) => redisOf(root)?.maxConnections,
    expected: 3,
    bad: "none",
    needs: "REDIS_HOST",
  },
  {
    name: "REDIS_HEALTH_CHECK_INTERVAL",
    value: "30",
    beside: REDIS,
    path: ["store", "healthCheckInterval"],
    effect: (root) => redisOf(root)?.healthCheckInterval,
    expected: 30_000,
    bad: "often",
    needs: "REDIS_HOST",
  },
  {
    name: "REDIS_SOCKET_KEEPALIVE",
    value: "false",
    beside: REDIS,
    path: ["store", "keepAlive"],
    effect: (root) => redisOf(root)?.keepAlive,
    expected: 0,
    bad: "always",
    needs: "REDIS_HOST",
  },
];

describe("an environment variable", () => {
  test("of the table has a row here", () => {
    expect(ROWS.map(({ name }) => name).sort()).toEqual(
      ENVIRONMENT_TABLE.rows.map(({ name }) => name).sort(),
    );
  });

  test.each(ROWS)(
    "$name takes effect and is its value's origin",
    async ({ name, value, beside, path, effect, expected }) => {
      const folder = configurationFolder(FILES);
      const { root, loaded } = await readSound(folder, { env: { ...beside, [name]: value } });
      expect(effect(root)).toEqual(expected);
      // TLS_ENABLED states what others set; on its own it sets nothing.
      if (name !== "TLS_ENABLED") expect(printOrigin(loaded.origins.at(path))).toBe(`env ${name}`);
      const without = await readSound(folder);
      expect(effect(without.root)).not.toEqual(expected);
    },
  );

  test.each(ROWS.filter(({ bad }) => bad !== undefined))(
    "$name with a value of which nothing can be made is an error that names it",
    async ({ name, bad = "", beside }) => {
      const mistakes = await readMistakes(configurationFolder(FILES), {
        env: { ...beside, [name]: bad },
      });
      // Where a needed field is left out with it, that is said too.
      expect(mistakes.filter((text) => !text.includes("is missing"))).toEqual([
        expect.stringMatching(new RegExp(`^environment variable ${name} `)),
      ]);
    },
  );

  test.each(ROWS)("$name that is set but empty is an error", async ({ name, beside }) => {
    const mistakes = await readMistakes(configurationFolder(FILES), {
      env: { ...beside, [name]: " " },
    });
    expect(mistakes.join("\n")).toContain(`environment variable ${name} : set, but empty`);
  });

  test.each(ROWS.filter(({ needs }) => needs !== undefined))(
    "$name without $needs is an error",
    async ({ name, value, beside = {}, needs = "" }) => {
      const env = { ...beside, [name]: value };
      delete env[needs];
      const mistakes = (await readMistakes(configurationFolder(FILES), { env })).join("\n");
      expect(mistakes).toContain(`environment variable ${name} `);
      if (name.startsWith("JWT_")) expect(mistakes).toContain(`${needs} must be set too`);
    },
  );

  test("never shows its value in a complaint when it is a secret", async () => {
    const env = { ...ISSUER, JWT_SECRET_KEY: "hunter2hunter2", JWT_ALGORITHM: "RS256" };
    const mistakes = await readMistakes(configurationFolder(FILES), { env });
    expect(mistakes.join("\n")).not.toContain("hunter2");
  });
});

describe("the listener's variables together", () => {
  const withoutListeners = { version: 1, upstreams: BASE.upstreams };
  const withTls = {
    ...BASE,
    listeners: [
      { bind: "127.0.0.1:0", tls: { certificate: "file:server.crt", key: "file:server.key" } },
    ],
  };

  test("describe a listener where the file has none", async () => {
    const folder = configurationFolder({ ...FILES, "portcullis.yaml": withoutListeners });
    const { root } = await readSound(folder, {
      env: { BIND_ADDR: "127.0.0.1:0", TLS_ENABLED: "true", ...TLS },
    });
    expect(root.listeners).toMatchObject([{ tls: { certificate: { path: "server.crt" } } }]);
  });

  test("cannot give a certificate to no listener", async () => {
    const folder = configurationFolder({ ...FILES, "portcullis.yaml": withoutListeners });
    const mistakes = (await readMistakes(folder, { env: TLS })).join("\n");
    expect(mistakes).toContain(
      "environment variable TLS_CERT_PATH : there is no listener to give it to",
    );
  });

  test("take TLS away from the file's listener, whatever certificate is named", async () => {
    const folder = configurationFolder({ ...FILES, "portcullis.yaml": withTls });
    const { root } = await readSound(folder, { env: { TLS_ENABLED: "false", ...TLS } });
    expect(root.listeners[0]).toBeDefined();
    expect(root.listeners[0]?.tls).toBeUndefined();
  });

  test("replace the file's certificate and leave the rest of its TLS", async () => {
    const listener = {
      bind: "127.0.0.1:0",
      tls: { certificate: "file:a", key: "file:b", minVersion: "TLSv1.3" },
    };
    const folder = configurationFolder({
      ...FILES,
      "portcullis.yaml": { ...BASE, listeners: [listener] },
    });
    const { root } = await readSound(folder, { env: TLS });
    expect(root.listeners[0]?.tls).toMatchObject({
      certificate: { path: "server.crt" },
      minVersion: "TLSv1.3",
    });
  });
});
