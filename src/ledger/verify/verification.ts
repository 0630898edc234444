/** The result of a verification, and the sentence that says what it proves. It must never say more than was verified. */
import type { Finding } from "./finding.ts";
import type { ProvenRange } from "./proven-ranges.ts";
import type { RemovedRange } from "./segment-records.ts";

export interface Verification {
  /** No finding, and every line asked for is proven. */
  readonly isProven: boolean;
  /** One or two sentences for people. */
  readonly conclusion: string;
  /** The verifier keys that were trusted. */
  readonly publicKeys: readonly string[];
  /** They were the ledger's own word. */
  readonly isSelfAsserted: boolean;
  readonly segments: number;
  /** Lines read. */
  readonly lines: number;
  readonly firstSeq: number | undefined;
  readonly lastSeq: number | undefined;
  readonly proven: readonly ProvenRange[];
  readonly checkpoints: {
    /** Checkpoint lines whose signature and content verified. */
    readonly verified: number;
    /** Outside checkpoints that agree. */
    readonly outside: number;
    /** Files of checkpoints whose place in the stream is damaged, removed or not looked at. */
    readonly notCompared: readonly string[];
  };
  /** Lines removed by retention, as signed lines say. */
  readonly removed: readonly RemovedRange[];
  readonly findings: readonly Finding[];
  /** Findings beyond those listed. */
  readonly moreFindings: number;
}

type Facts = Omit<Verification, "conclusion">;

/** What is proven, up to where, and on whose word. */
export function concludeVerification(facts: Facts): Verification {
  const parts = [provenPart(facts), removedPart(facts), findingsPart(facts), trustPart(facts)];
  return { ...facts, conclusion: parts.filter((part) => part !== "").join(" ") };
}

function provenPart({ proven }: Facts): string {
  const [first] = proven;
  if (!first) return "Nothing is proven.";
  const ranges = proven
    .slice(0, RANGES_TOLD)
    .map(({ fromSeq, toSeq }) => rangeText(fromSeq, toSeq));
  const more = proven.length > RANGES_TOLD ? ` and ${proven.length - RANGES_TOLD} more ranges` : "";
  return `Proven: lines ${ranges.join(", ")}${more}, unaltered, complete and in order.`;
}

function removedPart({ removed }: Facts): string {
  if (removed.length === 0) return "";
  const ranges = removed.map(({ fromSeq, toSeq }) => rangeText(fromSeq, toSeq));
  return `Removed by retention, as signed: lines ${ranges.join(", ")}.`;
}

function findingsPart({ findings, moreFindings }: Facts): string {
  const count = findings.length + moreFindings;
  if (count === 0) return "";
  return count === 1 ? "1 finding." : `${count} findings.`;
}

function trustPart({ isSelfAsserted, checkpoints }: Facts): string {
  const key = isSelfAsserted
    ? "The public key is the ledger's own word: give the one you trust with --public-key."
    : "";
  // A good chain that is too short is still a good chain.
  const tail =
    checkpoints.outside === 0
      ? "Without an outside checkpoint nobody can see whether the end was cut off: give one with --checkpoint."
      : "";
  return `${key} ${tail}`.trim();
}

/** More are only counted. */
const RANGES_TOLD = 5;

function rangeText(fromSeq: number, toSeq: number): string {
  return fromSeq === toSeq ? `${fromSeq}` : `${fromSeq} to ${toSeq}`;
}
