/**
 * Damaged lines that follow each other: says, once a good line comes, which lines of the stream they were. One of them
 * may be several pieces of one line (a byte became a newline), or several lines in one (a newline became another byte).
 */
import { LINE_LIMIT_BYTES, scanLine, type ScannedLine } from "../line.ts";
import type { FindingKind, FindingList, Place } from "./finding.ts";

export interface DamagedLine {
  readonly bytes: Buffer;
  readonly place: Place;
  readonly isTorn: boolean;
}

/** What stands around the run. */
export interface Around {
  readonly expected: number;
  readonly head: string | undefined;
  /** The good line behind it; its number is not less than expected. */
  readonly next: ScannedLine;
}

interface Piece {
  readonly place: Place;
  readonly kind: "line_torn" | "line_too_long" | undefined;
  /** What it says, where its fixed members can still be read. Nothing of it is believed alone. */
  readonly said: ScannedLine | undefined;
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/** Pieces looked at one by one; of a longer run only the extent is told. */
const LIMIT_PIECES = 1_000;

export class DamagedRun {
  readonly #pieces: Piece[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Lines it was at least: a piece that does not even look like a line belongs to the one before it. */
  get likelyLines(): number {
    return this.#pieces.filter(({ said }, index) => index === 0 || said !== undefined).length;
  }

  add({ bytes, place, isTorn }: DamagedLine): void {
    this.#count += 1;
    if (this.#pieces.length >= LIMIT_PIECES) return;
    const isTooLong = bytes.length >= LINE_LIMIT_BYTES;
    const kind = isTooLong ? "line_too_long" : isTorn ? "line_torn" : undefined;
    this.#pieces.push({ place, kind, said: tryScan(bytes) });
  }

  /** Reports the run's lines, and returns those between them of which nothing is left. */
  settle({ expected, head, next }: Around, findings: FindingList): Range[] {
    const missing: Range[] = [];
    let free = expected;
    for (const [index, piece] of this.#pieces.entries()) {
      if (free >= next.seq) {
        // Nothing is missing any more: a further piece of the line before, or bytes that never were a line.
        if (expected === next.seq) this.#add(findings, piece, { seq: next.seq, isExtra: true });
        continue;
      }
      const isLast = index === this.#pieces.length - 1;
      const endsHere = isLast && piece.said?.hash === next.prev;
      const seq = this.#seqOf(piece, { free, head, next });
      if (seq > free) missing.push({ from: free, to: seq - 1 });
      const lastSeq = endsHere ? next.seq - 1 : seq;
      this.#add(findings, piece, { seq, lastSeq });
      free = lastSeq + 1;
    }
    if (free < next.seq) missing.push({ from: free, to: next.seq - 1 });
    return missing;
  }

  /** Reports the run where no good line follows, and returns the number that the next line would have. */
  settleAtEnd(expected: number, findings: FindingList): number {
    let seq = expected;
    for (const [index, piece] of this.#pieces.entries()) {
      // A piece that does not even look like a line belongs to the one before it.
      if (index > 0 && !piece.said) continue;
      this.#add(findings, piece, { seq });
      seq += 1;
    }
    return seq;
  }

  #seqOf(
    { said }: Piece,
    at: { readonly free: number; readonly head: string | undefined; readonly next: ScannedLine },
  ): number {
    if (!said || said.prev === at.head) return at.free;
    const isWithin = said.seq >= at.free && said.seq < at.next.seq;
    return isWithin ? said.seq : at.free;
  }

  #add(
    findings: FindingList,
    piece: Piece,
    at: { readonly seq: number; readonly lastSeq?: number; readonly isExtra?: boolean },
  ): void {
    const otherwise: FindingKind = at.isExtra === true ? "not_a_line" : "line_altered";
    const detail = at.isExtra === true ? `before line ${at.seq}, where none is missing` : undefined;
    findings.add(piece.kind ?? otherwise, {
      place: piece.place,
      seq: at.seq,
      lastSeq: at.lastSeq,
      detail,
    });
  }
}

function tryScan(bytes: Buffer): ScannedLine | undefined {
  try {
    return scanLine(bytes);
  } catch {
    return undefined;
  }
}
