/** What a verification found wrong: kind, place and line numbers, from a closed list. Bounded, however bad the ledger is. */

export type FindingKind =
  | "line_altered"
  | "line_missing"
  | "line_repeated"
  | "line_moved"
  | "line_torn"
  | "line_too_long"
  | "not_a_line"
  | "chain_broken"
  | "time_went_back"
  | "signature_wrong"
  | "checkpoint_forged"
  | "checkpoint_mismatch"
  | "tail_unsigned"
  | "tail_cut"
  | "fork"
  | "segment_missing"
  | "segment_repeated"
  | "segment_renamed"
  | "segment_unreadable"
  | "bookkeeping_wrong"
  | "key_mismatch";

/** What each kind means, in the words an auditor reads. */
const MEANINGS: Readonly<Record<FindingKind, string>> = {
  line_altered: "its bytes are not the ones it was sealed with",
  line_missing: "lines that stood here are gone",
  line_repeated: "a line that has its own place stands here again",
  line_moved: "a line stands in another place than its own",
  line_torn: "it has no end: it was cut, or its writing was interrupted",
  line_too_long: "it is longer than a line may be",
  not_a_line: "what stands here is no line of a ledger",
  chain_broken:
    "it is chained to another line than the one before it: that one was replaced, or this one and all that follow",
  time_went_back: "its time is before that of the line before it",
  signature_wrong: "its signature is by no trusted key",
  checkpoint_forged: "this checkpoint is signed by no trusted key",
  checkpoint_mismatch: "this signed checkpoint is of other lines than these",
  tail_unsigned: "no signed checkpoint covers these lines: anyone may have written them",
  tail_cut: "lines that a signed checkpoint covers are gone from the end",
  fork: "this outside checkpoint is of another history: lines it covers were replaced",
  segment_missing: "whole segments are gone, and no retention line says that they were removed",
  segment_repeated: "this file holds a segment that another file holds too",
  segment_renamed: "this file is named as another segment than the one it holds",
  segment_unreadable: "the file cannot be read to its end",
  bookkeeping_wrong: "what this line says of its segment is not so",
  key_mismatch: "the key is not the trusted one",
};

/** Where in the directory. */
export interface Place {
  readonly segment: number;
  readonly file: string;
  /** Within the file, from 1. */
  readonly line?: number;
}

export interface Finding extends Partial<Place> {
  readonly kind: FindingKind;
  /** The line of the stream, or the first of several. */
  readonly seq?: number;
  /** The last of several. */
  readonly lastSeq?: number;
  /** What it means, and what was seen instead. */
  readonly message: string;
}

export interface FoundAt {
  readonly place?: Partial<Place> | undefined;
  readonly seq?: number | undefined;
  readonly lastSeq?: number | undefined;
  readonly detail?: string | undefined;
}

interface Entry extends FoundAt {
  readonly kind: FindingKind;
}

/**
 * Findings shown at most; more are counted. It bounds memory and what an operator must read: a hostile directory could
 * otherwise make a finding of every line.
 */
export const DEFAULT_LIMIT_FINDINGS = 100;

/** Runs of these are told as one finding. */
const RUNS: ReadonlySet<FindingKind> = new Set(["line_moved", "line_repeated", "not_a_line"]);

export class FindingList {
  readonly #limit: number;
  readonly #entries: Entry[] = [];
  #more = 0;

  constructor(limit: number = DEFAULT_LIMIT_FINDINGS) {
    this.#limit = limit;
  }

  /** Found so far, the ones above the limit included. */
  get count(): number {
    return this.#entries.length + this.#more;
  }

  /** How many were counted but not kept. */
  get more(): number {
    return this.#more;
  }

  add(kind: FindingKind, at: FoundAt): void {
    const last = this.#entries.at(-1);
    if (last && continues(last, { kind, ...at })) {
      this.#entries[this.#entries.length - 1] = { ...last, lastSeq: at.lastSeq ?? at.seq };
    } else if (this.#entries.length < this.#limit) {
      this.#entries.push({ kind, ...at });
    } else {
      this.#more += 1;
    }
  }

  /** In the order of the directory; what has no place comes last. */
  sorted(): Finding[] {
    return this.#entries.toSorted(compare).map(toFinding);
  }
}

function continues(last: Entry, next: Entry): boolean {
  const isRun = RUNS.has(next.kind) && last.kind === next.kind && next.seq !== undefined;
  return (
    isRun &&
    last.place?.file === next.place?.file &&
    next.seq === (last.lastSeq ?? last.seq ?? Number.NaN) + 1
  );
}

function compare(one: Entry, other: Entry): number {
  const segment = (entry: Entry): number => entry.place?.segment ?? Number.MAX_SAFE_INTEGER;
  const line = (entry: Entry): number => entry.place?.line ?? 0;
  return segment(one) - segment(other) || line(one) - line(other);
}

function toFinding({ kind, place, seq, lastSeq, detail }: Entry): Finding {
  return {
    kind,
    ...place,
    ...(seq !== undefined && { seq }),
    ...(lastSeq !== undefined && lastSeq !== seq && { lastSeq }),
    message: detail === undefined ? MEANINGS[kind] : `${MEANINGS[kind]} (${detail})`,
  };
}
