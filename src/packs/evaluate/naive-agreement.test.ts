/** The evaluator against one that is too plain to be wrong in the same way. */
import { expect, test } from "vitest";
import { FIELD_NAMES, packContext, type FieldName, type FieldValues } from "../fields.ts";
import { readPack } from "../read/read-pack.ts";
import { compilePack } from "./evaluator.ts";
import { NaivePack } from "./naive-evaluator.test-support.ts";
import {
  NOWS,
  randomContext,
  randomOf,
  randomPack,
  type PackShape,
} from "./random-pack.test-support.ts";

const CONTEXTS_OF_EACH = 20;

const FEW_FIELDS: readonly FieldName[] = [
  "context.rate.ok",
  "context.tenant",
  "context.req.path",
  "context.scopes",
];

function shapeOf(seed: number, random: (below: number) => number): PackShape {
  // Every eighth has outputs enough to be looked up by their fields.
  if (seed % 8 === 0) return { bits: 10, wires: 6, outputs: 12 + random(28), fields: FEW_FIELDS };
  return { bits: 1 + random(6), wires: random(6), outputs: random(6), fields: FIELD_NAMES };
}

/** Compares every context of one pack; gives how often each output decided, for the test to see that all kinds came up. */
function compare(seed: number, seen: Map<string, number>): void {
  const random = randomOf(seed);
  const yaml = randomPack(random, shapeOf(seed, random));
  const pack = readPack(Buffer.from(yaml));
  const evaluator = compilePack(pack);
  const naive = new NaivePack(yaml);
  expect(pack.bits).toHaveLength(naive.raw.policies.length);
  expect(pack.wires).toHaveLength(naive.raw.wiring.length);
  expect(pack.outputs).toHaveLength(naive.raw.outputs.length);
  for (let index = 0; index < CONTEXTS_OF_EACH; index++) {
    const values = randomContext(random);
    const now = NOWS[index % NOWS.length] as number;
    const context = packContext(Object.fromEntries(values) as FieldValues);
    const { effect, reason, ...decision } = evaluator.decide(context, now);
    const expected = naive.decide(values, now);
    if (JSON.stringify(decision) !== JSON.stringify(expected)) {
      // Compared as text first, because that is all the time there is for a hundred thousand.
      expect(decision, `seed ${seed}, now ${now}\n${yaml}\n${[...values].join("\n")}`).toEqual(
        expected,
      );
      throw new Error(
        `seed ${seed}: ${JSON.stringify(decision)} is not ${JSON.stringify(expected)}`,
      );
    }
    expect(effect === "allow").toBe(decision.output.startsWith("allow"));
    expect(reason).toBe(decision.output.replace(/^(?:allow|deny)_/, ""));
    const kind = `${effect} ${decision.bitValue ?? "none"} ${decision.chain.length > 2}`;
    seen.set(kind, (seen.get(kind) ?? 0) + 1);
  }
}

test("100,000 random packs and contexts", { timeout: 600_000 }, () => {
  const seen = new Map<string, number>();
  for (let seed = 1; seed <= 100_000 / CONTEXTS_OF_EACH; seed++) compare(seed, seen);
  // Both effects; no bit to name, a false one, an undefined one; short ways down and long ones. Only an allow whose way
  // is short cannot name an undefined bit.
  expect([...seen.keys()].filter((kind) => (seen.get(kind) ?? 0) > 100)).toHaveLength(11);
});

test("a trace says what the decision says, and what each part is", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = randomOf(seed);
    const yaml = randomPack(random, shapeOf(seed, random));
    const evaluator = compilePack(readPack(Buffer.from(yaml)));
    const naive = new NaivePack(yaml);
    for (let index = 0; index < CONTEXTS_OF_EACH; index++) {
      const values = randomContext(random);
      const now = NOWS[index % NOWS.length] as number;
      const context = packContext(Object.fromEntries(values) as FieldValues);
      const { decision, bits, wires, outputs } = evaluator.trace(context, now);
      expect(decision).toBe(evaluator.decide(context, now));
      expect(outputs.find(({ fires }) => fires)?.id ?? "default_deny").toBe(decision.output);
      for (const { id, value } of [...bits, ...wires])
        expect(value, `seed ${seed} ${id}`).toBe(naive.valueOf(id, values, now));
      for (const { id, fires } of outputs) {
        const raw = naive.raw.outputs.find((output) => id in output)?.[id];
        const value = naive.trigger(raw?.trigger ?? "", values, now);
        expect(fires).toBe(id.startsWith("allow") ? value === "true" : value !== "false");
      }
    }
  }
});
