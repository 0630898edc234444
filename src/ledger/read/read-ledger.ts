/**
 * Streams a ledger's lines in order, as bytes where they lie. It checks nothing: whoever must be sure verifies. It must
 * never yield what the writer set aside, nor hold more than a chunk and a line.
 */
import { dirname } from "node:path";
import { scanLine } from "../line.ts";
import { LineSlicer } from "./line-slicer.ts";
import { LedgerReadError } from "./read-error.ts";
import { segmentChunks } from "./segment-chunks.ts";
import { findSegments, type SegmentFile } from "./segment-files.ts";

/** Lines of one segment that were read together. */
export interface LineBatch {
  readonly segment: SegmentFile;
  /** Number of the first of these lines within the segment, from 1. */
  readonly firstLine: number;
  /**
   * Without their LF; their bytes are valid until the next batch is asked for. One that is too long comes as its first
   * `LINE_LIMIT_BYTES` bytes, which no good line has.
   */
  readonly lines: readonly Buffer[];
  /** Then `lines` is one, the last of its segment, and its LF is missing. */
  readonly isTorn: boolean;
}

export interface ReadOptions {
  /** Segments that end before this line are not opened; those before it in its own segment still come. */
  readonly fromSeq?: number | undefined;
  /** How long the last line of the stream is waited for when it is just being written. Default 200. */
  readonly settleMs?: number | undefined;
}

/** Long beside any single write, short beside an operator's patience. */
const DEFAULT_SETTLE_MS = 200;

/** The lines of a directory. Throws LedgerReadError. */
export async function* readLedger(
  directory: string,
  options: ReadOptions = {},
): AsyncGenerator<LineBatch, void, void> {
  const { segments } = await findSegments(directory);
  const from = firstWith(segments, options.fromSeq);
  for (const [index, segment] of segments.slice(from).entries()) {
    const isLast = from + index === segments.length - 1;
    yield* readSegment(segment, isLast ? (options.settleMs ?? DEFAULT_SETTLE_MS) : 0);
  }
}

/** The place of the segment that holds this line: the last one that does not begin behind it. */
export function firstWith(segments: readonly SegmentFile[], seq: number | undefined): number {
  if (seq === undefined) return 0;
  return Math.max(
    0,
    segments.findLastIndex(({ head }) => head?.isSound === true && head.seq <= seq),
  );
}

/** The lines of one segment. Throws LedgerReadError. */
export async function* readSegment(
  segment: SegmentFile,
  settleMs = 0,
): AsyncGenerator<LineBatch, void, void> {
  const slicer = new LineSlicer();
  let firstLine = 1;
  for await (const chunk of chunksOf(segment, settleMs)) {
    const all = slicer.push(chunk);
    const lines = segment.lastSeq === undefined ? all : counted(all, segment.lastSeq);
    if (lines.length > 0) yield { segment, firstLine, lines, isTorn: false };
    if (lines.length < all.length || hasEnded(lines, segment.lastSeq)) return;
    firstLine += lines.length;
  }
  const rest = slicer.rest();
  if (rest) yield { segment, firstLine, lines: [rest], isTorn: true };
}

/** The writer may compress or logrotate move a segment between finding and opening it: then it is looked for again. */
async function* chunksOf(
  segment: SegmentFile,
  settleMs: number,
): AsyncGenerator<Buffer, void, void> {
  try {
    yield* segmentChunks({ ...segment, settleMs });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    const { segments } = await findSegments(dirname(segment.path));
    const found = segments.find((each) => each.segment === segment.segment);
    if (!found || found.path === segment.path) throw gone(segment, error);
    yield* segmentChunks({ ...found, settleMs: 0 });
  }
}

function gone(segment: SegmentFile, cause: unknown): LedgerReadError {
  const why = `${segment.path}: it was removed while the ledger was read; read it again`;
  return new LedgerReadError("ledger.segment_unreadable", why, cause);
}

/** Up to the last line that counts; what cannot be read before it still comes, as damage. */
function counted(lines: readonly Buffer[], lastSeq: number): Buffer[] {
  const end = lines.findIndex((line) => (seqOf(line) ?? -1) > lastSeq);
  const until = lines.findIndex((line) => seqOf(line) === lastSeq);
  if (until >= 0) return lines.slice(0, until + 1);
  return lines.slice(0, end < 0 ? lines.length : end);
}

function hasEnded(lines: readonly Buffer[], lastSeq: number | undefined): boolean {
  const last = lines.at(-1);
  return lastSeq !== undefined && last !== undefined && seqOf(last) === lastSeq;
}

function seqOf(line: Buffer): number | undefined {
  try {
    return scanLine(line).seq;
  } catch {
    return undefined;
  }
}
