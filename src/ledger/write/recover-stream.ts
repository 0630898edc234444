/**
 * Finds where the stream in a directory stands, and sets aside what a crash left half written. It reads the last segment
 * only, and must never let a stream go on from which something acknowledged is missing.
 */
import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { parseCheckpoint, type Checkpoint } from "../checkpoint.ts";
import { blake3Hex } from "../hashing.ts";
import { openNote, type NoteVerifier } from "../signed-note.ts";
import { EMPTY_STATE } from "../stream.ts";
import { parseVerifierKey } from "../verifier-key.ts";
import { readCheckpointFile, readPublicKeyFile, writePublicKeyFile } from "./checkpoint-file.ts";
import { LedgerError, reasonOf } from "./ledger-error.ts";
import type { ClosedSegment, LedgerEvent } from "./ledger-options.ts";
import { scanSegment, type SegmentScan } from "./scan-segment.ts";
import { FILE_MODE, listSegments, segmentStem, syncDirectory } from "./segment-files.ts";
import type { SegmentFile } from "./segment-files.ts";
import type { StreamPosition } from "./stream-writer.ts";

export interface RecoverOptions {
  readonly directory: string;
  readonly origin: string;
  /** The vkey of the key that will sign. */
  readonly verifierKey: string;
  readonly onEvent: (event: LedgerEvent) => void;
}

export interface Recovered {
  readonly position: StreamPosition;
  /** The segment the process before wrote last. */
  readonly last: ClosedSegment | undefined;
}

/** Bytes set aside, as the `recovered` line names them. */
interface Torn {
  readonly segment: number;
  readonly bytes: number;
  readonly blake3: string;
  readonly file: string;
}

/** Throws a LedgerError: `ledger.damaged`, `ledger.other_stream`, `ledger.directory_unusable`. */
export function recoverStream(options: RecoverOptions): Recovered {
  try {
    return new Recovery(options).run();
  } catch (error) {
    if (error instanceof LedgerError) throw error;
    throw new LedgerError(
      "ledger.directory_unusable",
      `${options.directory}: ${reasonOf(error)}; make it readable and writable, with free space`,
      error,
    );
  }
}

class Recovery {
  readonly #options: RecoverOptions;
  readonly #verifier: NoteVerifier;
  readonly #checkpoint: Checkpoint | undefined;
  readonly #torn: Torn[] = [];

  constructor(options: RecoverOptions) {
    this.#options = options;
    this.#verifier = parseVerifierKey(options.verifierKey);
    this.#claimPublicKey();
    this.#checkpoint = this.#readCheckpoint();
  }

  run(): Recovered {
    const files = listSegments(this.#options.directory);
    for (let file = files.pop(); file !== undefined; file = files.pop()) {
      const bytes = readSegment(file);
      const scan = scanSegment(bytes, {
        verifier: this.#verifier,
        rootAtSize: this.#checkpoint?.size,
      });
      this.#requireSound(file, scan);
      if (scan.damage !== undefined) this.#setAside(file, bytes, scan);
      if (scan.open !== undefined) return this.#goOn(file, scan);
      // A crash while the segment was being made: nothing in it was acknowledged, and the one before is the last.
      if (scan.damage === undefined) rmSync(file.path);
      if (file.segment > 0 && files.length === 0) {
        throw this.#damaged(
          file.path,
          "nothing in it is whole, and the segment before is not here",
        );
      }
    }
    this.#requireReached(0);
    return { position: this.#position(EMPTY_STATE(), undefined, 0), last: undefined };
  }

  #goOn(file: SegmentFile, scan: SegmentScan): Recovered {
    const { segment, path } = file;
    const { state, lines } = scan;
    this.#requireReached(state.nextSeq);
    const signed = this.#checkpoint;
    if (signed && scan.rootAtSize && !signed.root.equals(scan.rootAtSize)) {
      throw this.#damaged(path, "it is not the stream that the file checkpoint was signed for");
    }
    const previous = { segment, lines, head: state.head };
    const last = { segment, path, firstSeq: state.nextSeq - lines, lastSeq: state.nextSeq - 1 };
    return { position: this.#position(state, previous, segment + 1), last };
  }

  #position(
    state: StreamPosition["state"],
    previous: StreamPosition["previous"],
    nextSegment: number,
  ): StreamPosition {
    const recovered = this.#torn.map((torn) => {
      this.#options.onEvent({ kind: "recovered", cause: "torn", ...torn });
      const { segment, bytes, blake3, file } = torn;
      const line = { kind: "recovered", segment, cause: "torn", bytes, blake3, file };
      return JSON.stringify(line).slice(1, -1);
    });
    return { state, previous, nextSegment, recovered };
  }

  #requireSound(file: SegmentFile, scan: SegmentScan): void {
    const { open, damage, forgery } = scan;
    const { origin, verifierKey, directory } = this.#options;
    if (open !== undefined && (open.gateway !== origin || open.publicKey !== verifierKey)) {
      throw this.#otherStream(`${file.path} belongs to ${open.gateway} with key ${open.publicKey}`);
    }
    if (damage?.wasAcknowledged === true) {
      const place = `line ${damage.seq}, at byte ${damage.offsetBytes}: ${damage.reason}`;
      throw this.#damaged(file.path, `${place}, and a signed checkpoint covers it`);
    }
    if (forgery !== undefined) {
      throw this.#damaged(file.path, `its last checkpoint does not fit its lines: ${forgery}`);
    }
    if (open !== undefined && open.segment !== file.segment) {
      throw this.#damaged(file.path, `its first line says it is segment ${open.segment}`);
    }
    if (damage !== undefined && file.isCompressed) {
      throw this.#damaged(join(directory, basename(file.path)), damage.reason);
    }
  }

  /** The signed size must be there: only what is durable gets into the file `checkpoint`. */
  #requireReached(size: number): void {
    const { directory } = this.#options;
    const signed = this.#checkpoint?.size ?? 0;
    if (signed <= size) return;
    throw this.#damaged(
      directory,
      `the file checkpoint covers ${signed} lines and only ${size} are here (a segment that was moved away must be moved back)`,
    );
  }

  /** The copy is durable before the segment is cut: a crash in between leaves both, and the next start does it again. */
  #setAside({ segment, path }: SegmentFile, bytes: Buffer, scan: SegmentScan): void {
    const { directory } = this.#options;
    const torn = bytes.subarray(scan.wholeBytes);
    const file = writeTorn(directory, segment, torn);
    if (scan.open === undefined) rmSync(path);
    else cut(path, scan.wholeBytes);
    syncDirectory(directory);
    this.#torn.push({ segment, bytes: torn.length, blake3: `b3:${blake3Hex(torn)}`, file });
  }

  #claimPublicKey(): void {
    const { directory, verifierKey } = this.#options;
    const found = readPublicKeyFile(directory);
    if (found === undefined) writePublicKeyFile(directory, verifierKey);
    else if (found !== verifierKey) throw this.#otherStream(`the file public-key says ${found}`);
  }

  #readCheckpoint(): Checkpoint | undefined {
    const { directory } = this.#options;
    const note = readCheckpointFile(directory);
    if (note === undefined) return undefined;
    try {
      return parseCheckpoint(openNote(note, [this.#verifier]).text);
    } catch (error) {
      throw this.#damaged(join(directory, "checkpoint"), reasonOf(error), error);
    }
  }

  #otherStream(what: string): LedgerError {
    const { directory, origin, verifierKey } = this.#options;
    return new LedgerError(
      "ledger.other_stream",
      `${directory}: ${what}, not to ${origin} with key ${verifierKey}; give each stream a directory of its own, or bring its id and key back`,
    );
  }

  #damaged(path: string, what: string, cause?: unknown): LedgerError {
    const { directory } = this.#options;
    return new LedgerError(
      "ledger.damaged",
      `${path}: ${what}; look with: portcullis ledger verify ${directory}; then restore it, or keep it as it is and start a new ledger in another directory`,
      cause,
    );
  }
}

function readSegment({ path, isCompressed }: SegmentFile): Buffer {
  const bytes = readFileSync(path);
  return isCompressed ? gunzipSync(bytes) : bytes;
}

/** Never over what was set aside before; the same bytes (a crash in the midst of this) are not kept twice. */
function writeTorn(directory: string, segment: number, bytes: Buffer): string {
  for (let attempt = 0; ; attempt += 1) {
    const name = `${segmentStem(segment)}${attempt === 0 ? "" : `-${attempt}`}.torn`;
    try {
      writeNew(join(directory, name), bytes);
      return name;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      if (readFileSync(join(directory, name)).equals(bytes)) return name;
    }
  }
}

function writeNew(path: string, bytes: Buffer): void {
  const descriptor = openSync(path, "wx", FILE_MODE);
  try {
    writeFileSync(descriptor, bytes);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function cut(path: string, bytes: number): void {
  const descriptor = openSync(path, "r+");
  try {
    ftruncateSync(descriptor, bytes);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
