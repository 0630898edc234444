import { Ajv2020 } from "ajv/dist/2020.js";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { effectiveValues, renderEffective } from "./effective.ts";
import { renderEnvironmentTable, type EnvironmentTable } from "./environment.ts";
import { toJsonSchema } from "./json-schema.ts";
import { loadConfiguration, type Loaded } from "./load.ts";
import { renderReference, settingsOf } from "./reference.ts";
import { secretRef } from "./secrets/reference.ts";
import { bytes, cidr, duration, durationBetween, rate, slug } from "./units.ts";

const schema = z.strictObject({
  version: z.literal(1).describe("The format."),
  limits: z
    .strictObject({
      rate: rate.prefault("200/s").describe("How many."),
      timeout: duration.default(30_000),
      connect: durationBetween("1ms", "1m").default(2000).describe("To connect."),
      body: bytes.default(524_288),
      burst: z.number().int().min(1).max(100).default(50),
      mode: z.enum(["enforce", "shadow"]).default("enforce"),
      wait: z.union([z.literal("never"), duration]).default("never"),
    })
    .prefault({}),
  proxies: z.array(cidr).default([]),
  secrets: z.record(slug, secretRef).default({}),
  stores: z
    .array(
      z.discriminatedUnion("kind", [
        z.strictObject({ kind: z.literal("embedded"), path: z.string().default("state.db") }),
        z.strictObject({ kind: z.literal("redis"), url: z.string().describe("Where | which.") }),
      ]),
    )
    .default([]),
  note: z.string().optional(),
  tier: z
    .strictObject({ rate: rate.optional(), windows: z.array(duration) })
    .default({ rate: { count: 5, perMs: 1000 }, windows: [1000, 60_000] }),
});

const directory = mkdtempSync(join(tmpdir(), "portcullis-documents-"));
afterAll(() => rmSync(directory, { recursive: true }));
const path = join(directory, "portcullis.yaml");

async function load(text: string): Promise<Loaded<unknown>> {
  writeFileSync(path, text);
  const envTable: EnvironmentTable = {
    rows: [
      {
        name: "BURST",
        description: "Burst.",
        apply: (value, draft) => draft.set(["limits", "burst"], Number(value)),
      },
    ],
  };
  const flags = [{ name: "--mode", path: ["limits", "mode"], value: "shadow" }];
  const result = await loadConfiguration({ schema, path, env: { BURST: "7" }, envTable, flags });
  if (!result.ok) throw new Error(JSON.stringify(result.diagnostics));
  return result;
}

const TEXT = `version: 1
limits: {timeout: 5s}
proxies: [10.0.0.0/8, "::1"]
secrets: {jwt: "env:JWT_SECRET_KEY"}
stores:
  - {kind: redis, url: "rediss://user:hunter2@store:6379/0"}
  - kind: embedded
`;

test("the effective configuration shows each value and where it comes from", async () => {
  const { origins } = await load(TEXT);
  const text = renderEffective(effectiveValues(schema, origins)).replaceAll(
    path,
    "portcullis.yaml",
  );
  expect(text.replaceAll(/ +#/g, " #")).toBe(`version = 1 # portcullis.yaml:1:10
limits.rate = "200/s" # default
limits.timeout = "5s" # portcullis.yaml:2:19
limits.connect = "2s" # default
limits.body = "512KiB" # default
limits.burst = 7 # env BURST
limits.mode = shadow # flag --mode
limits.wait = never # default
proxies = ["10.0.0.0/8", ::1] # portcullis.yaml:3:10
secrets.jwt = env:JWT_SECRET_KEY # portcullis.yaml:4:16
stores[0].kind = redis # portcullis.yaml:6:12
stores[0].url = rediss://[secret]@store:6379/0 # portcullis.yaml:6:24
stores[1].kind = embedded # portcullis.yaml:7:11
stores[1].path = state.db # default
tier.rate = "5/s" # default
tier.windows = ["1s", "1m"] # default
`);
});

test("empty mappings and lists are shown", async () => {
  const { origins } = await load("version: 1\n");
  const values = effectiveValues(schema, origins);
  expect(values).toContainEqual({ path: "secrets", text: "{}", origin: "default" });
  expect(values).toContainEqual({ path: "proxies", text: "[]", origin: "default" });
});

describe("JSON Schema", () => {
  const json = toJsonSchema(schema, {
    title: "Portcullis",
    id: "https://portcullis.example/schema.json",
  });
  const validate = new Ajv2020({ strict: true, allErrors: true }).compile(json);

  test("is 2020-12 and strict, and the same each time", () => {
    expect(json["$schema"]).toBe("https://json-schema.org/draft/2020-12/schema");
    expect(json["additionalProperties"]).toBe(false);
    expect(
      JSON.stringify(
        toJsonSchema(schema, { title: "Portcullis", id: "https://portcullis.example/schema.json" }),
      ),
    ).toBe(JSON.stringify(json));
  });

  test("defaults are written as an operator writes them, and pass the schema themselves", () => {
    const limits =
      (json["properties"] as Record<string, { properties: Record<string, { default: unknown }> }>)[
        "limits"
      ]?.properties ?? {};
    const defaults = Object.fromEntries(
      Object.entries(limits).map(([key, field]) => [key, field.default]),
    );
    expect(defaults).toEqual({
      rate: "200/s",
      timeout: "30s",
      connect: "2s",
      body: "512KiB",
      burst: 50,
      mode: "enforce",
      wait: "never",
    });
    expect(validate({ version: 1, limits: defaults })).toBe(true);
  });

  test.each<[string, unknown, boolean]>([
    ["the example", { version: 1, limits: { timeout: "5s" }, proxies: ["10.0.0.0/8"] }, true],
    ["nothing but what is required", { version: 1 }, true],
    ["a missing version", {}, false],
    ["an unknown key", { version: 1, limit: {} }, false],
    ["a duration without a unit", { version: 1, limits: { timeout: "5" } }, false],
    ["a plain secret", { version: 1, secrets: { jwt: "hunter2" } }, false],
    ["a reference", { version: 1, secrets: { jwt: "vault:secret/x#y" } }, true],
    ["the wrong kind", { version: 1, stores: [{ kind: "mongo" }] }, false],
  ])("%s: %j", (_, value, expected) => expect(validate(value)).toBe(expected));

  test("descriptions and examples are there for the editor", () => {
    const limits = (json["properties"] as Record<string, { properties: Record<string, unknown> }>)[
      "limits"
    ]?.properties;
    expect(limits?.["rate"]).toMatchObject({
      type: "string",
      description: "How many.",
      examples: ["200/s", "2000/5m"],
    });
    expect(JSON.stringify(json)).not.toMatch(/"unit"|isSensitive/);
  });
});

describe("the reference", () => {
  test("tells path, type, default and meaning of every setting", () => {
    const told = settingsOf(schema).map((setting) => Object.values(setting).join(" ; "));
    expect(told).toEqual([
      "version ; `1` ; required ; The format.",
      "limits ; mapping ; `{}` ; ",
      'limits.rate ; rate ; `"200/s"` ; How many.',
      'limits.timeout ; duration ; `"30s"` ; ',
      'limits.connect ; duration ; `"2s"` ; To connect.',
      'limits.body ; size ; `"512KiB"` ; ',
      "limits.burst ; whole number from 1 to 100 ; `50` ; ",
      'limits.mode ; `enforce`, `shadow` ; `"enforce"` ; ',
      'limits.wait ; `"never"` or duration ; `"never"` ; ',
      "proxies ; list of network ; `[]` ; ",
      "secrets ; mapping by name ; `{}` ; ",
      "secrets.<name> ; reference to a secret ;  ; ",
      "stores ; list of kind: embedded or kind: redis ; `[]` ; ",
      'stores[].path ; text ; `"state.db"` ; (kind: embedded)',
      "stores[].url ; text ; required ; (kind: redis) Where | which.",
      "note ; text ;  ; ",
      'tier ; mapping ; `{"rate":"5/s","windows":["1s","1m"]}` ; ',
      "tier.rate ; rate ;  ; ",
      "tier.windows ; list of duration ; required ; ",
    ]);
  });

  test("is Markdown with one table for each section, and the same each time", () => {
    const text = renderReference(schema, "Configuration");
    expect(text).toContain(
      "# Configuration\n\n## `version`\n\n| Key | Type | Default | Meaning |\n",
    );
    expect(text).toContain("(kind: redis) Where \\| which. |");
    expect(renderReference(schema, "Configuration")).toBe(text);
  });

  test("the table of variables", () => {
    const rows = [
      { name: "LOG_LEVEL", description: "a | b", example: "info", apply: () => undefined },
    ];
    expect(renderEnvironmentTable({ rows })).toBe(
      "| Variable | Meaning | Example |\n|---|---|---|\n| `LOG_LEVEL` | a \\| b | `info` |\n",
    );
  });
});
