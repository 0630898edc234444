import { rmSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { temporaryDirectory, writeDirectory } from "./ledger-fixture.test-support.ts";
import { isNamed, makeWorld, MUTATIONS, type Dice } from "./mutations.test-support.ts";
import type { Verification } from "./verification.ts";
import { verifyLedger } from "./verify-ledger.ts";

const RUNS = 10_000;
const LIMIT_MS = 600_000;

const WORLDS = { checkpoint: makeWorld("checkpoint"), entry: makeWorld("entry") };
const NAMES = Object.keys(MUTATIONS);

async function damage(
  sign: "checkpoint" | "entry",
  name: string,
  dice: Dice,
): Promise<{ verification: Verification; mutated: ReturnType<(typeof MUTATIONS)[string]> }> {
  const world = WORLDS[sign];
  const mutated = (MUTATIONS[name] as (typeof MUTATIONS)[string])(world, dice);
  const directory = temporaryDirectory();
  try {
    writeDirectory({ publicKey: world.key.verifierKey, ...mutated }, directory);
    const verification = await verifyLedger(directory, {
      settleMs: 0,
      publicKeys: mutated.pinned,
      checkpoints: mutated.outside?.map((note, index) => ({ name: `outside-${index}`, note })),
    });
    return { verification, mutated };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

describe("a damaged ledger", () => {
  test(
    `is detected, and its damage named at its place, in ${RUNS} mutations`,
    async () => {
      const seen = new Map<string, number>();
      await fc.assert(
        fc.asyncProperty(
          // A signature on every line makes a run three times as long.
          fc.constantFrom("checkpoint" as const, "checkpoint" as const, "entry" as const),
          fc.constantFrom(...NAMES),
          fc.record({ a: fc.nat(), b: fc.nat(), c: fc.nat() }),
          async (sign, name, dice) => {
            const { verification, mutated } = await damage(sign, name, dice);
            seen.set(name, (seen.get(name) ?? 0) + 1);
            const { findings, isProven } = verification;
            expect(isProven).toBe(false);
            expect(
              isNamed(findings, mutated),
              JSON.stringify({ findings, expected: mutated.expected }),
            ).toBe(true);
            const allowed = new Set([...mutated.expected.kinds, ...(mutated.besides ?? [])]);
            expect(findings.filter(({ kind }) => !allowed.has(kind))).toEqual([]);
          },
        ),
        { numRuns: RUNS },
      );
      expect(seen.size).toBe(NAMES.length);
    },
    LIMIT_MS,
  );
});
