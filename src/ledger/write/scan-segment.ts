/**
 * Reads one segment as the writer does at its start: how far it is whole, where its chain and tree stand, and whether
 * what is broken was ever acknowledged. It must never take damage for a torn write when it can know better.
 */
import { parseCheckpoint } from "../checkpoint.ts";
import { FIRST_PREV, lineHash, readLine, scanLine, type ScannedLine } from "../line.ts";
import { CompactRange } from "../merkle/compact-range.ts";
import { leafHash } from "../hashing.ts";
import { openNote, type NoteVerifier } from "../signed-note.ts";
import type { StreamState } from "../stream.ts";
import { reasonOf } from "./ledger-error.ts";
import { readOpenLine, type OpenLine } from "./open-line.ts";

/** A place in a segment where it stops being whole. */
export interface SegmentDamage {
  /** Of the line that ought to stand there. */
  readonly seq: number;
  readonly offsetBytes: number;
  readonly reason: string;
  /** Someone was told that this line is durable: it cannot be the rest of a write that was under way. */
  readonly wasAcknowledged: boolean;
}

export interface SegmentScan {
  /** Undefined when not even the first line is whole. */
  readonly open: OpenLine | undefined;
  readonly lines: number;
  /** After the last whole line. */
  readonly state: StreamState;
  /** Bytes up to the end of the last whole line. */
  readonly wholeBytes: number;
  readonly damage: SegmentDamage | undefined;
  /** Why the last checkpoint line does not fit the lines before it; undefined when it does. */
  readonly forgery: string | undefined;
  /** Root after `rootAtSize` lines, when this segment passes that size. */
  readonly rootAtSize: Buffer | undefined;
}

export interface ScanOptions {
  readonly verifier: NoteVerifier;
  readonly rootAtSize?: number | undefined;
}

/** A checkpoint line and the tree as it stood before it. */
interface SeenCheckpoint {
  readonly line: Buffer;
  readonly prev: string;
  readonly size: number;
  readonly frontier: readonly Buffer[];
}

const LF = 0x0a;
/** Of disks and file systems, the smallest there is. */
const SECTOR_BYTES = 512;
const US_PER_MS = 1_000;

export function scanSegment(bytes: Buffer, options: ScanOptions): SegmentScan {
  return new SegmentScanner(bytes, options).scan();
}

class SegmentScanner {
  readonly #bytes: Buffer;
  readonly #options: ScanOptions;
  #open: OpenLine | undefined;
  #tree = CompactRange.empty();
  #head = "";
  #lastTs = "";
  #lines = 0;
  #offset = 0;
  #checkpoint: SeenCheckpoint | undefined;
  #rootAtSize: Buffer | undefined;

  constructor(bytes: Buffer, options: ScanOptions) {
    this.#bytes = bytes;
    this.#options = options;
  }

  scan(): SegmentScan {
    let reason: string | undefined;
    while (reason === undefined && this.#offset < this.#bytes.length) reason = this.#takeLine();
    const seq = this.#tree.size;
    return {
      open: this.#open,
      lines: this.#lines,
      state: {
        nextSeq: seq,
        head: this.#head,
        lastTsUs: microseconds(this.#lastTs),
        tree: { size: seq, frontier: this.#tree.frontier() },
      },
      wholeBytes: this.#offset,
      damage:
        reason === undefined
          ? undefined
          : { seq, offsetBytes: this.#offset, reason, wasAcknowledged: this.#wasAcknowledged(seq) },
      forgery: this.#checkpoint && this.#forgeryOf(this.#checkpoint),
      rootAtSize: this.#rootAtSize,
    };
  }

  /** Moves on by one line, or says why it cannot. */
  #takeLine(): string | undefined {
    const end = this.#bytes.indexOf(LF, this.#offset);
    if (end < 0) return "its end is missing";
    const line = this.#bytes.subarray(this.#offset, end);
    try {
      const scanned = scanLine(line);
      const reason = this.#open === undefined ? this.#begin(line) : this.#misfit(scanned);
      if (reason !== undefined) return reason;
      if (scanned.hash !== lineHash(line)) return "its hash is not that of its bytes";
      this.#accept(line, scanned);
      this.#offset = end + 1;
      return undefined;
    } catch (error) {
      return reasonOf(error);
    }
  }

  #begin(line: Buffer): string | undefined {
    const scanned = scanLine(line);
    if (scanned.hash !== lineHash(line)) return "its hash is not that of its bytes";
    const open = readOpenLine(line);
    const before = open.previous?.head ?? FIRST_PREV;
    if (scanned.prev !== before) return "its prev is not the head of the previous segment";
    this.#tree = CompactRange.restore(open.tree.size, open.tree.frontier);
    if (!this.#tree.root().equals(open.tree.root)) return "its tree contradicts itself";
    if (open.tree.size !== open.seq) return "its tree is not that before it";
    this.#open = open;
    return undefined;
  }

  #misfit({ seq, prev, kind }: ScannedLine): string | undefined {
    if (seq !== this.#tree.size) return `its seq is ${seq}, expected ${this.#tree.size}`;
    if (prev !== this.#head) return "its prev is not the hash of the line before";
    if (kind === "open") return "a segment has only one open line";
    return undefined;
  }

  #accept(line: Buffer, scanned: ScannedLine): void {
    if (scanned.kind === "checkpoint") {
      this.#checkpoint = {
        line,
        prev: scanned.prev,
        size: this.#tree.size,
        frontier: this.#tree.frontier(),
      };
    }
    if (this.#tree.size === this.#options.rootAtSize) this.#rootAtSize = this.#tree.root();
    this.#tree.append(leafHash(line));
    if (this.#tree.size === this.#options.rootAtSize) this.#rootAtSize = this.#tree.root();
    this.#head = scanned.hash;
    this.#lastTs = scanned.ts;
    this.#lines += 1;
  }

  #forgeryOf(checkpoint: SeenCheckpoint): string | undefined {
    try {
      const note = String(readLine(checkpoint.line).value["note"]);
      const said = parseCheckpoint(openNote(note, [this.#options.verifier]).text);
      const root = CompactRange.restore(checkpoint.size, checkpoint.frontier).root();
      const isRight =
        said.size === checkpoint.size &&
        said.chain === checkpoint.prev &&
        said.origin === this.#options.verifier.name &&
        said.root.equals(root);
      return isRight ? undefined : "it names another tree or chain than the lines before it";
    } catch (error) {
      return reasonOf(error);
    }
  }

  /**
   * A group is written only when the one before it is durable. So what stands before a signed checkpoint with a further
   * line behind it was acknowledged. Before a last checkpoint it may not have been: after a power loss sectors of one
   * write may be missing. Where none is, someone changed the file.
   */
  #wasAcknowledged(damagedSeq: number): boolean {
    const lines = wholeLinesIn(this.#bytes.subarray(this.#offset));
    const index = lines.findIndex((line) => this.#covers(line, damagedSeq));
    if (index < 0) return false;
    return index < lines.length - 1 || !hasLostSector(this.#bytes, this.#offset);
  }

  #covers(line: Buffer, damagedSeq: number): boolean {
    if (scanLine(line).kind !== "checkpoint") return false;
    try {
      const note = String(readLine(line).value["note"]);
      return parseCheckpoint(openNote(note, [this.#options.verifier]).text).size > damagedSeq;
    } catch {
      return false;
    }
  }
}

/** A lost sector reads as NUL up to its boundary, or from there on; no line contains a NUL. */
function hasLostSector(bytes: Buffer, from: number): boolean {
  for (let start = bytes.indexOf(0, from); start >= 0;) {
    let end = start;
    while (end < bytes.length && bytes[end] === 0) end += 1;
    const isAligned = start % SECTOR_BYTES === 0 || end % SECTOR_BYTES === 0;
    if (isAligned || end === bytes.length) return true;
    start = bytes.indexOf(0, end);
  }
  return false;
}

/** Lines that are good in themselves. */
function wholeLinesIn(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let start = 0;
  for (let end = bytes.indexOf(LF); end >= 0; end = bytes.indexOf(LF, start)) {
    const line = bytes.subarray(start, end);
    if (isWhole(line)) lines.push(line);
    start = end + 1;
  }
  return lines;
}

function isWhole(line: Buffer): boolean {
  try {
    return scanLine(line).hash === lineHash(line);
  } catch {
    return false;
  }
}

/** Of an RFC 3339 time with six digits; 0 where there was no line. */
function microseconds(ts: string): number {
  if (ts === "") return 0;
  const seconds = Date.parse(`${ts.slice(0, 19)}Z`);
  return seconds * US_PER_MS + Number(ts.slice(20, 26));
}
