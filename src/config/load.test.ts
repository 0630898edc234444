import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { z } from "zod";
import cases from "./load.cases.json" with { type: "json" };
import { renderDiagnostics } from "./diagnostic.ts";
import { loadConfiguration, type LoadInput, type Loaded, type NotLoaded } from "./load.ts";
import { fileRef, secretRef } from "./secrets/reference.ts";
import { bindAddress, cidr, duration, rate, slug } from "./units.ts";

const store = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("embedded"), path: z.string() }),
  z.strictObject({ kind: z.literal("redis"), url: z.string() }),
]);
const issuer = z.strictObject({
  issuer: z.string().describe("The exact `iss`."),
  algorithms: z.array(z.enum(["ES256", "RS256"])).min(1),
  secret: secretRef.optional(),
});
const schema = z
  .strictObject({
    version: z.literal(1),
    environment: z.enum(["development", "staging", "production"]).default("development"),
    listeners: z
      .array(
        z.strictObject({ bind: bindAddress, tls: z.strictObject({ key: fileRef }).optional() }),
      )
      .default([]),
    trustedProxies: z.array(cidr).default([]),
    identity: z.strictObject({ issuers: z.record(slug, issuer).prefault({}) }).prefault({}),
    limits: z
      .strictObject({
        rate: rate.prefault("200/s"),
        timeout: duration.prefault("30s").describe("How long a call may take."),
        burst: z.number().int().min(1).max(100).default(50),
        isStrict: z.boolean().default(true),
        wait: z.union([z.literal("never"), duration]).default("never"),
      })
      .prefault({}),
    store: store.optional(),
    upstreams: z
      .record(z.string(), z.strictObject({ targets: z.array(z.string()).min(1) }))
      .default({}),
    routes: z.array(z.strictObject({ path: z.string(), upstream: z.string() })).default([]),
  })
  .superRefine((value, context) => {
    value.routes.forEach((route, i) => {
      if (!Object.hasOwn(value.upstreams, route.upstream))
        context.addIssue({
          code: "custom",
          path: ["routes", i, "upstream"],
          message: "unknown upstream",
        });
    });
  });

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

const V = "version: 1\n";

describe("YAML that is refused", () => {
  test.each(cases.yaml)("$sentence", async ({ text, told: expected }) =>
    expect(told(await load(text))).toEqual(expected),
  );

  test.each<[string, string, RegExp]>([
    ["a bracket left open", `${V}routes: [`, /^2:\d+ flow sequence in block collection/],
    ["a quote left open", `${V}store: "abc`, /^2:\d+ missing closing/],
    ["a tab as indentation", `${V}limits:\n\tburst: 1`, /^3:1 tabs are not allowed as indentation/],
    ["a colon in plain text", `${V}store: a: b`, /^2:8 nested mappings are not allowed/],
    ["a key without a colon", `${V}routes\nstore: 1`, /^2:1 implicit keys/],
    ["wrong indentation", `${V}limits:\n  burst: 1\n isStrict: true`, /^4:\d+ /],
    ["text after a quoted value", `${V}store: "a" b`, /^2:12 /],
    [
      "a reserved character",
      `${V}store: @a`,
      /^2:8 plain value cannot start with reserved character @/,
    ],
  ])("%s", async (_, text, expected) => expect(told(await load(text))[0]).toMatch(expected));

  test("a file over a megabyte", async () => {
    expect(told(await load(`${V}#${" ".repeat(1_048_576)}`))).toEqual([
      "1:1 the file has 1048588 bytes; 1048576 are allowed",
    ]);
  });

  test("bytes that are not UTF-8", async () => {
    expect(told(await load(Buffer.from([...Buffer.from(V), 0x61, 0x3a, 0x20, 0xff])))).toEqual([
      "2:4 not UTF-8",
    ]);
  });

  test("a file that does not exist", async () => {
    const result = await loadConfiguration({ schema, path: join(directory, "absent.yaml") });
    expect(told(result)).toEqual(["1:1 the file does not exist"]);
  });

  test("a directory", async () => {
    expect(told(await loadConfiguration({ schema, path: directory }))).toEqual([
      "1:1 the file is not a regular file",
    ]);
  });
});

describe("values that the schema refuses", () => {
  test.each(cases.values)("$sentence", async ({ text, told: expected }) =>
    expect(told(await load(text))).toEqual(expected),
  );
});

describe("what must not be shown", () => {
  test.each<[string, string]>([
    [
      "a secret written out",
      `${V}identity: {issuers: {a: {issuer: x, algorithms: [ES256], secret: hunter2}}}`,
    ],
    [
      "a secret beside another mistake",
      `${V}identity: {issuers: {a: {issuer: 5, algorithms: [ES256], secret: "hunter2"}}}`,
    ],
    [
      "a number as a secret",
      `${V}identity: {issuers: {a: {issuer: x, algorithms: [ES256], secret: 4242hunter2}}}`,
    ],
    [
      "a secret under a mistyped key",
      `${V}identity:\n  issuers:\n    a: {issuer: x, algorithms: [ES256], secert: hunter2}`,
    ],
    [
      "a secret over several lines",
      `${V}identity:\n  issuers:\n    a:\n      issuer: x\n      algorithms: [ES256]\n      secret: |\n        hunter2\n        hunter2`,
    ],
    ["a mapping under a mistyped key", `${V}sekret: {a: hunter2}`],
  ])("%s", async (_, text) => {
    const result = await load(text);
    expect(result.ok).toBe(false);
    expect(JSON.stringify(result)).not.toContain("hunter2");
    if (!result.ok) expect(renderDiagnostics(result.diagnostics)).not.toContain("hunter2");
  });
});

describe("how diagnostics read", () => {
  test("place, rule, path, line, caret and hint", async () => {
    const result = await load("version: 1\nlimits:\n  brust: 5\n  timeout: 30x\n");
    const text = renderDiagnostics(result.ok ? [] : result.diagnostics).replaceAll(
      join(directory, ""),
      "",
    );
    expect(text.replaceAll(/\/?c\d+\.yaml/g, "portcullis.yaml"))
      .toBe(`portcullis.yaml:3:3: error: unknown key "brust" (limits.brust)
  3 |   brust: [hidden]
    |   ^^^^^
  hint: did you mean "burst"?

portcullis.yaml:4:12: error: not a duration (limits.timeout)
  4 |   timeout: 30x
    |            ^^^
  hint: a number and one of ms, s, m, h, d, for example "30s"

2 errors`);
  });

  test("a file that is wrong throughout is told in part", async () => {
    const keys = Array.from({ length: 20_000 }, (_, i) => `key${i}: secret${i}`);
    const result = await load([V.trim(), ...keys].join("\n"));
    expect(result.ok || result.diagnostics.length).toBe(501);
    expect(told(result).at(-1)).toBe("configuration 19500 more mistakes");
    expect(JSON.stringify(result)).not.toContain("secret1");
  });

  test("colours are asked for", async () => {
    const result = await load("version: 2");
    expect(result.ok || renderDiagnostics(result.diagnostics, { color: true })).toContain(
      "\u001b[31merror\u001b[0m",
    );
  });

  test("control characters do not reach the terminal", async () => {
    const result = await load(`${V}a: "\u001b]0;owned\u0007"`);
    const text = renderDiagnostics(result.ok ? [] : result.diagnostics);
    expect(text).not.toContain("\u001b");
    expect(text).not.toContain("\u0007");
  });

  test("long lines are cut around the caret", async () => {
    const result = await load(`${V}limits: {${" ".repeat(5000)}burst: 0${" ".repeat(5000)}}`);
    const excerpt = result.ok ? undefined : result.diagnostics[0]?.excerpt;
    expect(excerpt?.text.length).toBeLessThan(250);
    expect(excerpt?.text[excerpt.caretAt]).toBe("0");
  });

  test("diagnose points at values and, for mappings, at their keys", async () => {
    const result = await load(
      `${V}upstreams: {u: {targets: [a]}}\nroutes:\n  - {path: /a, upstream: u}`,
    );
    if (!result.ok) throw new Error(renderDiagnostics(result.diagnostics));
    const at = (...path: (string | number)[]): string => {
      const { line, column, where } = result.diagnose(path, "no");
      return line === undefined ? where : `${line}:${column}`;
    };
    expect(at("routes", 0, "upstream")).toBe("4:26");
    expect(at("upstreams", "u")).toBe("2:13");
    expect(at("routes", 0)).toBe("4:5");
    expect(at("routes", 0, "absent")).toBe("4:5");
    expect(at("limits", "burst")).toBe("1:1");
    expect(result.diagnose(["routes", 0], "two routes", "remove one")).toMatchObject({
      severity: "error",
      path: "routes[0]",
      message: "two routes",
      hint: "remove one",
    });
  });
});
