/**
 * Finds the segments of a ledger's directory and their order, those moved aside by logrotate among them. It must never
 * leave a segment out silently, nor go by a file's name where the first line says better.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { LedgerReadError } from "./read-error.ts";
import { readSegmentHead, type SegmentHead } from "./segment-head.ts";

/** One file that holds a segment. */
export interface SegmentFile {
  /** What its first line says, or its name where that line cannot be believed. */
  readonly segment: number;
  readonly name: string;
  readonly path: string;
  readonly isCompressed: boolean;
  /** The number in its name. */
  readonly namedSegment: number;
  /** Its first line, where that is a whole `open` line. */
  readonly head: SegmentHead | undefined;
  /** The last line that counts, where a later `open` line set aside what stands behind it. */
  readonly lastSeq: number | undefined;
}

export interface SegmentListing {
  /** In the order of the stream, one for each number. */
  readonly segments: readonly SegmentFile[];
  /** Further files with the number of one of these. */
  readonly spares: readonly SegmentFile[];
}

/** `00000003.ndjson`, `.ndjson.gz`, and what logrotate makes of it: `.ndjson.1`, `.ndjson-20261122.gz`. */
const NAME = /^(?<segment>\d{8,15})\.ndjson(?<aside>\.\d+|-\d[\d-]*)?(?<packed>\.gz)?$/;

/** Times a directory is looked at while its files change. */
const LOOKS = 10;

/** Throws a LedgerReadError when the directory cannot be read or holds no segment. */
export async function findSegments(directory: string): Promise<SegmentListing> {
  const files = await settledFiles(directory);
  if (files.length === 0) {
    throw new LedgerReadError(
      "ledger.no_segments",
      `${directory}: no ledger here; segments are named 00000000.ndjson or 00000000.ndjson.gz`,
    );
  }
  const ordered = byPlace(files).sort(compare);
  const segments = ordered.filter((file, at) => file.segment !== ordered[at - 1]?.segment);
  const spares = ordered.filter((file, at) => file.segment === ordered[at - 1]?.segment);
  return { segments: withCutoffs(segments), spares };
}

/** A writer may compress segments meanwhile: until two looks agree, what seems missing may only have got another name. */
async function settledFiles(directory: string): Promise<SegmentFile[]> {
  let before: string | undefined;
  for (let round = 1; ; round += 1) {
    const names = await namesOf(directory);
    const described: Awaited<ReturnType<typeof describe>>[] = [];
    for (const name of names) described.push(await describe(directory, name));
    const files = described.filter((file) => file !== "gone" && file !== "other");
    const isQuiet = !described.includes("gone") && !hasHoles(files);
    if (isQuiet || names.join("\n") === before || round === LOOKS) return files;
    before = names.join("\n");
  }
}

function hasHoles(files: readonly SegmentFile[]): boolean {
  const held = files.map(({ segment }) => segment);
  return Math.max(...held) - Math.min(...held) >= new Set(held).size;
}

async function namesOf(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    const why = `${directory}: ${(error as Error).message}; name the directory of a ledger`;
    throw new LedgerReadError("ledger.directory_unreadable", why, error);
  }
}

async function describe(directory: string, name: string): Promise<SegmentFile | "gone" | "other"> {
  const groups = NAME.exec(name)?.groups;
  if (!groups) return "other";
  const isCompressed = groups["packed"] !== undefined;
  const path = join(directory, name);
  const head = await readSegmentHead({ path, isCompressed });
  if (head === "gone") return head;
  const namedSegment = Number(groups["segment"]);
  return {
    segment: head?.isSound === true ? head.segment : namedSegment,
    name,
    path,
    isCompressed,
    namedSegment,
    head,
    lastSeq: undefined,
  };
}

/**
 * Where the first line of a file says that it is another segment, and that segment is there under its own name, the
 * line is more likely in the wrong place than the file: unless its name is one that the stream has not come to.
 */
function byPlace(files: readonly SegmentFile[]): SegmentFile[] {
  const named = new Set(files.map(({ namedSegment }) => namedSegment));
  const held = new Set(files.map(({ segment }) => segment));
  const last = Math.max(...held);
  return files.map((file) => {
    const { segment, namedSegment } = file;
    const isTaken = segment !== namedSegment && named.has(segment);
    const isFree = !held.has(namedSegment) && namedSegment < last;
    return isTaken && isFree ? { ...file, segment: namedSegment } : file;
  });
}

/** The file that is named as it should be comes first, and the plain before the packed. */
function compare(one: SegmentFile, other: SegmentFile): number {
  if (one.segment !== other.segment) return one.segment - other.segment;
  const misnamed = (file: SegmentFile): number => (file.namedSegment === file.segment ? 0 : 1);
  if (misnamed(one) !== misnamed(other)) return misnamed(one) - misnamed(other);
  return one.name.length - other.name.length || (one.name < other.name ? -1 : 1);
}

/** A file that the writer gave up counts up to the line that a later `open` line names, and so does each between. */
function withCutoffs(segments: readonly SegmentFile[]): SegmentFile[] {
  const cut = [...segments];
  for (const later of segments) {
    for (const { segment, afterSeq } of later.head?.setAside ?? []) {
      for (let at = cut.length - 1; at >= 0; at -= 1) {
        const file = cut[at] as SegmentFile;
        if (file.segment >= later.segment || file.segment < segment) continue;
        cut[at] = { ...file, lastSeq: Math.min(file.lastSeq ?? afterSeq, afterSeq) };
      }
    }
  }
  return cut;
}
