/**
 * C2SP tlog-proofs (https://c2sp.org/tlog-proof): one line of the ledger, proven to be in the tree of a signed
 * checkpoint, checkable without the ledger. Nothing of a proof must be used before `verifyTlogProof` returned it.
 */
import { decodeBase64 } from "./base64.ts";
import { parseCheckpoint, type Checkpoint } from "./checkpoint.ts";
import { DIGEST_BYTES, leafHash } from "./hashing.ts";
import { LINE_LIMIT_BYTES, lineHash, readLine, type LedgerLine } from "./line.ts";
import { verifyInclusion } from "./merkle/verify-proof.ts";
import { NOTE_LIMIT_BYTES, openNote } from "./signed-note.ts";
import { parseVerifierKey } from "./verifier-key.ts";

export interface TlogProof {
  readonly index: number;
  /** From the leaf's sibling up. */
  readonly path: readonly Buffer[];
  /** The checkpoint's note, verbatim. */
  readonly note: string;
  /** The line without its LF. */
  readonly extra?: Uint8Array | undefined;
}

/** What a proof proves. */
export interface ProvenLine {
  readonly line: LedgerLine;
  readonly checkpoint: Checkpoint;
  /** Names of the keys whose signatures verified: the stream's, and witnesses'. */
  readonly verified: readonly string[];
}

/**
 * - `tlog_proof.malformed`: not a tlog-proof
 * - `tlog_proof.no_line`: without the line in it, and none was given
 * - `tlog_proof.line`: the line is not the one of this index, or its own hash does not fit
 * - `tlog_proof.origin`: the checkpoint is not signed by a key of its own origin
 */
export type TlogProofErrorCode =
  | "tlog_proof.malformed"
  | "tlog_proof.no_line"
  | "tlog_proof.line"
  | "tlog_proof.origin";

export class TlogProofError extends Error {
  override readonly name = "TlogProofError";
  readonly code: TlogProofErrorCode;

  constructor(code: TlogProofErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

const FIRST_LINE = "c2sp.org/tlog-proof@v1";
const INDEX_LINE = /^index (0|[1-9][0-9]{0,15})$/;
const EXTRA_START = "extra ";
/** A path is as long as the tree is deep, and no tree has more than 2^53 leaves. */
const PATH_LIMIT = 53;
/** The line as base64, the path, and the note: more would be read only to be refused. */
const PROOF_LIMIT_BYTES = NOTE_LIMIT_BYTES + 2 * LINE_LIMIT_BYTES;

/** The text of a proof. */
export function formatTlogProof(proof: TlogProof): string {
  const extra =
    proof.extra === undefined ? [] : [`extra ${Buffer.from(proof.extra).toString("base64")}`];
  const path = proof.path.map((hash) => hash.toString("base64"));
  return [FIRST_LINE, ...extra, `index ${proof.index}`, ...path, "", proof.note].join("\n");
}

/** Reads a proof without believing it. Throws a TlogProofError. */
export function parseTlogProof(text: string): TlogProof {
  if (text.length > PROOF_LIMIT_BYTES) throw malformed("it is too long");
  const blank = text.indexOf("\n\n");
  if (blank < 0) throw malformed("it has no checkpoint behind a blank line");
  const lines = text.slice(0, blank).split("\n");
  if (lines.shift() !== FIRST_LINE) throw malformed(`it does not begin with ${FIRST_LINE}`);
  const extra = lines[0]?.startsWith(EXTRA_START) === true ? lines.shift() : undefined;
  const index = Number(INDEX_LINE.exec(lines.shift() ?? "")?.[1]);
  if (!Number.isSafeInteger(index)) throw malformed("it has no index");
  if (lines.length > PATH_LIMIT) throw malformed("its path is longer than any tree is deep");
  return {
    index,
    path: lines.map(parseHash),
    note: text.slice(blank + 2),
    ...(extra === undefined ? {} : { extra: parseExtra(extra) }),
  };
}

/**
 * Checks a proof with verifier keys, the stream's among them: signature, path, and that the line is whole and the one
 * it says it is. Throws TlogProofError, NoteError, CheckpointError, ProofError, LineError or VerifierKeyError. `line`
 * takes the place of the line within the proof.
 */
export function verifyTlogProof(
  text: string,
  vkeys: readonly string[],
  line?: Uint8Array,
): ProvenLine {
  const proof = parseTlogProof(text);
  const bytes = line ?? proof.extra;
  if (bytes === undefined) {
    throw new TlogProofError("tlog_proof.no_line", "the proof does not hold its line: give it too");
  }
  const keys = vkeys.map(parseVerifierKey);
  const { text: noteText, verified } = openNote(proof.note, keys);
  const checkpoint = parseCheckpoint(noteText);
  const logKeys = keys.filter((key) => key.role === "log" && key.name === checkpoint.origin);
  if (logKeys.length === 0) throw notByOrigin(checkpoint.origin);
  // A witness may have the name of the log: the log's own keys must have signed.
  openNote(proof.note, logKeys);

  verifyInclusion({
    index: proof.index,
    size: checkpoint.size,
    leaf: leafHash(bytes),
    proof: proof.path,
    root: checkpoint.root,
  });
  return { line: requireLine(bytes, proof.index), checkpoint, verified };
}

function requireLine(bytes: Uint8Array, index: number): LedgerLine {
  const line = readLine(bytes);
  if (line.seq !== index || line.hash !== lineHash(bytes)) {
    throw new TlogProofError("tlog_proof.line", `the line is not whole, or not line ${index}`);
  }
  return line;
}

function parseHash(text: string): Buffer {
  const hash = decodeBase64(text);
  if (hash?.length !== DIGEST_BYTES) throw malformed("a hash of its path is not 32 bytes");
  return hash;
}

function parseExtra(line: string): Buffer {
  const extra = decodeBase64(line.slice(EXTRA_START.length));
  if (extra === undefined) throw malformed("its extra data is not base64");
  return extra;
}

function malformed(why: string): TlogProofError {
  return new TlogProofError("tlog_proof.malformed", `not a tlog-proof: ${why}`);
}

function notByOrigin(origin: string): TlogProofError {
  return new TlogProofError("tlog_proof.origin", `no given key is the key of ${origin}`);
}
