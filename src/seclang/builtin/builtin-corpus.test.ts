/** The builtin rules over attacks and over ordinary requests: floors that only rise, ceilings that only fall. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { builtinPolicy, inspect, PLACES } from "./inspect.test-support.ts";

const CORPORA =
  process.env["PORTCULLIS_CORPORA"] ?? resolve(import.meta.dirname, "../../../../shared/corpora");
const isHere = existsSync(join(CORPORA, "attacks")) && existsSync(join(CORPORA, "benign"));
if (!isHere) console.warn(`SKIPPED: no corpora at ${CORPORA}`);

/** Percent of the attacks that are refused, by place. A browser's own Referer may name the machine it runs on. */
const FLOORS = { field: 98, query: 98, header: 98, userAgent: 98, referer: 96 };
const FLOOR_OF: Readonly<Record<string, number>> = {
  "a JSON field": FLOORS.field,
  "a query argument": FLOORS.query,
  "a header": FLOORS.header,
  "the User-Agent": FLOORS.userAgent,
  "the Referer": FLOORS.referer,
};
/** Of the bodies and of the prompts. */
const HIGHEST_FALSE_PERCENT = 0.5;
const PROMPT_SIZES_BYTES = [1_024, 4_096, 32_768];
/** Concatenations of each size: every one is a whole transaction. */
const MOST_LONG_PROMPTS = 60;

interface Row {
  readonly id: string;
  readonly payload: string;
  readonly text: string;
  readonly body: unknown;
}

const rowsOf = (path: string): readonly Row[] =>
  isHere
    ? readFileSync(join(CORPORA, path), "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Row)
    : [];

const percent = (part: number, whole: number): number => (100 * part) / whole;

/** The prompts joined one after another, cut into pieces of one size. */
function joined(texts: readonly string[], sizeBytes: number): readonly string[] {
  const pieces: string[] = [];
  let piece = "";
  for (const text of [...texts, ...texts.toReversed()]) {
    piece += `${text}\n\n`;
    if (piece.length < sizeBytes) continue;
    pieces.push(piece.slice(0, sizeBytes));
    piece = "";
  }
  return pieces.slice(0, MOST_LONG_PROMPTS);
}

describe.skipIf(!isHere)("the builtin rules at level 1", () => {
  const policy = builtinPolicy();
  const prompts = builtinPolicy({ kind: "prompt", tx: { prompt_mode: "block" } });
  const attacks = rowsOf("attacks/payloads.jsonl");
  const texts = rowsOf("benign/prompts.jsonl").map(({ text }) => text);

  test.each(Object.entries(PLACES))("refuse attacks in %s", async (place, sentWith) => {
    let refused = 0;
    for (const { payload } of attacks) {
      const { interruption } = await inspect(policy, sentWith(payload));
      if (interruption !== undefined) refused++;
    }
    expect(percent(refused, attacks.length)).toBeGreaterThanOrEqual(FLOOR_OF[place] ?? 100);
  });

  test("let ordinary bodies pass", async () => {
    const bodies = rowsOf("benign/bodies.jsonl");
    const refused: string[] = [];
    for (const { id, body } of bodies) {
      const { interruption } = await inspect(policy, { body: JSON.stringify(body) });
      if (interruption !== undefined) refused.push(id);
    }
    expect(percent(refused.length, bodies.length), refused.join()).toBeLessThanOrEqual(
      HIGHEST_FALSE_PERCENT,
    );
  });

  test("let ordinary prompts pass, even where prompts are refused by their score", async () => {
    const refused = await refusedOf(texts);
    expect(percent(refused, texts.length)).toBeLessThanOrEqual(HIGHEST_FALSE_PERCENT);
  });

  test.each(PROMPT_SIZES_BYTES)("let ordinary prompts of %i bytes pass", async (sizeBytes) => {
    const pieces = joined(texts, sizeBytes);
    expect(percent(await refusedOf(pieces), pieces.length)).toBeLessThanOrEqual(
      HIGHEST_FALSE_PERCENT,
    );
  });

  async function refusedOf(all: readonly string[]): Promise<number> {
    let refused = 0;
    for (const prompt of all) {
      const { interruption } = await inspect(prompts, { body: JSON.stringify({ prompt }) });
      if (interruption !== undefined) refused++;
    }
    return refused;
  }
});
