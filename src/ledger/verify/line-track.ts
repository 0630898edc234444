/**
 * Follows the lines of a stream through damage: tells altered, missing, repeated and moved lines apart by their hashes
 * and numbers, with bounded memory. It must never pass on a line whose own hash does not fit its bytes.
 */
import { FIRST_PREV, lineHash, scanLine, type ScannedLine } from "../line.ts";
import { DamagedRun } from "./damaged-run.ts";
import type { FindingList, Place } from "./finding.ts";

/**
 * How a line hangs on the one passed on before it: `linked` follows it in number and hash; `broken` in number only;
 * `jumped` stands behind lines that are missing or damaged; `first` is the first of all.
 */
export type Link = "first" | "linked" | "broken" | "jumped";

/** Lines that were jumped over, and may still turn up elsewhere. */
export interface Gap {
  readonly from: number;
  readonly to: number;
  /** Where the next line stands. */
  readonly place: Place;
  /** Hash of the line before the gap, and the `prev` of the one behind it. */
  readonly headBefore: string | undefined;
  readonly prevBehind: string;
  /** Whole segments lie between the two. */
  readonly isSegments: boolean;
}

/** Lines that came before their turn. */
interface Ahead {
  readonly from: number;
  readonly to: number;
  readonly place: Place;
  readonly firstPrev: string;
  readonly lastHash: string;
}

export interface LineTrackOptions {
  readonly findings: FindingList;
  /** 0, or undefined where the stream's beginning is not looked at. */
  readonly firstSeq: number | undefined;
  readonly follow: (line: ScannedLine, bytes: Buffer, link: Link) => void;
  /** Lines that belong here were followed before their turn, or are in a wrong place: no tree can go on over them. */
  readonly skip: () => void;
}

/** Gaps and runs ahead remembered; what goes beyond is reported without looking for where it went. */
const LIMIT_REMEMBERED = 1_000;

export class LineTrack {
  readonly #options: LineTrackOptions;
  readonly #gaps: Gap[] = [];
  readonly #ahead: Ahead[] = [];
  #damaged = new DamagedRun();
  #expected: number | undefined;
  #head: string | undefined;
  #headSize = 0;
  #lastTs = "";
  #segment: number | undefined;

  constructor(options: LineTrackOptions) {
    this.#options = options;
    this.#expected = options.firstSeq;
    if (options.firstSeq === 0) this.#head = FIRST_PREV;
  }

  /** The number the next line must have: how long the stream is so far. */
  get nextSeq(): number {
    return this.#expected ?? 0;
  }

  /** The hash of the last line passed on. */
  get head(): string | undefined {
    return this.#head;
  }

  /** Lines up to and with the one of `head`: less than `nextSeq` when the last ones are damaged. */
  get headSize(): number {
    return this.#headSize;
  }

  /** What is still missing, after `finish`. */
  get gaps(): readonly Gap[] {
    return this.#gaps;
  }

  take(bytes: Buffer, place: Place, isTorn: boolean): void {
    const line = soundLine(bytes);
    if (!line) {
      this.#damaged.add({ bytes, place, isTorn });
      return;
    }
    if (isTorn) {
      const detail = "only the newline behind it is missing";
      this.#options.findings.add("line_torn", { place, seq: line.seq, detail });
    }
    this.#takeSound(line, bytes, place);
  }

  /** After the last line. */
  finish(): void {
    this.#jumpAhead();
    this.#expected = this.#damaged.settleAtEnd(this.nextSeq, this.#options.findings);
    for (const run of this.#ahead.splice(0)) this.#report("line_moved", run);
  }

  #takeSound(line: ScannedLine, bytes: Buffer, place: Place): void {
    // Before the first good line only the damaged ones themselves say how many lines stood there.
    this.#expected ??= Math.max(0, line.seq - this.#damaged.likelyLines);
    if (line.seq > this.#expected && this.#damaged.count === 0) this.#jumpAhead();
    if (line.seq < this.#expected) {
      this.#takeLate(line, bytes, place);
      return;
    }
    const link = this.#linkOf(line, place);
    if (this.#ahead.length > 0) this.#dropRepeatedAhead(line.seq);
    this.#passOn(line, bytes, { link, place });
  }

  #passOn(line: ScannedLine, bytes: Buffer, at: { link: Link; place: Place }): void {
    if (line.ts < this.#lastTs) {
      const detail = `${line.ts} after ${this.#lastTs}`;
      this.#options.findings.add("time_went_back", { place: at.place, seq: line.seq, detail });
    } else {
      this.#lastTs = line.ts;
    }
    this.#expected = line.seq + 1;
    this.#headSize = this.#expected;
    this.#head = line.hash;
    this.#segment = at.place.segment;
    this.#options.follow(line, bytes, at.link);
  }

  #linkOf(line: ScannedLine, place: Place): Link {
    const expected = this.nextSeq;
    const { findings } = this.#options;
    if (this.#damaged.count > 0) {
      const run = this.#damaged;
      this.#damaged = new DamagedRun();
      const missing = run.settle({ expected, head: this.#head, next: line }, findings);
      for (const { from, to } of missing) this.#addGap({ from, to }, line, place);
    } else if (line.seq > expected) {
      this.#addGap({ from: expected, to: line.seq - 1 }, line, place);
    }
    if (line.seq > expected) return "jumped";
    if (line.prev === (this.#head ?? line.prev)) {
      return this.#segment === undefined ? "first" : "linked";
    }
    findings.add("chain_broken", { place, seq: line.seq });
    return "broken";
  }

  #addGap(range: { from: number; to: number }, next: ScannedLine, place: Place): void {
    const isSegments = place.segment > (this.#segment ?? place.segment) + 1;
    const gap = { ...range, place, headBefore: this.#head, prevBehind: next.prev, isSegments };
    if (this.#gaps.length < LIMIT_REMEMBERED) this.#gaps.push(gap);
    else this.#report("line_missing", gap);
  }

  /** A line whose turn was before: one of those that are missing, or one that was there already. */
  #takeLate(line: ScannedLine, bytes: Buffer, place: Place): void {
    const { seq } = line;
    const at = this.#gaps.findIndex(({ from, to }) => from <= seq && seq <= to);
    const gap = this.#gaps[at];
    if (!gap) {
      this.#options.findings.add("line_repeated", { place, seq });
      return;
    }
    if (at === this.#gaps.length - 1 && this.#isShorterAhead(line, gap)) {
      const before = { ...gap, to: seq - 1, prevBehind: line.prev };
      this.#gaps.splice(at, 1, ...[before].filter(isRange));
      this.#goBack(gap);
      this.#passOn(line, bytes, { link: "jumped", place });
      return;
    }
    const pieces = [
      { ...gap, to: seq - 1 },
      { ...gap, from: seq + 1 },
    ];
    this.#gaps.splice(at, 1, ...pieces.filter(isRange));
    this.#options.findings.add("line_moved", { place, seq });
    this.#options.skip();
  }

  /** Of two runs of lines that changed places the shorter is called the moved one, in doubt that which came early. */
  #isShorterAhead(line: ScannedLine, gap: Gap): boolean {
    const ahead = this.nextSeq - 1 - gap.to;
    const behind = gap.to - line.seq + 1;
    if (ahead !== behind) return ahead < behind;
    return line.seq === gap.from && line.prev === gap.headBefore;
  }

  /** The stream goes on where the gap began: not its lines are in the wrong place, but those passed on since. */
  #goBack(gap: Gap): void {
    const run = { from: gap.to + 1, to: this.nextSeq - 1, place: gap.place };
    const hashes = { firstPrev: gap.prevBehind, lastHash: this.#head ?? "" };
    if (this.#ahead.length < LIMIT_REMEMBERED) this.#ahead.push({ ...run, ...hashes });
    else this.#report("line_moved", run);
    this.#lastTs = "";
  }

  /** Where the stream has come to lines that stood before their turn, it goes on behind them. */
  #jumpAhead(): void {
    for (let at = this.#aheadHere(); at >= 0; at = this.#aheadHere()) {
      const [run] = this.#ahead.splice(at, 1) as [Ahead];
      this.#report("line_moved", run);
      if (run.firstPrev !== this.#head) {
        this.#options.findings.add("chain_broken", { place: run.place, seq: run.from });
      }
      this.#expected = run.to + 1;
      this.#headSize = this.#expected;
      this.#head = run.lastHash;
      this.#options.skip();
    }
  }

  #aheadHere(): number {
    return this.#ahead.findIndex(({ from }) => from === this.#expected);
  }

  /** Lines that stood before their turn, and stand in their place as well. */
  #dropRepeatedAhead(seq: number): void {
    const at = this.#ahead.findIndex(({ from, to }) => from <= seq && seq <= to);
    if (at < 0) return;
    const [run] = this.#ahead.splice(at, 1) as [Ahead];
    this.#report("line_repeated", run);
  }

  #report(
    kind: "line_moved" | "line_repeated" | "line_missing",
    run: { readonly from: number; readonly to: number; readonly place: Place },
  ): void {
    this.#options.findings.add(kind, { place: run.place, seq: run.from, lastSeq: run.to });
  }
}

function isRange({ from, to }: Pick<Gap, "from" | "to">): boolean {
  return from <= to;
}

/** The line's members when its hash fits its bytes. */
function soundLine(bytes: Buffer): ScannedLine | undefined {
  try {
    const line = scanLine(bytes);
    return lineHash(bytes) === line.hash ? line : undefined;
  } catch {
    return undefined;
  }
}
