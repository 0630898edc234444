/**
 * What `open`, `close` and `retention` lines say of segments, compared with what was seen. It must never believe a line
 * about other lines without comparing.
 */
import { decodeBase64 } from "../base64.ts";
import type { LedgerLine, ScannedLine } from "../line.ts";
import type { FindingList, Place } from "./finding.ts";
import type { Gap, Link } from "./line-track.ts";
import type { TreeTrack } from "./tree-track.ts";

/** Segments that a retention line says were removed. */
export interface RemovedSegment {
  readonly segment: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly head: string;
}

/** Lines that are not there any more by the operator's rules. */
export interface RemovedRange {
  readonly fromSeq: number;
  readonly toSeq: number;
}

interface OpenedSegment {
  readonly segment: number;
  readonly firstSeq: number;
  isClosed: boolean;
}

type Members = Readonly<Record<string, unknown>>;

export class SegmentRecords {
  readonly #findings: FindingList;
  readonly #tree: TreeTrack;
  readonly #removed: RemovedSegment[] = [];
  #now: OpenedSegment | undefined;
  /** Of the line before. */
  #segment: number | undefined;
  #isInterrupted = false;

  constructor(findings: FindingList, tree: TreeTrack) {
    this.#findings = findings;
    this.#tree = tree;
  }

  /** Before each line: a segment begins with `open`, and nothing follows `close`. */
  line({ kind, seq }: ScannedLine, place: Place, link: Link): void {
    const isFirst = place.segment !== this.#segment;
    this.#segment = place.segment;
    const isInterrupted = this.#isInterrupted || link === "jumped" || link === "broken";
    this.#isInterrupted = false;
    if (isInterrupted) {
      // Where lines are gone or damaged, that is what is reported, and what was known of the segment counts no more.
      this.#now = undefined;
      return;
    }
    if (isFirst !== (kind === "open")) {
      const detail = isFirst ? "the first line of a segment is open" : "open is the first line";
      this.#wrong(place, seq, detail);
    }
    if (this.#now?.isClosed === true && this.#now.segment === place.segment) {
      this.#wrong(place, seq, "a line behind close");
    }
  }

  /** The next line does not stand behind the last one. */
  interrupt(): void {
    this.#isInterrupted = true;
  }

  open({ value, seq, prev }: LedgerLine, place: Place, link: Link): void {
    const previous = value["previous"] as Members | null | undefined;
    const before = link === "linked" ? this.#now : undefined;
    // One that came out of turn stands in another's file, and that is reported.
    if (link !== "jumped" && value["segment"] !== place.segment) {
      this.#wrong(place, seq, `segment is ${place.segment}`);
    }
    if (seq === 0 ? previous !== null : previous?.["head"] !== prev) {
      this.#wrong(place, seq, "previous.head is not the line before");
    }
    if (before && previous?.["segment"] !== before.segment) {
      this.#wrong(place, seq, `previous.segment is ${before.segment}`);
    }
    if (before && previous?.["lines"] !== seq - before.firstSeq) {
      this.#wrong(place, seq, `previous.lines is ${seq - before.firstSeq}`);
    }
    this.#openTree(value["tree"] as Members | undefined, seq, place);
    this.#now = { segment: place.segment, firstSeq: seq, isClosed: false };
  }

  close({ value, seq }: LedgerLine, place: Place): void {
    const now = this.#now?.segment === place.segment ? this.#now : undefined;
    if (!now) return;
    now.isClosed = true;
    const lines = seq - now.firstSeq + 1;
    if (value["segment"] !== now.segment) this.#wrong(place, seq, `segment is ${now.segment}`);
    if (value["lines"] !== lines) this.#wrong(place, seq, `lines is ${lines}`);
  }

  retention({ value, seq }: LedgerLine, place: Place): void {
    const list = Array.isArray(value["removed"]) ? (value["removed"] as Members[]) : [];
    for (const each of list) {
      const { segment, first_seq: firstSeq, last_seq: lastSeq, head } = each;
      const isWhole = [segment, firstSeq, lastSeq].every(Number.isSafeInteger);
      if (!isWhole || typeof head !== "string") this.#wrong(place, seq, "removed is not a list");
      else this.#removed.push({ segment, firstSeq, lastSeq, head } as RemovedSegment);
    }
  }

  /** Whether retention lines account for every line of a gap, down to the hash of its last one. */
  accountsFor({ from, to, prevBehind }: Pick<Gap, "from" | "to" | "prevBehind">): boolean {
    const within = this.#removed
      .filter(({ firstSeq, lastSeq }) => firstSeq >= from && lastSeq <= to)
      .sort((one, other) => one.firstSeq - other.firstSeq);
    let next = from;
    for (const { firstSeq, lastSeq } of within) {
      if (firstSeq > next) return false;
      next = Math.max(next, lastSeq + 1);
    }
    return next > to && within.some(({ lastSeq, head }) => lastSeq === to && head === prevBehind);
  }

  /** The tree that the line says stands before it: compared where ours is known, taken where it is not. */
  #openTree(said: Members | undefined, seq: number, place: Place): void {
    const frontier = frontierOf(said?.["frontier"]);
    const ours = this.#tree.known;
    const root = ours?.root();
    if (said?.["size"] !== seq || !frontier) {
      this.#wrong(place, seq, `tree.size is ${seq}`);
    } else if (ours && root) {
      const isSame = said["root"] === root.toString("base64") && isEqual(frontier, ours.frontier());
      if (!isSame) this.#wrong(place, seq, "tree is not that of the lines before");
    } else if (!this.#tree.restore(seq, frontier)) {
      this.#wrong(place, seq, "tree.frontier is of another size");
    } else if (this.#tree.known?.root().toString("base64") !== said["root"]) {
      this.#tree.lose();
      this.#wrong(place, seq, "tree.root is not that of tree.frontier");
    }
  }

  #wrong(place: Place, seq: number, detail: string): void {
    this.#findings.add("bookkeeping_wrong", { place, seq, detail });
  }
}

function frontierOf(said: unknown): Buffer[] | undefined {
  if (!Array.isArray(said)) return undefined;
  const hashes = said.map((text) => (typeof text === "string" ? decodeBase64(text) : undefined));
  return hashes.every((hash) => hash !== undefined) ? hashes : undefined;
}

function isEqual(one: readonly Buffer[], other: readonly Buffer[]): boolean {
  return one.length === other.length && one.every((hash, at) => hash.equals(other[at] as Buffer));
}
