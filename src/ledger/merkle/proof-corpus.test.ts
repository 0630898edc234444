/** transparency-dev's Merkle proof vectors, run whole: what must fail does, and what must verify does. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { ProofError } from "./proof-error.ts";
import {
  verifyConsistency,
  verifyInclusion,
  verifySubtreeConsistency,
  verifySubtreeInclusion,
} from "./verify-proof.ts";

const CORPUS = resolve(
  process.env["PORTCULLIS_CORPORA"] ?? "../shared/corpora",
  "merkle/proofs.jsonl",
);
const isAbsent = !existsSync(CORPUS);
if (isAbsent) console.warn(`SKIPPED: the Merkle proof vectors are not at ${CORPUS}`);

interface Row {
  readonly id: string;
  readonly kind: keyof typeof VERIFIERS;
  readonly wantErr: boolean;
  readonly proof: readonly string[] | null;
  readonly [name: string]: unknown;
}

/** Reads the members of a row by the type its kind needs. */
class Claim {
  readonly #row: Row;

  constructor(row: Row) {
    this.#row = row;
  }

  count(name: string): number {
    return this.#row[name] as number;
  }

  hash(name: string): Buffer {
    return Buffer.from(this.#row[name] as string, "base64");
  }

  proof(): Buffer[] {
    return (this.#row.proof ?? []).map((hash) => Buffer.from(hash, "base64"));
  }
}

const VERIFIERS = {
  inclusion: (claim: Claim) =>
    verifyInclusion({
      index: claim.count("leafIdx"),
      size: claim.count("treeSize"),
      leaf: claim.hash("leafHash"),
      proof: claim.proof(),
      root: claim.hash("root"),
    }),
  consistency: (claim: Claim) =>
    verifyConsistency({
      size1: claim.count("size1"),
      size2: claim.count("size2"),
      root1: claim.hash("root1"),
      root2: claim.hash("root2"),
      proof: claim.proof(),
    }),
  subtreeinclusion: (claim: Claim) =>
    verifySubtreeInclusion({
      index: claim.count("leafIdx"),
      start: claim.count("start"),
      end: claim.count("end"),
      leaf: claim.hash("leafHash"),
      proof: claim.proof(),
      root: claim.hash("root"),
    }),
  subtreeconsistency: (claim: Claim) =>
    verifySubtreeConsistency({
      start: claim.count("start"),
      end: claim.count("end"),
      size: claim.count("size"),
      root1: claim.hash("root1"),
      root2: claim.hash("root2"),
      proof: claim.proof(),
    }),
};

const ROWS = isAbsent
  ? []
  : readFileSync(CORPUS, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Row);

/** `accepted`, or the code it was refused with; whatever else is thrown is a fault. */
function verdictOf(row: Row): string {
  try {
    VERIFIERS[row.kind](new Claim(row));
    return "accepted";
  } catch (error) {
    if (error instanceof ProofError) return error.code;
    throw error;
  }
}

describe.skipIf(isAbsent)("the Merkle proof vectors", () => {
  test.each(ROWS.map((row) => [row.id, row] as const))("%s", (_, row) => {
    if (row.wantErr) expect(verdictOf(row)).toMatch(/^proof\./);
    else expect(verdictOf(row)).toBe("accepted");
  });

  test("all 255 rows ran and were right, those of every kind among them", () => {
    const right = ROWS.filter((row) => (verdictOf(row) !== "accepted") === row.wantErr);
    const kinds = Map.groupBy(right, (row) => row.kind);
    expect(right).toHaveLength(255);
    expect(right.filter((row) => !row.wantErr)).toHaveLength(18);
    expect(Object.fromEntries([...kinds].map(([kind, rows]) => [kind, rows.length]))).toEqual({
      inclusion: 49,
      consistency: 49,
      subtreeinclusion: 100,
      subtreeconsistency: 57,
    });
  });
});
