import { describe, expect, test } from "vitest";
import { runCommand } from "./command.ts";
import { configurationFolder } from "./configuration-folder.ts";

const SECRET = "correct-horse-battery-staple-and-some-more";
const CONFIGURATION = `version: 1
listeners:
  - bind: 127.0.0.1:8080
identity:
  issuers:
    bank: { issuer: "https://idp.example.bank", audience: [inference], algorithms: [HS256], secret: env:BANK_SECRET }
upstreams:
  model:
    targets: ["http://127.0.0.1:9000"]
    credential: { header: authorization, prefix: "Bearer ", secret: file:model.token }
models:
  churn:
    versions:
      v1: { upstream: model, status: deprecated, scopes: ["predict:churn"], protocols: [predict] }
routes:
  - { path: "/core/**", methods: [GET, POST], upstream: model, identity: none }
`;
const folderOf = () =>
  configurationFolder({
    "portcullis.yaml": CONFIGURATION,
    "portcullis.staging.yaml": "limits: { header: X-Quota }\n",
    "model.token": SECRET,
  });
const env = { BANK_SECRET: SECRET, LOG_LEVEL: "warn" };

describe("portcullis config effective", () => {
  test("shows every value with where it comes from", async () => {
    const folder = folderOf();
    const { code, stdout } = await runCommand(
      ["config", "effective", "--config", folder.configPath, "--environment", "staging"],
      { env },
    );
    expect(code).toBe(0);
    const lines = stdout.replaceAll(`${folder.directory}/`, "").split("\n");
    const shown = lines.map((line) => line.replace(/ +# /, " # "));
    expect(shown).toEqual(
      expect.arrayContaining([
        "environment = staging # flag --environment",
        "telemetry.log.level = warn # env LOG_LEVEL",
        "limits.header = X-Quota # portcullis.staging.yaml:1:19",
        'listeners[0].bind = "127.0.0.1:8080" # portcullis.yaml:3:11',
        "identity.realm = portcullis # default",
      ]),
    );
    for (const line of lines.slice(0, -2))
      expect(line).toMatch(/ # (?:default|env |flag |portcullis\.)/);
  });

  test("names the places of secrets and never shows one", async () => {
    const { stdout, stderr } = await runCommand(
      ["config", "effective", "--config", folderOf().configPath],
      { env },
    );
    expect(stdout).toMatch(/^identity\.issuers\.bank\.secret = env:BANK_SECRET /m);
    expect(stdout).toMatch(/^upstreams\.model\.credential\.secret = file:model\.token /m);
    expect(stdout + stderr).not.toContain(SECRET);
  });

  test("of a broken configuration shows the mistakes alone", async () => {
    const folder = configurationFolder({ "portcullis.yaml": "version: 2\n" });
    const { code, stdout, stderr } = await runCommand([
      "config",
      "effective",
      "--config",
      folder.configPath,
    ]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("portcullis.yaml:1:10: error:");
  });
});

test("portcullis config routes prints the one route table", async () => {
  const { code, stdout } = await runCommand(
    ["config", "routes", "--config", folderOf().configPath],
    { env },
  );
  expect(code).toBe(0);
  expect(stdout).toBe(
    `METHODS        PATH               ROUTE             UPSTREAM  IDENTITY  SCOPES         STATUS
POST           /churn/v1/predict  churn.v1.predict  model     required  predict:churn  deprecated
GET,POST,HEAD  /core/**           core.all          model     none      -              active
`,
  );
});
