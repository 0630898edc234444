import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { printOrigin, renderDiagnostics } from "./diagnostic.ts";
import { parseBoolean, parseList, type EnvironmentTable } from "./environment.ts";
import { loadConfiguration, type LoadInput, type Loaded, type NotLoaded } from "./load.ts";
import { fileRef, secretRef } from "./secrets/reference.ts";
import { bindAddress, cidr, duration, rate, slug } from "./units.ts";

const issuer = z.strictObject({
  issuer: z.string().describe("The exact `iss`."),
  algorithms: z.array(z.enum(["ES256", "RS256"])).min(1),
  secret: secretRef.optional(),
});
const tls = z.strictObject({ key: fileRef });
const schema = z.strictObject({
  version: z.literal(1),
  environment: z.enum(["development", "staging", "production"]).default("development"),
  listeners: z.array(z.strictObject({ bind: bindAddress, tls: tls.optional() })).default([]),
  trustedProxies: z.array(cidr).default([]),
  identity: z.strictObject({ issuers: z.record(slug, issuer).prefault({}) }).prefault({}),
  limits: z
    .strictObject({
      rate: rate.prefault("200/s"),
      timeout: duration.prefault("30s"),
      burst: z.number().int().min(1).max(100).default(50),
      isStrict: z.boolean().default(true),
    })
    .prefault({}),
});
const V = "version: 1\n";

const directory = mkdtempSync(join(tmpdir(), "portcullis-load-"));
afterAll(() => rmSync(directory, { recursive: true }));
let count = 0;

async function load(
  text: string | Uint8Array,
  { overlay, ...rest }: Partial<LoadInput<typeof schema>> & { overlay?: string } = {},
): Promise<Loaded<z.output<typeof schema>> | NotLoaded> {
  const name = `c${count++}`;
  writeFileSync(join(directory, `${name}.yaml`), text);
  if (overlay !== undefined) writeFileSync(join(directory, `${name}.staging.yaml`), overlay);
  return loadConfiguration({ schema, path: join(directory, `${name}.yaml`), ...rest });
}

/** Each diagnostic as "line:column message [hint]". */
function told(result: Loaded<unknown> | NotLoaded): string[] {
  if (result.ok) throw new Error("expected the configuration to be refused");
  return result.diagnostics.map(
    ({ line, column, where, message, hint }) =>
      `${line === undefined ? where : `${line}:${column}`} ${message}${hint === undefined ? "" : ` [${hint}]`}`,
  );
}

const envTable: EnvironmentTable = {
  reservedPrefix: "PORTCULLIS_",
  rows: [
    {
      name: "ENVIRONMENT",
      description: "The environment.",
      apply: (value, draft) => draft.set(["environment"], value),
    },
    {
      name: "TRUSTED_PROXIES",
      description: "Networks.",
      apply: (value, draft) => draft.set(["trustedProxies"], parseList(value)),
    },
    {
      name: "BIND_ADDR",
      description: "Where to listen.",
      apply: (value, draft) => draft.set(["listeners", 0, "bind"], value),
    },
    {
      name: "TLS_ENABLED",
      description: "TLS.",
      example: "true",
      apply: (value, draft) => {
        if (!parseBoolean(value)) draft.remove(["listeners", 0, "tls"]);
        else
          draft.set(
            ["listeners", 0, "tls", "key"],
            `file:${draft.variable("TLS_KEY_PATH") ?? "tls.key"}`,
          );
      },
    },
    { name: "TLS_KEY_PATH", description: "Key.", apply: () => undefined },
    {
      name: "JWT_ISSUER",
      description: "Issuer.",
      apply: (value, draft) => {
        draft.set(["identity", "issuers", "environment"], { issuer: value, algorithms: ["ES256"] });
      },
    },
    {
      name: "JWT_SECRET_KEY",
      description: "Secret.",
      apply: (_, draft) => {
        draft.set(["identity", "issuers", "environment", "secret"], "env:JWT_SECRET_KEY");
      },
    },
  ],
};

describe("precedence and origins", () => {
  const base = `${V}environment: development\nlimits: {burst: 10, timeout: 1s}\ntrustedProxies: [10.0.0.0/8]\n`;
  const overlay = `limits: {burst: 20}\n`;

  async function loaded(
    options: Parameters<typeof load>[1] = {},
  ): Promise<Loaded<z.output<typeof schema>>> {
    const result = await load(base, options);
    if (!result.ok) throw new Error(renderDiagnostics(result.diagnostics));
    return result;
  }

  test("defaults lie under the file", async () => {
    const { value, origins } = await loaded();
    expect(value.limits).toMatchObject({
      burst: 10,
      timeout: 1000,
      isStrict: true,
      rate: { count: 200, perMs: 1000 },
    });
    expect(printOrigin(origins.at(["limits", "isStrict"]))).toBe("default");
    expect(printOrigin(origins.at(["limits", "burst"]))).toMatch(/c\d+\.yaml:3:17$/);
  });

  test("the overlay lies over the file, key by key", async () => {
    const { value, origins, files } = await loaded({ overlay, environmentName: "staging" });
    expect(value.limits).toMatchObject({ burst: 20, timeout: 1000 });
    expect(printOrigin(origins.at(["limits", "burst"]))).toMatch(/c\d+\.staging\.yaml:1:17$/);
    expect(printOrigin(origins.at(["limits", "timeout"]))).toMatch(/c\d+\.yaml:3:30$/);
    expect(files.size).toBe(2);
  });

  test("lists of the overlay replace those of the file", async () => {
    const { value } = await loaded({
      overlay: "trustedProxies: [192.0.2.0/24]",
      environmentName: "staging",
    });
    expect(value.trustedProxies.map(({ text }) => text)).toEqual(["192.0.2.0/24"]);
  });

  test("the overlay's name may stand in the file", async () => {
    const environmentName = (raw: unknown): string =>
      (raw as { environment: string }).environment.replace("development", "staging");
    expect((await loaded({ overlay, environmentName })).value.limits.burst).toBe(20);
  });

  test("an overlay that is not there is no error and is still a file to watch", async () => {
    const { files } = await loaded({ environmentName: "production" });
    expect([...files][1]).toEqual([expect.stringMatching(/c\d+\.production\.yaml$/), "absent"]);
  });

  test("an overlay's mistakes are reported with the file's", async () => {
    const result = await load("version: 2", {
      overlay: "limits: {burst: 0}",
      environmentName: "staging",
    });
    expect(told(result).sort()).toEqual(["1:10 expected 1", "1:17 must be at least 1"]);
  });

  test("a name that would leave the directory is refused", async () => {
    expect(told(await load(V, { environmentName: "../staging" }))[0]).toMatch(
      /^configuration the name of the environment/,
    );
  });

  test("variables lie over the overlay", async () => {
    const { value, origins } = await loaded({
      overlay: "trustedProxies: []",
      environmentName: "staging",
      envTable,
      env: { TRUSTED_PROXIES: "192.0.2.1, 198.51.100.0/24", ENVIRONMENT: "staging" },
    });
    expect(value.trustedProxies.map(({ text }) => text)).toEqual([
      "192.0.2.1/32",
      "198.51.100.0/24",
    ]);
    expect(printOrigin(origins.at(["trustedProxies", 1]))).toBe("env TRUSTED_PROXIES");
    expect(value.environment).toBe("staging");
  });

  test("flags lie over variables", async () => {
    const flags = [{ name: "--environment", path: ["environment"], value: "production" }];
    const { value, origins } = await loaded({ envTable, env: { ENVIRONMENT: "staging" }, flags });
    expect(value.environment).toBe("production");
    expect(printOrigin(origins.at(["environment"]))).toBe("flag --environment");
  });

  test("several variables make one object, each with its own origin", async () => {
    const { value, origins } = await loaded({
      envTable,
      env: { JWT_ISSUER: "https://i", JWT_SECRET_KEY: "hunter2-hunter2" },
    });
    expect(value.identity.issuers["environment"]).toEqual({
      issuer: "https://i",
      algorithms: ["ES256"],
      secret: { kind: "env", name: "JWT_SECRET_KEY" },
    });
    expect(printOrigin(origins.at(["identity", "issuers", "environment", "secret"]))).toBe(
      "env JWT_SECRET_KEY",
    );
  });

  test("a variable changes one entry of a list and leaves the rest", async () => {
    const text = `${V}listeners: [{bind: "127.0.0.1:1", tls: {key: file:a}}, {bind: "127.0.0.1:2"}]`;
    const result = await load(text, {
      envTable,
      env: { BIND_ADDR: "[::1]:9", TLS_ENABLED: "false" },
    });
    expect(
      result.ok && result.value.listeners.map((each) => [each.bind.host, each.bind.port, each.tls]),
    ).toEqual([
      ["::1", 9, undefined],
      ["127.0.0.1", 2, undefined],
    ]);
  });

  test("a row reads its companions", async () => {
    const { value } = await loaded({
      envTable,
      env: { BIND_ADDR: "[::1]:9", TLS_ENABLED: "1", TLS_KEY_PATH: "/k" },
    });
    expect(value.listeners[0]?.tls?.key.path).toBe("/k");
  });
});

describe("variables that do not fit", () => {
  test.each<[string, Record<string, string>, string[]]>([
    [
      "a value the schema refuses",
      { ENVIRONMENT: "prod" },
      ['environment variable ENVIRONMENT expected "development", "staging" or "production"'],
    ],
    [
      "a value of a list",
      { TRUSTED_PROXIES: "10.0.0.0/8,nonsense" },
      [
        'environment variable TRUSTED_PROXIES not a network [for example "10.0.0.0/8" or "2001:db8::/32"]',
      ],
    ],
    [
      "an empty item",
      { TRUSTED_PROXIES: "10.0.0.0/8,,::1" },
      [
        "environment variable TRUSTED_PROXIES a list with an empty item [items separated by single commas]",
      ],
    ],
    [
      "neither true nor false",
      { TLS_ENABLED: "yes" },
      ["environment variable TLS_ENABLED neither true nor false [for example TLS_ENABLED=true]"],
    ],
    [
      "empty",
      { BIND_ADDR: "" },
      ["environment variable BIND_ADDR set, but empty [unset it, or give it a value]"],
    ],
    [
      "unknown with the reserved prefix",
      { PORTCULLIS_X: "1" },
      ["environment variable PORTCULLIS_X unknown variable"],
    ],
    [
      "an object left incomplete",
      { JWT_SECRET_KEY: "hunter2" },
      [
        'environment variable JWT_SECRET_KEY "issuer" is missing [expected text: The exact `iss`.]',
        'environment variable JWT_SECRET_KEY "algorithms" is missing [expected a list]',
      ],
    ],
    [
      "two at once",
      { ENVIRONMENT: "prod", TLS_ENABLED: "maybe" },
      [
        "environment variable TLS_ENABLED neither true nor false [for example TLS_ENABLED=true]",
        'environment variable ENVIRONMENT expected "development", "staging" or "production"',
      ],
    ],
  ])("%s", async (_, env, expected) =>
    expect(told(await load(V, { env, envTable }))).toEqual(expected),
  );

  test("a name that is almost right is a warning", async () => {
    const result = await load(V, { env: { TRUSTED_PROXYS: "::1", HOME: "/" }, envTable });
    expect(result.ok && result.warnings.map(({ where, hint }) => [where, hint])).toEqual([
      ["environment variable TRUSTED_PROXYS", "did you mean TRUSTED_PROXIES?"],
    ]);
  });
});

describe("settings in place of a file", () => {
  const settings = { version: 1, trustedProxies: ["::1/128"] };
  const path = join(directory, "no-such-file.yaml");

  test("are laid under variables, and no file is read or watched", async () => {
    const env = { BIND_ADDR: "127.0.0.1:1" };
    const result = await loadConfiguration({
      schema,
      path,
      settings,
      env,
      envTable,
      environmentName: "staging",
    });
    if (!result.ok) throw new Error(renderDiagnostics(result.diagnostics));
    expect(result.value.listeners[0]?.bind).toMatchObject({ port: 1 });
    expect(result.value.trustedProxies).toHaveLength(1);
    expect(printOrigin(result.origins.at(["listeners", 0, "bind"]))).toBe("env BIND_ADDR");
    expect(printOrigin(result.origins.at(["trustedProxies"]))).toBe("default");
    expect([...result.files.keys()]).toEqual([]);
    expect(result.directory).toBe(directory);
  });

  test("are judged like a file's, and mistakes of a variable are the variable's", async () => {
    const env = { TRUSTED_PROXIES: "everyone" };
    const mistaken = { ...settings, verzion: 1 };
    const result = await loadConfiguration({ schema, path, settings: mistaken, env, envTable });
    expect(told(result)).toEqual([
      expect.stringMatching(/^environment variable TRUSTED_PROXIES /),
      expect.stringMatching(/^configuration .*verzion/),
    ]);
  });
});
