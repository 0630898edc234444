/**
 * The chain and the tree of one stream, in memory: turns members into lines and says what they add up to. It must never
 * touch a file, and never move on unless the line it moved on by was made.
 */
import { checkpointText } from "./checkpoint.ts";
import { blake3Hex, prefixedLeafHash } from "./hashing.ts";
import { FIRST_PREV, LINE_LIMIT_BYTES, LineError } from "./line.ts";
import { CompactRange } from "./merkle/compact-range.ts";
import type { SigningKey } from "./signing-key.ts";
import { signNote } from "./signed-note.ts";

/** Where a stream stands. */
export interface StreamState {
  readonly nextSeq: number;
  /** `b3:...`, the hash of the last line. */
  readonly head: string;
  /** When the last line was sealed, in microseconds since 1970. */
  readonly lastTsUs: number;
  readonly tree: { readonly size: number; readonly frontier: readonly Uint8Array[] };
}

export interface StreamOptions {
  readonly key: SigningKey;
  /** `entry` puts a signature on every line, besides those of the checkpoints. */
  readonly sign: "checkpoint" | "entry";
  /** Microseconds since 1970. It may go back; lines do not. */
  readonly nowUs: () => number;
}

/** A checkpoint and the line that holds it. */
export interface SealedCheckpoint {
  /** With its LF. */
  readonly line: Buffer;
  readonly note: string;
  /** Lines the note covers: all before its own. */
  readonly size: number;
}

/** The state of a stream before its first line. */
export const EMPTY_STATE = (): StreamState => ({
  nextSeq: 0,
  head: FIRST_PREV,
  lastTsUs: 0,
  tree: { size: 0, frontier: [] },
});

const MEMBERS_START = '"kind":"';
const US_PER_SECOND = 1_000_000;
const LF = 0x0a;
const CLOSE = 0x7d;

/** UTF-8 takes up to three bytes per UTF-16 unit; and there must be room to see that a line is too long. */
const SCRATCH_BYTES = 4 * LINE_LIMIT_BYTES;

export class Stream {
  readonly #options: StreamOptions;
  /** The line in the making, behind the prefix byte of a leaf (RFC 6962), so that both hashes are taken in place. */
  readonly #scratch = Buffer.alloc(SCRATCH_BYTES);
  readonly #tree: CompactRange;
  #head: string;
  #lastTsUs: number;
  #second = -1;
  /** `2026-11-22T13:44:17.` of `#second`. */
  #secondText = "";

  constructor(state: StreamState, options: StreamOptions) {
    if (state.nextSeq !== state.tree.size) {
      throw new RangeError(`the tree has ${state.tree.size} lines, the chain ${state.nextSeq}`);
    }
    this.#options = options;
    this.#tree = CompactRange.restore(state.tree.size, state.tree.frontier);
    this.#head = state.head;
    this.#lastTsUs = state.lastTsUs;
  }

  /** `seq` of the line that will be sealed next, and the number of lines so far. */
  get nextSeq(): number {
    return this.#tree.size;
  }

  /** `b3:...`, the hash of the last line. */
  get head(): string {
    return this.#head;
  }

  get lastTsUs(): number {
    return this.#lastTsUs;
  }

  /** The tree over all lines so far; to look at, not to append to. */
  get tree(): Pick<CompactRange, "size" | "root" | "frontier"> {
    return this.#tree;
  }

  /** A copy of where the stream stands, to go on from, or to go back to when lines could not be written. */
  get state(): StreamState {
    return {
      nextSeq: this.nextSeq,
      head: this.#head,
      lastTsUs: this.#lastTsUs,
      tree: { size: this.#tree.size, frontier: this.#tree.frontier() },
    };
  }

  /**
   * Makes the next line, with its LF, of members as JSON text without braces, `"kind":"..."` first. Throws
   * `line.too_long` or `line.malformed`, and then the stream stands where it stood.
   */
  seal(members: string): Buffer {
    if (!members.startsWith(MEMBERS_START)) {
      throw new LineError("line.malformed", `members begin with ${MEMBERS_START}`);
    }
    if (members.length > LINE_LIMIT_BYTES) throw tooLong();
    const now = this.#options.nowUs();
    const tsUs = Math.max(now, this.#lastTsUs);
    const behindUs = tsUs - now;
    const said = behindUs > 0 ? withClockBehind(members, behindUs) : members;

    const scratch = this.#scratch;
    const open = `{"ts":"${this.#tsText(tsUs)}","seq":${this.nextSeq},`;
    let end = 1 + scratch.write(open, 1, "latin1");
    end += scratch.write(said, end, "utf8");
    end += scratch.write(`,"prev":"${this.#head}"`, end, "latin1");
    if (this.#options.sign === "entry") {
      const signature = this.#options.key.signBytes(scratch.subarray(1, end));
      end += scratch.write(`,"signature":"${signature}"`, end, "latin1");
    }
    scratch[end] = CLOSE;
    const hash = `b3:${blake3Hex(scratch.subarray(1, end + 1))}`;
    end += scratch.write(`,"hash":"${hash}"}`, end, "latin1");
    if (end > LINE_LIMIT_BYTES) throw tooLong();

    this.#tree.append(prefixedLeafHash(scratch.subarray(0, end)));
    this.#head = hash;
    this.#lastTsUs = tsUs;
    scratch[end] = LF;
    return Buffer.from(scratch.subarray(1, end + 1));
  }

  /** Signs the tree before the next line, and seals that line: the checkpoint itself. */
  sealCheckpoint(): SealedCheckpoint {
    const { key } = this.#options;
    const size = this.nextSeq;
    const text = checkpointText({
      origin: key.origin,
      size,
      root: this.#tree.root(),
      chain: this.#head,
    });
    const note = signNote(text, key.signer);
    return { line: this.seal(`"kind":"checkpoint","note":${JSON.stringify(note)}`), note, size };
  }

  #tsText(tsUs: number): string {
    const second = Math.floor(tsUs / US_PER_SECOND);
    if (second !== this.#second) {
      this.#secondText = new Date(second * 1_000).toISOString().slice(0, 20);
      this.#second = second;
    }
    return `${this.#secondText}${String(tsUs - second * US_PER_SECOND).padStart(6, "0")}Z`;
  }
}

/** Directly behind `kind`, as the format says. */
function withClockBehind(members: string, behindUs: number): string {
  const kindEnd = members.indexOf('"', MEMBERS_START.length) + 1;
  return `${members.slice(0, kindEnd)},"clock_behind_us":${behindUs}${members.slice(kindEnd)}`;
}

function tooLong(): LineError {
  return new LineError("line.too_long", `a ledger line has at most ${LINE_LIMIT_BYTES} bytes`);
}
