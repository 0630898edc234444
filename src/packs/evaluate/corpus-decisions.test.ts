/** The real packs decide what their text says: output, status, wire and failed bit for each row of a table. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import {
  FIELDS,
  packContext,
  type FieldName,
  type FieldValue,
  type FieldValues,
} from "../fields.ts";
import { readPack } from "../read/read-pack.ts";
import { BASES, OUTCOMES, SHORT_NAMES, V1_CASES, V3_CASES } from "./corpus-cases.test-support.ts";
import { compilePack, type PackEvaluator } from "./evaluator.ts";

const CORPUS = resolve(process.env["PORTCULLIS_CORPORA"] ?? "../shared/corpora", "constitution");
const isHere = existsSync(join(CORPUS, "ubl_core_v3.yaml"));
if (!isHere) console.warn("SKIPPED: the constitution corpus is not here; set PORTCULLIS_CORPORA");

const NOW_SECONDS = 1_800_000_000;

type Values = Partial<Record<FieldName, FieldValue>>;

function apply(values: Values, changes: string): Values {
  const changed = { ...values };
  for (const change of changes.split(",").map((part) => part.trim())) {
    if (change === "") continue;
    const [, minus, short = "", text = ""] = /^(-?)(\w+)(?:=(.*))?$/.exec(change) ?? [];
    const name = SHORT_NAMES[short as keyof typeof SHORT_NAMES];
    expect(name, change).toBeDefined();
    if (minus === "-") delete changed[name];
    else changed[name] = valueOf(name, text);
  }
  return changed;
}

function valueOf(name: FieldName, text: string): FieldValue {
  switch (FIELDS[name]) {
    case "boolean":
      return text === "true";
    case "number":
      return Number(text);
    case "string":
      return text;
    case "list":
      return new Set(text.split(" ").filter((item) => item !== ""));
  }
}

function rowsOf(table: string): [base: string, changes: string, outcome: string][] {
  return table
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#"))
    .map((line) => line.split("|").map((cell) => cell.trim()) as [string, string, string]);
}

function expected(outcome: string): string {
  const [name = "", ...rest] = outcome.split(" ");
  return [OUTCOMES[name], ...rest].join(" ");
}

function decided(evaluator: PackEvaluator, values: Values): string {
  const { output, status, wire, bitFailed, bitValue } = evaluator.decide(
    packContext(values as FieldValues),
    NOW_SECONDS,
  );
  return [output, status, wire, bitFailed, bitValue].filter((part) => part !== undefined).join(" ");
}

describe.skipIf(!isHere).each([
  ["ubl_core_v1.yaml", V1_CASES],
  ["ubl_core_v3.yaml", V3_CASES],
])("%s", (file, table) => {
  const evaluator = isHere ? compilePack(readPack(readFileSync(join(CORPUS, file)))) : undefined;

  test.each(rowsOf(table))("%s with %s: %s", (base, changes, outcome) => {
    const values = apply(apply({}, BASES[base] as string), changes);
    expect(decided(evaluator as PackEvaluator, values)).toBe(expected(outcome));
  });
});

test("the tables hold at least 200 rows", () => {
  const rows = [...rowsOf(V1_CASES), ...rowsOf(V3_CASES)];
  expect(new Set([...rowsOf(V1_CASES)].map(String)).size).toBe(rowsOf(V1_CASES).length);
  expect(new Set([...rowsOf(V3_CASES)].map(String)).size).toBe(rowsOf(V3_CASES).length);
  expect(rows.length).toBeGreaterThanOrEqual(200);
});

describe.skipIf(!isHere)("the way down to a bit", () => {
  const evaluatorOf = (file: string): PackEvaluator =>
    compilePack(readPack(readFileSync(join(CORPUS, file))));
  const chain = (file: string, base: string, changes: string): readonly string[] =>
    evaluatorOf(file).decide(
      packContext(apply(apply({}, BASES[base] as string), changes) as FieldValues),
      NOW_SECONDS,
    ).chain;

  test.each([
    [
      "ubl_core_v1.yaml",
      "citizen",
      "verified=false",
      ["deny_invalid_access", "W_ZeroTrust_Standard", "P_Device_Identity"],
    ],
    // All members of a sequence made it true: none is named.
    ["ubl_core_v1.yaml", "operator", "", ["allow_admin_write", "W_Admin_Path_And_Role"]],
    ["ubl_core_v3.yaml", "stranger", "", ["deny_rate_limit", "P_Rate_Bucket_OK"]],
    // Its only member did.
    [
      "ubl_core_v3.yaml",
      "partner",
      "",
      ["allow_webhook", "W_Webhook_Trusted", "P_Webhook_Verified"],
    ],
    ["ubl_core_v3.yaml", "stranger", "rate=true", ["allow_public_warmup", "W_Public_Warmup"]],
  ])("%s, %s with %s", (file, base, changes, ids) => {
    expect(chain(file, base, changes)).toEqual(ids);
  });

  test("a wire within a parallel is a wire: panic, or zero trust", () => {
    const evaluator = evaluatorOf("ubl_core_v3.yaml");
    const override = (base: string, changes: string): string | undefined =>
      evaluator
        .trace(
          packContext(apply(apply({}, BASES[base] as string), changes) as FieldValues),
          NOW_SECONDS,
        )
        .wires.find(({ id }) => id === "W_Emergency_Override")?.value;
    expect(override("citizen", "")).toBe("true");
    expect(override("stranger", "panic=true")).toBe("true");
    expect(override("stranger", "")).toBe("undefined");
    expect(override("citizen", "tls=1.2")).toBe("false");
  });

  test.each([
    [
      "ubl_core_v1.yaml",
      ["context.rate.ok", "context.webhook.verified", "system.panic_mode"],
      ["context.user.groups"],
    ],
    // The breaker and the old token are bits, but lead to no output.
    [
      "ubl_core_v3.yaml",
      ["context.legacy_jwt.valid", "system.panic_mode", "context.tenant"],
      ["context.rate.ok", "context.webhook.verified"],
    ],
  ] as const)("%s depends on the fields that lead to an output", (file, unread, read) => {
    const evaluator = evaluatorOf(file);
    for (const name of unread) expect(evaluator.readsField(name), name).toBe(false);
    for (const name of read) expect(evaluator.readsField(name), name).toBe(true);
  });
});
