/**
 * Our detectors beside libinjection (from Debian's libmodsecurity3): shares of agreement over attacks, benign texts and
 * generated variants must not fall. It measures classes of values and must never be tuned to single ones.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { detectSqli } from "../../src/seclang/detect/sqli/detect-sqli.ts";
import { detectXss } from "../../src/seclang/detect/xss/detect-xss.ts";
import { phrases, rareSqliVariants, sqliVariants, xssVariants } from "./libinjection/variants.ts";

const BUILD_LIMIT_MS = 60_000;
const ANSWER_LIMIT_BYTES = 1 << 24;
const EXAMPLES_SHOWN = 3;

const CORPORA = resolve(process.env["PORTCULLIS_CORPORA"] ?? "../shared/corpora");
const hasCorpora =
  existsSync(join(CORPORA, "attacks/payloads.jsonl")) &&
  existsSync(join(CORPORA, "benign/bodies.jsonl"));
if (!hasCorpora) console.warn(`SKIPPED: no attack strings and benign texts at ${CORPORA}`);

const folder = mkdtempSync(join(tmpdir(), "libinjection-"));
const oracle = join(folder, "oracle");
const hasOracle = buildOracle();
if (!hasOracle)
  console.warn(
    "SKIPPED: gcc or libmodsecurity3 is missing; the detectors are not compared with libinjection",
  );

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function buildOracle(): boolean {
  const source = resolve(import.meta.dirname, "libinjection/oracle.c");
  const parts = ["-O1", "-o", oracle, source, "-l:libmodsecurity.so.3"];
  return spawnSync("gcc", parts, { timeout: BUILD_LIMIT_MS, stdio: "ignore" }).status === 0;
}

interface Verdicts {
  readonly sqli: boolean;
  readonly xss: boolean;
}

function askOracle(values: readonly string[]): Verdicts[] {
  const records = values.flatMap((value) => {
    const size = Buffer.alloc(4);
    size.writeUInt32LE(value.length);
    return [size, Buffer.from(value, "latin1")];
  });
  const run = spawnSync(oracle, { input: Buffer.concat(records), maxBuffer: ANSWER_LIMIT_BYTES });
  const lines = run.stdout.toString("latin1").trimEnd().split("\n");
  expect(lines).toHaveLength(values.length);
  return lines.map((line) => ({ sqli: line.startsWith("1"), xss: line.endsWith("1") }));
}

const ourVerdicts = (value: string): Verdicts => ({
  sqli: detectSqli(value).isSqli,
  xss: detectXss(value),
});

interface Measure {
  readonly size: number;
  /** Share of values both judge alike. */
  readonly agreement: number;
  /** Share of what libinjection finds that we find. */
  readonly recall: number;
  /** Share of values we find. */
  readonly found: number;
}

function measure(name: string, kind: keyof Verdicts, values: readonly string[]): Measure {
  const theirs = askOracle(values).map((verdicts) => verdicts[kind]);
  const ours = values.map((value) => ourVerdicts(value)[kind]);
  const onlyOurs = values.filter((_, at) => ours[at] === true && theirs[at] === false);
  const onlyTheirs = values.filter((_, at) => ours[at] === false && theirs[at] === true);
  const theirCount = theirs.filter(Boolean).length;
  const result = {
    size: values.length,
    agreement: 1 - (onlyOurs.length + onlyTheirs.length) / values.length,
    recall: theirCount === 0 ? 1 : 1 - onlyTheirs.length / theirCount,
    found: ours.filter(Boolean).length / values.length,
  };
  const shown = (list: readonly string[]): string =>
    `${list.length} ${JSON.stringify(list.slice(0, EXAMPLES_SHOWN).map((value) => value.slice(0, 60)))}`;
  console.info(
    `${kind} over ${name}: ${JSON.stringify(result)}, only ours ${shown(onlyOurs)}, only theirs ${shown(onlyTheirs)}`,
  );
  return result;
}

const bytesOf = (text: string): string => Buffer.from(text).toString("latin1");

const rowsOf = <Row>(file: string): Row[] =>
  readFileSync(join(CORPORA, file), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Row);

const attacks = (isWanted: (category: string) => boolean): string[] =>
  rowsOf<{ cat: string; payload: string }>("attacks/payloads.jsonl")
    .filter((row) => isWanted(row.cat))
    .map((row) => bytesOf(row.payload));

const prompts = (): string[] =>
  rowsOf<{ text: string }>("benign/prompts.jsonl").map((row) => bytesOf(row.text));

function bodyStrings(): string[] {
  const found = new Set<string>();
  const walk = (value: unknown): void => {
    if (typeof value === "string") found.add(bytesOf(value));
    else if (typeof value === "object" && value !== null) {
      for (const [name, inner] of Object.entries(value)) {
        found.add(bytesOf(name));
        walk(inner);
      }
    }
  };
  for (const row of rowsOf<{ body: unknown }>("benign/bodies.jsonl")) walk(row.body);
  return [...found];
}

describe.skipIf(!hasOracle)("the detectors beside libinjection", () => {
  test("over generated injections into SQL", () => {
    const { recall, found } = measure("variants", "sqli", sqliVariants());
    expect(recall).toBeGreaterThanOrEqual(0.99);
    expect(found).toBeGreaterThanOrEqual(0.99);
  });

  test("over rare and broken injections into SQL", () => {
    expect(measure("rare variants", "sqli", rareSqliVariants()).recall).toBeGreaterThanOrEqual(
      0.94,
    );
  });

  test("over generated injections into pages", () => {
    const { agreement, recall } = measure("variants", "xss", xssVariants());
    expect(agreement).toBeGreaterThanOrEqual(0.99);
    expect(recall).toBeGreaterThanOrEqual(0.99);
  });

  test("over generated phrases", () => {
    const values = phrases();
    expect(measure("phrases", "sqli", values).found).toBeLessThanOrEqual(0.01);
    expect(measure("phrases", "xss", values).found).toBe(0);
  });

  describe.skipIf(!hasCorpora)("over strings of others", () => {
    test("that attack SQL", () => {
      const { recall, found } = measure(
        "attacks",
        "sqli",
        attacks((category) => category === "sqli"),
      );
      expect(recall).toBeGreaterThanOrEqual(0.97);
      expect(found).toBeGreaterThanOrEqual(0.95);
    });

    test("that attack pages", () => {
      const { agreement, recall } = measure(
        "attacks",
        "xss",
        attacks((category) => category === "xss"),
      );
      expect(agreement).toBeGreaterThanOrEqual(0.97);
      expect(recall).toBeGreaterThanOrEqual(0.97);
    });

    test("that attack something else", () => {
      const others = attacks((category) => category !== "sqli" && category !== "xss");
      expect(measure("other attacks", "sqli", others).agreement).toBeGreaterThanOrEqual(0.94);
      expect(measure("other attacks", "xss", others).agreement).toBeGreaterThanOrEqual(0.98);
    });

    test("that are fields of honest bodies", () => {
      const values = bodyStrings();
      expect(measure("fields", "sqli", values).found).toBe(0);
      expect(measure("fields", "xss", values).found).toBe(0);
    });

    test("that are prompts", () => {
      const values = prompts();
      const sqli = measure("prompts", "sqli", values);
      expect(sqli.agreement).toBeGreaterThanOrEqual(0.97);
      expect(sqli.found).toBeLessThanOrEqual(0.01);
      expect(measure("prompts", "xss", values).found).toBeLessThanOrEqual(0.002);
    });
  });
});
