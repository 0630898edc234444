/**
 * Reads the ledger's lines from a remembered place on, in order, as they become durable. It must never give out a line the
 * writer has not made durable, nor one that was set aside.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { LINE_LIMIT_BYTES, lineHash, readLine, type LedgerLine } from "../line.ts";
import { OutwardError } from "./outward-error.ts";
import { InflatingSegment, readPlain } from "./segment-bytes.ts";
import { isDamage, listSegments, readFirstLine, type SegmentFile } from "./segment-files.ts";

/** The next line to be read. */
export interface LinePlace {
  readonly segment: number;
  /** Bytes before it, in the segment as it was written. */
  readonly offset: number;
  readonly seq: number;
}

export interface TailLine {
  readonly line: LedgerLine;
  /** The line as it stands, without its LF. */
  readonly bytes: Buffer;
}

/** What one read brings. Raised, a sink that is far behind holds that much more. */
const BATCH_LIMIT_LINES = 512;
/** More than one line, or a long one could never be read. */
const BATCH_LIMIT_BYTES = 4 * LINE_LIMIT_BYTES;

const LF = 0x0a;

/**
 * How many lines are durable for sure: the tree's size in the file `checkpoint`, which the writer replaces after the sync.
 * Zero when there is none.
 */
export async function readDurableSize(directory: string): Promise<number> {
  const note = await readFile(join(directory, "checkpoint"), "utf8").catch(() => "");
  const size = note.split("\n", 2)[1] ?? "";
  return /^\d{1,15}$/.test(size) ? Number(size) : 0;
}

interface Found {
  readonly lines: readonly TailLine[];
  /** Bytes of these lines with their LFs. */
  readonly lengthBytes: number;
  readonly damage: OutwardError | undefined;
}

interface Bounds {
  readonly durableSize: number;
  /** The first `seq` of the next segment. */
  readonly endSeq: number;
}

const isWithin = (seq: number, { durableSize, endSeq }: Bounds): boolean =>
  seq <= durableSize && seq < endSeq;

export class DurableTail {
  readonly #directory: string;
  readonly #firstSeqs = new Map<number, number>();
  #place: LinePlace | undefined;
  #inflating: InflatingSegment | undefined;
  /** The furthest it ever came, so that a gap is counted once however often it is passed. */
  #reachedSeq = 0;
  #lostLines = 0;

  /** Without a place it begins with the oldest line there is. */
  constructor(directory: string, place: LinePlace | undefined) {
    this.#directory = directory;
    this.#place = place;
  }

  get place(): LinePlace | undefined {
    return this.#place;
  }

  /** Lines that were gone when their turn came: removed by retention, or damaged. */
  get lostLines(): number {
    return this.#lostLines;
  }

  /** Goes back (or on) to a place. */
  seek(place: LinePlace | undefined): void {
    this.#place = place;
    this.close();
  }

  close(): void {
    this.#inflating?.close();
    this.#inflating = undefined;
  }

  /**
   * The next lines of the `durableSize` first ones, and the checkpoint that says so, which became durable with them; none
   * when there are none yet. Throws `tail.damaged`.
   */
  async read(durableSize: number): Promise<readonly TailLine[]> {
    if ((this.#place?.seq ?? 0) > durableSize) return [];
    try {
      return await this.#readOn(durableSize);
    } catch (error) {
      // A segment was compressed or removed since the directory was listed.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      return this.#readOn(durableSize);
    }
  }

  async #readOn(durableSize: number): Promise<readonly TailLine[]> {
    // After `durableSize` was learned: had the writer left a segment before that, the next one is listed.
    const files = await listSegments(this.#directory);
    for (const [index, file] of files.entries()) {
      if (file.segment < (this.#place?.segment ?? 0)) continue;
      const later = files.slice(index + 1);
      const firstSeq = await this.#firstSeqOf(file);
      // Without its beginning nothing says what its lines are; `#enter` counts what is passed over.
      if (firstSeq === "damaged" && later.length > 0) continue;
      if (firstSeq === "damaged") throw damageOf({ segment: file.segment }, undefined);
      if (firstSeq === undefined) return [];
      const place = this.#enter(file.segment, firstSeq);
      const nextSeq = await this.#nextSeqOf(later);
      // What a segment holds from the next one's first `seq` on was set aside, never acknowledged.
      const endSeq = nextSeq ?? Number.POSITIVE_INFINITY;
      const found = await this.#find(file, place, { durableSize, endSeq });
      if (found.lines.length > 0) {
        this.#goTo({
          segment: file.segment,
          offset: place.offset + found.lengthBytes,
          seq: place.seq + found.lines.length,
        });
        return found.lines;
      }
      this.#goTo(place);
      if (nextSeq === undefined || place.seq > durableSize) {
        if (found.damage !== undefined) throw found.damage;
        return [];
      }
      // All read, or the rest is damaged: then the lines behind it must not wait.
    }
    return [];
  }

  #goTo(place: LinePlace): void {
    this.#place = place;
    this.#reachedSeq = Math.max(this.#reachedSeq, place.seq);
  }

  /** The place in this segment, its beginning when it comes from another one. */
  #enter(segment: number, firstSeq: number): LinePlace {
    if (this.#place?.segment === segment) return this.#place;
    if (this.#place !== undefined) {
      const expectedSeq = Math.max(this.#place.seq, this.#reachedSeq);
      this.#lostLines += Math.max(0, firstSeq - expectedSeq);
    }
    return { segment, offset: 0, seq: firstSeq };
  }

  /** Where the next segment that can be read begins; undefined while there is none. */
  async #nextSeqOf(later: readonly SegmentFile[]): Promise<number | undefined> {
    for (const file of later) {
      const firstSeq = await this.#firstSeqOf(file);
      if (firstSeq !== "damaged") return firstSeq;
    }
    if (later.length === 0) return undefined;
    throw damageOf({ segment: (later.at(-1) as SegmentFile).segment }, undefined);
  }

  async #firstSeqOf(file: SegmentFile): Promise<number | "damaged" | undefined> {
    const known = this.#firstSeqs.get(file.segment);
    if (known !== undefined) return known;
    try {
      const first = await readFirstLine(file);
      // Two are needed at a time; more would grow with the age of the ledger.
      if (this.#firstSeqs.size > 2) this.#firstSeqs.clear();
      if (first !== undefined) this.#firstSeqs.set(file.segment, first.seq);
      return first?.seq;
    } catch (error) {
      if (isDamage(error)) return "damaged";
      throw error;
    }
  }

  async #find(file: SegmentFile, place: LinePlace, bounds: Bounds): Promise<Found> {
    if (!isWithin(place.seq, bounds)) return { lines: [], lengthBytes: 0, damage: undefined };
    if (!file.isCompressed)
      return cut(await readPlain(file.path, place.offset, BATCH_LIMIT_BYTES), place, bounds);
    const { segment, offset } = this.#inflating ?? {};
    if (segment !== place.segment || offset !== place.offset) {
      this.close();
      this.#inflating = new InflatingSegment(file, place.offset);
    }
    const inflating = this.#inflating as InflatingSegment;
    try {
      const found = cut(await inflating.fill(BATCH_LIMIT_BYTES), place, bounds);
      inflating.consume(found.lengthBytes);
      return found;
    } catch (error) {
      this.close();
      if (!isDamage(error)) throw error;
      return { lines: [], lengthBytes: 0, damage: damageOf(place, error) };
    }
  }
}

/** The whole lines at the beginning of `bytes`, within the bounds and the limit of a batch. */
function cut(bytes: Buffer, place: LinePlace, bounds: Bounds): Found {
  const lines: TailLine[] = [];
  let start = 0;
  while (lines.length < BATCH_LIMIT_LINES && isWithin(place.seq + lines.length, bounds)) {
    const end = bytes.indexOf(LF, start);
    const isEndless = end < 0 && bytes.length - start >= LINE_LIMIT_BYTES;
    if (end < 0 && !isEndless) break;
    const seq = place.seq + lines.length;
    const line = isEndless ? undefined : readWhole(bytes.subarray(start, end));
    if (line?.seq !== seq)
      return { lines, lengthBytes: start, damage: damageOf({ ...place, seq }, undefined) };
    // Behind a stream that ended in order its last note may be followed by the `open` line of the next start.
    if (seq === bounds.durableSize && line.kind !== "checkpoint") break;
    lines.push({ line, bytes: bytes.subarray(start, end) });
    start = end + 1;
  }
  return { lines, lengthBytes: start, damage: undefined };
}

function readWhole(bytes: Buffer): LedgerLine | undefined {
  try {
    const line = readLine(bytes);
    // A flipped bit leaves a line that reads well: it must not go out as what was recorded.
    return lineHash(bytes) === line.hash ? line : undefined;
  } catch {
    return undefined;
  }
}

function damageOf(
  { segment, seq }: { readonly segment: number; readonly seq?: number },
  cause: unknown,
): OutwardError {
  const where = seq === undefined ? "its first line" : `line ${seq}`;
  return new OutwardError(
    "tail.damaged",
    `segment ${segment} of the ledger is damaged at ${where}; \`portcullis ledger verify\` says how`,
    { cause },
  );
}
