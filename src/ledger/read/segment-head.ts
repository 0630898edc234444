/** The first line of a segment: what tells which segment a file holds. It is not verified here, only read. */
import { lineHash, readLine, type LedgerLine } from "../line.ts";
import { LineSlicer } from "./line-slicer.ts";
import { LedgerReadError } from "./read-error.ts";
import { segmentChunks } from "./segment-chunks.ts";

/** What an `open` line says that a reader needs before it reads on. */
export interface SegmentHead {
  readonly segment: number;
  readonly seq: number;
  /** Whether the line's hash fits it. */
  readonly isSound: boolean;
  readonly publicKey: string | undefined;
  /** What earlier files hold behind these lines was never acknowledged. */
  readonly setAside: readonly { readonly segment: number; readonly afterSeq: number }[];
}

/** Most first lines are shorter; a longer one is read in several pieces. */
const HEAD_BYTES = 8 * 1024;

/** Undefined where the first line is no `open` line; "gone" where there is no file. */
export async function readSegmentHead(file: {
  readonly path: string;
  readonly isCompressed: boolean;
}): Promise<SegmentHead | undefined | "gone"> {
  try {
    const first = await firstLine(file);
    return first && headOf(first);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "gone";
    // What is damaged or unreadable is reported by whoever reads the lines, with its place.
    if (error instanceof LedgerReadError) return undefined;
    throw error;
  }
}

async function firstLine(file: {
  readonly path: string;
  readonly isCompressed: boolean;
}): Promise<Buffer | undefined> {
  const slicer = new LineSlicer();
  for await (const chunk of segmentChunks({ ...file, settleMs: 0, chunkBytes: HEAD_BYTES })) {
    const [line] = slicer.push(chunk);
    if (line) return line;
    if (slicer.isOverLimit) return undefined;
  }
  return undefined;
}

function headOf(bytes: Buffer): SegmentHead | undefined {
  const line = tryReadLine(bytes);
  const segment = line?.value["segment"];
  if (line?.kind !== "open" || !isCount(segment)) return undefined;
  const publicKey = line.value["public_key"];
  return {
    segment,
    seq: line.seq,
    isSound: lineHash(bytes) === line.hash,
    publicKey: typeof publicKey === "string" ? publicKey : undefined,
    setAside: setAsideOf(line.value["set_aside"]),
  };
}

function tryReadLine(bytes: Buffer): LedgerLine | undefined {
  try {
    return readLine(bytes);
  } catch {
    return undefined;
  }
}

/** One, or after several failures in a row a list of them. */
function setAsideOf(said: unknown): SegmentHead["setAside"] {
  const all = (Array.isArray(said) ? said : [said]) as readonly unknown[];
  return all.flatMap((each) => {
    const { segment, after_seq: afterSeq } = (each ?? {}) as Record<string, unknown>;
    // Minus one: nothing of the whole stream was ever acknowledged.
    const isAfter = isCount(afterSeq) || afterSeq === -1;
    return isCount(segment) && isAfter ? [{ segment, afterSeq }] : [];
  });
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
