/** Names of the files of a ledger's directory, and the calls that make changes to it durable. */
import { closeSync, fsyncSync, openSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Segments and all that names callers are for the operator's account alone. */
export const FILE_MODE = 0o600;
export const DIRECTORY_MODE = 0o700;

const NUMBER_DIGITS = 8;
const SEGMENT_NAME = /^(\d{8,15})\.ndjson(\.gz)?$/;

/** One segment on disk. Right after compression both files may be there for a moment, with the same bytes inside. */
export interface SegmentFile {
  readonly segment: number;
  /** `.ndjson` where both are there: it is what was written, and the other may not be verified yet. */
  readonly path: string;
  readonly isCompressed: boolean;
}

export function segmentStem(segment: number): string {
  return String(segment).padStart(NUMBER_DIGITS, "0");
}

export function segmentPath(directory: string, segment: number): string {
  return join(directory, `${segmentStem(segment)}.ndjson`);
}

/** All segments, oldest first. */
export function listSegments(directory: string): SegmentFile[] {
  const found = new Map<number, SegmentFile>();
  for (const name of readdirSync(directory)) {
    const match = SEGMENT_NAME.exec(name);
    if (match === null) continue;
    const segment = Number(match[1]);
    const isCompressed = match[2] !== undefined;
    // Of two names for one number (leading zeros) neither is ours.
    if (!name.startsWith(`${segmentStem(segment)}.`)) continue;
    if (isCompressed && found.has(segment)) continue;
    found.set(segment, { segment, path: join(directory, name), isCompressed });
  }
  return [...found.values()].sort((a, b) => a.segment - b.segment);
}

/** Makes names in the directory durable: without it a new file may be gone after a power loss, content and all. */
export function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
