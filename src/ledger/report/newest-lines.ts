/**
 * The newest lines of a ledger that fit a question, newest first. It reads only so much for one answer, and says where to
 * go on; it must never call an answer complete that is not.
 */
import { LineError, readLine, scanLine } from "../line.ts";
import { LineSlicer } from "../read/line-slicer.ts";
import { LedgerReadError } from "../read/read-error.ts";
import { segmentChunks } from "../read/segment-chunks.ts";
import { linesBackward } from "./lines-backward.ts";
import { newestSegments, type NewestSegment } from "./newest-segments.ts";

/**
 * Bytes of the ledger looked at for one answer, about a tenth of a second of one core. Raised, a question with rare
 * answers keeps a core that callers need busy for as much longer.
 */
const SCAN_LIMIT_BYTES = 67_108_864;
/** Bytes of lines in one answer: a thousand lines could have 64 MiB. */
const ANSWER_LIMIT_BYTES = 4_194_304;

export interface NewestQuestion {
  readonly directory: string;
  readonly limit: number;
  /** Only lines before this one: where an earlier answer says to go on. */
  readonly beforeSeq?: number | undefined;
  /** Decisions and outcomes of that request. */
  readonly requestId?: string | undefined;
  readonly kind?: string | undefined;
  readonly sinceMs?: number | undefined;
}

export interface NewestAnswer {
  /** Lines without LF, newest first. */
  readonly lines: readonly Buffer[];
  /** Ask again for lines before this one, of which none may fit; undefined when all were looked at. */
  readonly nextBefore: number | undefined;
  /** What was met on the way and is no line. */
  readonly damaged: number;
}

/** Throws LedgerReadError when the directory cannot be read. */
export async function newestLines(question: NewestQuestion): Promise<NewestAnswer> {
  const search = new Search(question);
  for await (const segment of newestSegments(question.directory)) {
    if (segment.firstSeq !== undefined && segment.firstSeq >= search.beforeSeq) continue;
    await searchSegment(search, segment);
    if (search.isDone) break;
  }
  return search.answer();
}

/** The writer packs a segment, or retention removes it, at any moment: then it is packed, or no longer there. */
async function searchSegment(search: Search, segment: NewestSegment): Promise<void> {
  try {
    if (!segment.isCompressed) return await searchPlain(search, segment);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  const path = segment.isCompressed ? segment.path : `${segment.path}.gz`;
  try {
    await searchPacked(search, { ...segment, path });
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

const isGone = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "ENOENT";

async function searchPlain(search: Search, { path, lastSeq }: NewestSegment): Promise<void> {
  for await (const lines of linesBackward(path)) {
    for (const bytes of lines) {
      const fit = search.look(bytes, lastSeq);
      if (fit) search.keep(fit);
      if (search.isDone) return;
    }
    search.pause(lines.reduce((sum, { length }) => sum + length + 1, 0));
    if (search.isDone) return;
  }
}

/** From the front, as it was packed: the last of those that fit are kept, and the segment is read to its end. */
async function searchPacked(search: Search, { path, lastSeq }: NewestSegment): Promise<void> {
  const slicer = new LineSlicer();
  const fits = new Last(search.room);
  let bytesRead = 0;
  let firstSeen = search.beforeSeq;
  try {
    for await (const chunk of segmentChunks({ path, isCompressed: true, settleMs: 0 })) {
      bytesRead += chunk.length;
      for (const bytes of slicer.push(chunk)) {
        const fit = search.look(bytes, lastSeq);
        firstSeen = Math.min(firstSeen, search.lastLooked);
        if (fit) fits.add(fit);
      }
    }
  } catch (error) {
    // What was unpacked before the damage is told; that there is damage, too.
    if (!(error instanceof LedgerReadError)) throw error;
    search.damaged += 1;
  }
  const kept = fits.newestFirst();
  for (const fit of kept) search.keep(fit);
  if (search.isFull) return;
  if (fits.hasDropped) search.stopAt(kept.at(-1)?.seq);
  search.lastLooked = firstSeen;
  search.pause(bytesRead);
}

interface Fit {
  readonly seq: number;
  readonly bytes: Buffer;
}

interface Room {
  readonly lines: number;
  readonly bytes: number;
}

/** The last that were added, within a room. */
class Last {
  readonly #room: Room;
  readonly #fits: Fit[] = [];
  #bytes = 0;
  hasDropped = false;

  constructor(room: Room) {
    this.#room = room;
  }

  add(fit: Fit): void {
    this.#fits.push(fit);
    this.#bytes += fit.bytes.length;
    while (
      this.#fits.length > 1 &&
      (this.#fits.length > this.#room.lines || this.#bytes > this.#room.bytes)
    ) {
      this.#bytes -= this.#fits.shift()?.bytes.length ?? 0;
      this.hasDropped = true;
    }
  }

  newestFirst(): Fit[] {
    return this.#fits.toReversed();
  }
}

class Search {
  readonly #question: NewestQuestion;
  readonly #since: string;
  readonly #mark: Buffer | undefined;
  readonly #lines: Buffer[] = [];
  readonly beforeSeq: number;
  /** The line looked at last, whether it fitted or not. */
  lastLooked: number;
  damaged = 0;
  #bytes = 0;
  #bytesScanned = 0;
  #isPastPeriod = false;
  #nextBefore: number | undefined;

  constructor(question: NewestQuestion) {
    this.#question = question;
    this.beforeSeq = question.beforeSeq ?? Number.POSITIVE_INFINITY;
    this.lastLooked = this.beforeSeq;
    this.#since =
      question.sinceMs === undefined
        ? ""
        : new Date(question.sinceMs).toISOString().replace("Z", "000Z");
    const { requestId } = question;
    // An id that JSON may spell in several ways is compared only after parsing.
    if (requestId !== undefined && /^[\w.:-]+$/.test(requestId))
      this.#mark = Buffer.from(requestId);
  }

  get isFull(): boolean {
    return this.#nextBefore !== undefined;
  }

  get isDone(): boolean {
    return this.isFull || this.#isPastPeriod;
  }

  get room(): Room {
    return {
      lines: this.#question.limit - this.#lines.length,
      bytes: ANSWER_LIMIT_BYTES - this.#bytes,
    };
  }

  /** The line with its number when it fits; a copy is made only then. */
  look(bytes: Buffer, lastSeq: number): Fit | undefined {
    try {
      const { seq, ts, kind } = scanLine(bytes);
      if (seq >= this.beforeSeq || seq > lastSeq) return undefined;
      this.lastLooked = seq;
      if (ts < this.#since) this.#isPastPeriod = true;
      else if (this.#fits(bytes, kind)) return { seq, bytes: Buffer.from(bytes) };
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      this.damaged += 1;
    }
    return undefined;
  }

  keep({ seq, bytes }: Fit): void {
    this.#lines.push(bytes);
    this.#bytes += bytes.length;
    if (this.#lines.length >= this.#question.limit || this.#bytes >= ANSWER_LIMIT_BYTES)
      this.stopAt(seq);
  }

  /** Enough for one answer: the rest is before that line. */
  stopAt(seq: number | undefined): void {
    this.#nextBefore = seq;
  }

  /**
   * Counts what was read; too much of it ends this answer, but not the question. What an earlier answer has covered is
   * passed over within one segment and not counted: otherwise no answer would get beyond it.
   */
  pause(bytes: number): void {
    if (this.#isPastPeriod || this.lastLooked >= this.beforeSeq) return;
    this.#bytesScanned += bytes;
    if (this.#bytesScanned >= SCAN_LIMIT_BYTES) this.#nextBefore ??= this.lastLooked;
  }

  answer(): NewestAnswer {
    // Line 0 has nothing before it.
    const nextBefore = this.#nextBefore === 0 ? undefined : this.#nextBefore;
    return { lines: this.#lines, nextBefore, damaged: this.damaged };
  }

  #fits(bytes: Buffer, kind: string): boolean {
    const { kind: wanted, requestId } = this.#question;
    if (wanted !== undefined && kind !== wanted) return false;
    if (requestId === undefined) {
      // What is answered is put into JSON as it stands.
      readLine(bytes);
      return true;
    }
    if (this.#mark && !bytes.includes(this.#mark)) return false;
    const { value } = readLine(bytes);
    return value["request_id"] === requestId || value["of"] === requestId;
  }
}
