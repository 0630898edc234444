/** The Core Rule Sets over what attackers and ordinary callers send: the filter finds what every rule on every value finds. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import type { ByteString } from "../byte-string.ts";
import { Entry, PART, type Part } from "../collections/entry.ts";
import { Filter } from "./filter.ts";
import { FilterSession } from "./filter-session.ts";
import { naiveMatches, reported } from "./naive-filter.test-support.ts";
import { RULE_FOLDERS, rulesOfFiles } from "./rule-files.test-support.ts";

const CORPORA = resolve(process.env["PORTCULLIS_CORPORA"] ?? "../shared/corpora");
const isAbsent = RULE_FOLDERS.size === 0 || !existsSync(CORPORA);
if (isAbsent) console.warn(`SKIPPED: no rule set, or no corpora at ${CORPORA}`);

/** Longer ones are cut: running every rule on them is what takes the time. */
const LONGEST_VALUE_BYTES = 600;
/** Of each corpus; more would take minutes under the long way. */
const MOST_VALUES = 700;

const toByteString = (text: string): ByteString =>
  Buffer.from(text, "utf8").toString("latin1").slice(0, LONGEST_VALUE_BYTES);

/** Every so many, so that all kinds are there. */
function sample<T>(items: readonly T[]): T[] {
  const step = Math.max(1, Math.floor(items.length / MOST_VALUES));
  return items.filter((_, at) => at % step === 0).slice(0, MOST_VALUES);
}

function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [key, ...textsIn(inner)]);
}

const linesOf = (path: string): unknown[] =>
  existsSync(path)
    ? readFileSync(path, "utf8")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as unknown)
    : [];

/** What stands behind a colon in the tests, crudely: URIs, data, header values; decoded once as a parser would. */
function ftwTexts(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const texts = files
    .filter((name) => name.endsWith(".yaml"))
    .flatMap((name) => readFileSync(join(folder, name), "utf8").split("\n"))
    .map((line) => line.replace(/^[\s-]*[\w-]+:\s+["'|]?/, "").trim())
    .filter((text) => text.length > 1);
  const distinct = [...new Set(texts)];
  return [...distinct, ...distinct.filter((text) => text.includes("%")).map(decoded)];
}

function decoded(text: string): string {
  return text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

const PARTS: readonly (readonly [Part, string])[] = [
  [PART.argsPost, "json.a.0.b"],
  [PART.argsGetNames, ""],
  [PART.requestHeaders, "User-Agent"],
  [PART.requestHeaders, "Referer"],
  [PART.requestFilename, ""],
];

const CORPUS_TEXTS: readonly (readonly [string, () => string[]])[] = [
  ["the tests of CRS 4", () => ftwTexts(join(CORPORA, "crs-ftw"))],
  ["the tests of CRS 3.3", () => ftwTexts(join(CORPORA, "crs-ftw-v3.3"))],
  ["attacks", () => linesOf(join(CORPORA, "attacks/payloads.jsonl")).flatMap(textsIn)],
  ["ordinary bodies", () => linesOf(join(CORPORA, "benign/bodies.jsonl")).flatMap(textsIn)],
  ["prompts", () => linesOf(join(CORPORA, "benign/prompts.jsonl")).flatMap(textsIn)],
];

describe.skipIf(isAbsent).each([...RULE_FOLDERS])("%s at level 1", (_, folder) => {
  const { rules, chains } = rulesOfFiles(folder, 1);
  const filter = new Filter({ rules, chains });
  const selection = filter.select(new Uint8Array(rules.length).fill(1));

  test("has rules, and small tables", () => {
    expect(rules.length).toBeGreaterThan(90);
    expect(filter.memoryBytes).toBeLessThan(8_000_000);
  });

  test.each(CORPUS_TEXTS)("nothing is missed in %s", (name, texts) => {
    const session = new FilterSession(selection);
    const values = sample([...new Set(texts().map(toByteString))]);
    expect(values.length, name).toBeGreaterThan(50);
    for (const value of values) {
      const entries = PARTS.map(([part, entryName]) => new Entry(part, entryName, value));
      session.reset();
      session.scan(entries);
      expect(reported(session, entries), value).toEqual(naiveMatches({ rules, chains }, entries));
    }
  });
});
