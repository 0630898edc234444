/** Finds the segments of a ledger's directory and reads the beginning of one. It must never write there. */
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { LINE_LIMIT_BYTES, readLine } from "../line.ts";
import { OutwardError } from "./outward-error.ts";

/** `00000003.ndjson`, and what logrotate makes of it: `.ndjson.1`, `.ndjson-20261122.gz`. */
const SEGMENT_NAME = /^(\d{8,15})\.ndjson(?:\.\d+|-\d[\d-]*)?(\.gz)?$/;
const LF = 0x0a;

export interface SegmentFile {
  readonly segment: number;
  readonly path: string;
  readonly isCompressed: boolean;
}

/** All segments of the directory in order, by name; of one that is there in several forms, the plain one. */
export async function listSegments(directory: string): Promise<SegmentFile[]> {
  const found = new Map<number, SegmentFile>();
  for (const name of await readdir(directory)) {
    const [, digits, suffix] = SEGMENT_NAME.exec(name) ?? [];
    if (digits === undefined) continue;
    const segment = Number(digits);
    const isCompressed = suffix !== undefined;
    const other = found.get(segment);
    // While the writer compresses, the plain file is whole and the other may not be.
    if (other !== undefined && (isCompressed || !other.isCompressed)) continue;
    found.set(segment, { segment, path: join(directory, name), isCompressed });
  }
  return [...found.values()].sort((a, b) => a.segment - b.segment);
}

/** The segment's bytes as they were written. */
export function openSegment(file: SegmentFile, start = 0): Readable {
  const source = createReadStream(file.path, file.isCompressed ? {} : { start });
  if (!file.isCompressed) return source;
  const inflated = createGunzip();
  // The reader of `inflated` is told of either's failure.
  pipeline(source, inflated).catch(() => undefined);
  return inflated;
}

export interface FirstLine {
  readonly seq: number;
  /** RFC 3339, as the line says. */
  readonly ts: string;
}

/** Where a segment begins, or undefined while its first line is not whole. Throws `segment.unreadable`. */
export async function readFirstLine(file: SegmentFile): Promise<FirstLine | undefined> {
  try {
    const line = await firstLineBytes(file);
    if (line === undefined) return undefined;
    const { seq, ts } = readLine(line);
    return { seq, ts };
  } catch (error) {
    // Gone, or out of reach: that says nothing about what is in it.
    if (!isDamage(error)) throw error;
    throw new OutwardError(
      "segment.unreadable",
      `the first line of ${file.path} is no line of a ledger; \`portcullis ledger verify\` says what is wrong with it`,
      { cause: error },
    );
  }
}

/** Not of the file system: zlib's codes begin with `Z_`, a line's with `line.`. */
export function isDamage(error: unknown): boolean {
  const code = String((error as NodeJS.ErrnoException).code);
  return code.startsWith("Z_") || code.startsWith("line.") || code === "segment.unreadable";
}

async function firstLineBytes(file: SegmentFile): Promise<Buffer | undefined> {
  const source = openSegment(file);
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (chunk.includes(LF) || length > LINE_LIMIT_BYTES) break;
    }
  } finally {
    source.destroy();
  }
  const bytes = Buffer.concat(chunks);
  const end = bytes.indexOf(LF);
  if (end >= 0) return bytes.subarray(0, end);
  if (length <= LINE_LIMIT_BYTES) return undefined;
  throw new OutwardError("segment.unreadable", `${file.path} begins with a line that never ends`);
}
