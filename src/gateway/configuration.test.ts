import { describe, expect, test } from "vitest";
import { effectiveValues } from "../config/effective.ts";
import { rootSchema } from "./schema.ts";
import {
  configurationFolder,
  read,
  readMistakes,
  readSound,
} from "../../test/cli/configuration-folder.ts";

const SOUND = `version: 1
listeners:
  - bind: 127.0.0.1:0
upstreams:
  model: { targets: ["http://127.0.0.1:9000"] }
routes:
  - { path: "/core/**", upstream: model }
`;

describe("reading a configuration", () => {
  test("gives the settings, the route table and the files to watch", async () => {
    const folder = configurationFolder({ "portcullis.yaml": SOUND });
    const { root, routes, files } = await readSound(folder);
    expect(root.listeners[0]?.bind).toMatchObject({ host: "127.0.0.1", port: 0 });
    expect(routes.map(({ route }) => route.id)).toEqual(["core.all"]);
    // The overlay is watched before it exists: writing it is a change too.
    expect([...files.keys()]).toEqual([
      folder.configPath,
      folder.at("portcullis.development.yaml"),
    ]);
  });

  test("finds every mistake at once, each in its place, whichever check saw it", async () => {
    const folder = configurationFolder({
      "portcullis.yaml": `version: 1
environment: production
listeners:
  - bind: 127.0.0.1:0
    tls: { certificate: file:absent.crt, key: file:absent.key }
upstreams:
  model: { targets: ["http://127.0.0.1:9000"] }
models:
  churn:
    versions:
      v1: { upstream: model, status: deprecated, successor: v3 }
routes:
  - path: /core/**
    upstream: modle
  - path: /core/x
    upstream: model
    request: file:absent.json
`,
    });
    expect(await readMistakes(folder)).toEqual([
      "portcullis.yaml:1:1 identity: nobody can prove who they are: configure a method",
      "portcullis.yaml:5:25 listeners[0].tls.certificate: absent.crt does not exist",
      "portcullis.yaml:5:47 listeners[0].tls.key: absent.key does not exist",
      'portcullis.yaml:11:61 models.churn.versions.v1.successor: model churn has no version "v3"',
      'portcullis.yaml:14:15 routes[0].upstream: there is no upstream "modle"',
      'portcullis.yaml:15:5 routes[1]: "/core/x" and "/core/**" could match the same path',
      "portcullis.yaml:17:14 routes[1].request: absent.json does not exist",
    ]);
  });

  test("refuses what of a constitution could never have an effect", async () => {
    const folder = configurationFolder({
      "pack.dsse.json": "{}",
      "officer.pem": "",
      "portcullis.yaml": `${SOUND.replace("upstream: model }", "upstream: model, webhook: acme }")}  - { path: "/up/**", upstream: model, bodyMode: stream, webhook: partner }
identity:
  issuers:
    access: { issuer: "https://a.example", audience: [x], algorithms: [RS256], header: cf-access-jwt-assertion }
constitution:
  form: dsse
  signature: file:pack.dsse.json
  keys: ["file:officer.pem"]
  canary: { routes: [core.al] }
  edge: { peers: [{ san: "DNS:edge.internal" }] }
  webhooks:
    partners:
      partner: { algorithm: hmac-sha256, scheme: timestamp.body, secrets: ["env:PARTNER"] }
`,
    });
    const source = { PARTNER: "0123456789abcdefghijklmnop" };
    const mistakes = await readMistakes(folder, { env: source });
    expect(mistakes).toEqual([
      expect.stringContaining('routes[0].webhook: there is no webhook partner "acme"'),
      expect.stringContaining("routes[1].webhook: the signature is over the body"),
      expect.stringContaining('constitution.canary.routes[0]: there is no route "core.al"'),
      expect.stringContaining("constitution.edge: no listener asks for certificates"),
    ]);
  });

  test("refuses a token's own field that nobody's word counts for", async () => {
    const folder = configurationFolder({
      "portcullis.yaml": `${SOUND}identity:
  issuers:
    access: { issuer: "https://a.example", audience: [x], algorithms: [RS256], header: cf-access-jwt-assertion }
`,
    });
    expect(await readMistakes(folder)).toEqual([
      expect.stringContaining("identity.issuers.access.header: the field counts from listed edges"),
    ]);
  });

  test("refuses a route's words on a firewall that is not there", async () => {
    const folder = configurationFolder({
      "portcullis.yaml": SOUND.replace(
        "upstream: model }",
        "upstream: model, waf: { paranoia: 2 } }",
      ),
    });
    expect(await readMistakes(folder)).toEqual([
      expect.stringContaining("routes[0].waf: there is no firewall"),
    ]);
  });

  test("knows the files of the firewall's rules, and refuses those that are not there", async () => {
    const rules = "waf: { rules: [builtin, file:mine/*.conf] }\n";
    const folder = configurationFolder({ "portcullis.yaml": SOUND + rules });
    expect(await readMistakes(folder)).toEqual([
      expect.stringContaining("waf.rules[1]: no file matches"),
    ]);
    folder.write("mine.conf", "");
    folder.write("portcullis.yaml", SOUND + rules.replace("mine/*", "mine"));
    const { files, wafRules } = await readSound(folder);
    expect([...files.keys()].some((path) => path.endsWith("/mine.conf"))).toBe(true);
    expect([...wafRules.keys()]).toEqual(["builtin", "file:mine.conf"]);
  });

  test("refuses what could never have an effect", async () => {
    const folder = configurationFolder({
      "portcullis.yaml": `${SOUND.replace("upstream: model }", "upstream: model, limits: { tiers: { gold: { rate: 1/s } } } }")}authorization:
  grants:
    - { caller: app, route: core.all }
    - { caller: app, model: chrun }
`,
    });
    expect(await readMistakes(folder)).toEqual([
      expect.stringContaining('routes[0].limits.tiers.gold: there is no tier "gold"'),
      expect.stringContaining("authorization.grants[1]: no route fits this grant"),
    ]);
  });

  test("points at an unknown key and offers the one that was meant", async () => {
    const folder = configurationFolder({ "portcullis.yaml": SOUND.replace("routes:", "ruotes:") });
    const configuration = await read(folder);
    expect(configuration.ok).toBe(false);
    const [diagnostic] = configuration.ok ? [] : configuration.diagnostics;
    expect(diagnostic).toMatchObject({ line: 6, column: 1 });
    expect(diagnostic?.message).toContain("ruotes");
    expect(diagnostic?.hint).toContain("routes");
  });

  test("of a file that is not there says so", async () => {
    const folder = configurationFolder({});
    expect((await readMistakes(folder)).join()).toMatch(/^portcullis\.yaml:1:1 : the file /);
  });
});

describe("of several places that set one value", () => {
  const level = (value: string) => `telemetry: { log: { level: ${value} } }\n`;
  const flag = { name: "--log-level", path: ["telemetry", "log", "level"], value: "fatal" };
  const overlay = { "portcullis.staging.yaml": level("warn") };
  const inStaging = `${SOUND}environment: staging\n`;

  const WINNERS = [
    ["the default, when nothing else does", SOUND, {}, {}, "info", "default"],
    ["the file", SOUND + level("debug"), {}, {}, "debug", "portcullis.yaml:8:28"],
    [
      "the overlay of another environment never",
      SOUND + level("debug"),
      overlay,
      {},
      "debug",
      "portcullis.yaml:8:28",
    ],
    [
      "the overlay before the file",
      inStaging + level("debug"),
      overlay,
      {},
      "warn",
      "portcullis.staging.yaml:1:28",
    ],
    [
      "the overlay of the environment that a variable names",
      SOUND + level("debug"),
      overlay,
      { env: { ENVIRONMENT: "staging" } },
      "warn",
      "portcullis.staging.yaml:1:28",
    ],
    [
      "the overlay of the environment that a flag names, whatever the variable says",
      SOUND + level("debug"),
      overlay,
      {
        env: { ENVIRONMENT: "production" },
        flags: [{ name: "--environment", path: ["environment"], value: "staging" }],
      },
      "warn",
      "portcullis.staging.yaml:1:28",
    ],
    [
      "the variable before the overlay",
      inStaging + level("debug"),
      overlay,
      { env: { LOG_LEVEL: "error" } },
      "error",
      "env LOG_LEVEL",
    ],
    [
      "the flag before everything",
      inStaging + level("debug"),
      overlay,
      { env: { LOG_LEVEL: "error" }, flags: [flag] },
      "fatal",
      "flag --log-level",
    ],
  ] as const;

  test.each(WINNERS.map((row) => ({ name: row[0], row })))("wins $name", async ({ row }) => {
    const [, file, others, given, expected, origin] = row;
    const folder = configurationFolder({ "portcullis.yaml": file, ...others });
    const { root, loaded } = await readSound(folder, given);
    expect(root.telemetry.log.level).toBe(expected);
    const value = effectiveValues(rootSchema, loaded.origins).find(
      ({ path }) => path === "telemetry.log.level",
    );
    expect(value?.origin.replace(`${folder.directory}/`, "")).toBe(origin);
  });
});
