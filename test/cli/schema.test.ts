import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, onTestFinished, test } from "vitest";
import { runCommand } from "./command.ts";

const SAMPLE = {
  version: 1,
  environment: "production",
  listeners: [
    { bind: "0.0.0.0:8443", tls: { certificate: "file:server.crt", key: "file:server.key" } },
  ],
  identity: {
    issuers: {
      bank: { issuer: "https://idp.example.bank", audience: ["inference"], algorithms: ["ES256"] },
    },
  },
  authorization: {
    grants: [{ caller: "core-banking", tenant: "retail", scopes: ["predict:churn"] }],
  },
  limits: { default: { rate: "200/s", burst: 50, concurrency: 20, quota: { day: 1_000_000 } } },
  upstreams: { churn: { targets: ["https://10.0.0.5:9000"], timeout: "2s" } },
  models: { churn: { versions: { v2: { upstream: "churn", body: "256KiB" } } } },
  routes: [{ path: "/core/**", methods: ["GET"], upstream: "churn" }],
};

describe("portcullis schema", () => {
  test("prints a JSON Schema that takes a good configuration and refuses bad ones", async () => {
    const { code, stdout, stderr } = await runCommand(["schema"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const schema = JSON.parse(stdout) as Record<string, unknown>;
    expect(schema["$schema"]).toBe("https://json-schema.org/draft/2020-12/schema");
    const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);
    expect([validate(SAMPLE), validate.errors]).toEqual([true, null]);
    for (const bad of [
      { ...SAMPLE, waff: {} },
      { ...SAMPLE, version: 2 },
      { ...SAMPLE, listeners: [] },
      { ...SAMPLE, limits: { default: { rate: "fast" } } },
      { ...SAMPLE, upstreams: { churn: { targets: ["https://10.0.0.5:9000"], timeout: 2_000 } } },
      { ...SAMPLE, routes: [{ path: "/x", upstream: "churn", method: "GET" }] },
    ])
      expect([bad, validate(bad)]).toEqual([bad, false]);
  });

  test("describes every setting, for editors", async () => {
    const { stdout } = await runCommand(["schema"]);
    const { properties } = JSON.parse(stdout) as {
      properties: Record<string, { description?: string }>;
    };
    const silent = Object.entries(properties).filter(
      ([, { description }]) => description === undefined,
    );
    expect(silent.map(([name]) => name)).toEqual([]);
  });
});

const REFERENCE = join(import.meta.dirname, "../../docs/reference");
const isGenerated = existsSync(REFERENCE);
if (!isGenerated)
  console.warn("docs/reference is not there: the committed reference is not compared");

describe("portcullis generate", () => {
  async function generate(): Promise<Record<string, string>> {
    const folder = mkdtempSync(join(tmpdir(), "portcullis-generate-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const { code, stderr } = await runCommand(["generate", folder]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return readAll(folder);
  }

  test("writes the same files every time", async () => {
    const [first, second] = [await generate(), await generate()];
    expect(Object.keys(first)).toEqual([
      "configuration.md",
      "environment.md",
      "portcullis.schema.json",
      "refusals.md",
    ]);
    expect(second).toEqual(first);
    expect(first["environment.md"]).toContain("`JWT_SECRET_KEY`");
    expect(first["refusals.md"]).toContain("| `identity.token_expired` | 401 |");
    const { stdout } = await runCommand(["schema"]);
    expect(first["portcullis.schema.json"]).toBe(stdout);
  });

  test.skipIf(!isGenerated)(
    "writes what is committed: run `npm run generate` after a change",
    async () => {
      expect(readAll(REFERENCE)).toEqual(await generate());
    },
  );
});

function readAll(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [name, readFileSync(join(folder, name), "utf8")]),
  );
}
