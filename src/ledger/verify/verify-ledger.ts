/**
 * Verifies a ledger's directory without its writer, in one pass with bounded memory. What is wrong becomes a finding; it
 * throws only where nothing can be said at all.
 */
import { firstWith, readSegment } from "../read/read-ledger.ts";
import { LedgerReadError } from "../read/read-error.ts";
import { findSegments, type SegmentFile } from "../read/segment-files.ts";
import { formatVerifierKey, type VerifierKey } from "../verifier-key.ts";
import { checkFiles } from "./check-files.ts";
import { FindingList } from "./finding.ts";
import { LedgerVerifier } from "./ledger-verifier.ts";
import {
  outsideAnchors,
  ownAnchor,
  readOwnNote,
  type OutsideCheckpoint,
} from "./outside-checkpoint.ts";
import type { ProvenRange } from "./proven-ranges.ts";
import { requireVerifierKey, resolveTrustedKeys } from "./trusted-keys.ts";
import { concludeVerification, type Verification } from "./verification.ts";

export interface VerifyOptions {
  /** Verifier keys to trust, as text; without any, the ledger's own is taken and the result says so. */
  readonly publicKeys?: readonly string[] | undefined;
  /** Verifier keys of whoever signed joins among the checkpoints. */
  readonly joinKeys?: readonly string[] | undefined;
  readonly checkpoints?: readonly OutsideCheckpoint[] | undefined;
  /** Only lines from here on, from the beginning of their segment. */
  readonly fromSeq?: number | undefined;
  /** Only lines up to here, and on to the checkpoint that covers it. */
  readonly toSeq?: number | undefined;
  readonly limitFindings?: number | undefined;
  /** How long the last line of the stream is waited for when it is just being written. Default 200. */
  readonly settleMs?: number | undefined;
}

const DEFAULT_SETTLE_MS = 200;

/** Throws LedgerReadError or VerifyError. */
export async function verifyLedger(
  directory: string,
  options: VerifyOptions = {},
): Promise<Verification> {
  const findings = new FindingList(options.limitFindings);
  const { publicKeys = [], joinKeys = [], checkpoints = [] } = options;
  // Before the segments are looked for: a writer that goes on meanwhile never has fewer lines than its checkpoint.
  const ownNote = await readOwnNote(directory);
  const listing = await findSegments(directory);
  const trusted = await resolveTrustedKeys(directory, publicKeys, listing.segments);
  const { keys, isSelfAsserted, inDirectory } = trusted;
  if (inDirectory !== undefined && !keys.some((key) => publicKeyText(key) === inDirectory.trim())) {
    findings.add("key_mismatch", { place: { file: "public-key" } });
  }
  const outsideKeys = { keys, joinKeys: joinKeys.map(requireVerifierKey) };
  const anchors = [
    ...ownAnchor(ownNote, keys, findings),
    ...outsideAnchors(checkpoints, outsideKeys, findings),
  ];
  await checkFiles(listing, findings);

  const from = firstWith(listing.segments, options.fromSeq);
  const segments = listing.segments.slice(from);
  const isFromStart = options.fromSeq === undefined && segments[0]?.segment === 0;
  const verifier = new LedgerVerifier({
    keys,
    anchors,
    findings,
    firstSeq: isFromStart ? 0 : undefined,
    isPart: options.fromSeq !== undefined,
  });
  const isWhole = await readAll(segments, { verifier, findings, options });
  const removed = verifier.finish(isWhole);
  return concludeVerification({
    isProven: findings.count === 0 && isCovered(verifier.ranges.all, options),
    publicKeys: keys.map(publicKeyText),
    isSelfAsserted,
    segments: segments.length,
    lines: verifier.lines,
    firstSeq: verifier.firstSeq,
    lastSeq: verifier.lines === 0 ? undefined : verifier.nextSeq - 1,
    proven: verifier.ranges.all,
    checkpoints: {
      verified: verifier.verifiedCheckpoints,
      outside: verifier.anchors.metOutside,
      notCompared: verifier.anchors.notCompared,
    },
    removed,
    findings: findings.sorted(),
    moreFindings: findings.more,
  });
}

interface Reading {
  readonly verifier: LedgerVerifier;
  readonly findings: FindingList;
  readonly options: VerifyOptions;
}

/** False when it ended before the stream did, because what was asked for is covered. */
async function readAll(segments: readonly SegmentFile[], reading: Reading): Promise<boolean> {
  const { settleMs = DEFAULT_SETTLE_MS } = reading.options;
  for (const segment of segments) {
    const isLast = segment === segments.at(-1);
    if (await readOne(segment, isLast ? settleMs : 0, reading)) return false;
  }
  return true;
}

/** True when what was asked for is covered. */
async function readOne(
  segment: SegmentFile,
  settleMs: number,
  { verifier, findings, options: { toSeq = Number.POSITIVE_INFINITY } }: Reading,
): Promise<boolean> {
  try {
    for await (const batch of readSegment(segment, settleMs)) {
      verifier.take(batch);
      if (verifier.coveredSize > toSeq && !verifier.hasUnexplainedGap) return true;
    }
  } catch (error) {
    const isDamage = error instanceof LedgerReadError && error.code === "ledger.compressed_damaged";
    if (!isDamage) throw error;
    const place = { segment: segment.segment, file: segment.name };
    findings.add("segment_unreadable", { place, seq: verifier.nextSeq, detail: error.message });
  }
  return false;
}

/** Whether every line that was asked for is in one proven range, but for the last ones, which no checkpoint can cover. */
function isCovered(ranges: readonly ProvenRange[], { fromSeq, toSeq }: VerifyOptions): boolean {
  return ranges.some(
    (range) =>
      range.fromSeq <= (fromSeq ?? range.fromSeq) && range.toSeq >= (toSeq ?? fromSeq ?? 0),
  );
}

function publicKeyText({ name, publicKey, role }: VerifierKey): string {
  return formatVerifierKey(name, publicKey, role);
}
