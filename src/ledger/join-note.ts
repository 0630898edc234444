/**
 * One signed note over the newest checkpoints of several streams, so that one note kept elsewhere anchors them all. It
 * must never name a stream whose checkpoint it does not hold.
 */
import { decodeBase64 } from "./base64.ts";
import { leafHash } from "./hashing.ts";
import { CompactRange } from "./merkle/compact-range.ts";
import { NoteError, openNote, signNote, type NoteSigner } from "./signed-note.ts";
import type { VerifierKey } from "./verifier-key.ts";

/** The newest note of one stream. */
export interface JoinedStream {
  readonly origin: string;
  readonly note: string;
}

/** The note, and the list that must be kept beside it. */
export interface Join {
  readonly note: string;
  /** One line of JSON for each stream, in the order of the tree's leaves. */
  readonly streams: string;
}

/**
 * - `join.malformed`: the note or its list is not what `signJoin` writes
 * - `join.no_streams`: the list that belongs beside it is missing
 * - `join.no_key`: no key was given that could have signed it
 * - `join.forged`: the signature does not verify
 * - `join.mismatch`: the list is not the one that was signed
 * - `join.repeated`: one stream was named twice
 */
export type JoinErrorCode =
  | "join.malformed"
  | "join.no_streams"
  | "join.no_key"
  | "join.forged"
  | "join.mismatch"
  | "join.repeated";

export class JoinError extends Error {
  override readonly name = "JoinError";
  readonly code: JoinErrorCode;

  constructor(code: JoinErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Extension line (https://c2sp.org/tlog-checkpoint) that tells a join from the checkpoint of a stream: the leaves of its
 * tree are notes, and neither kind must pass for the other even where one key signs both.
 */
const EXTENSION = "join of streams";

/** Signs the tree whose leaves are the notes, ordered by origin. */
export function signJoin(streams: readonly JoinedStream[], signer: NoteSigner): Join {
  const ordered = streams.toSorted((one, other) => (one.origin < other.origin ? -1 : 1));
  const repeated = ordered.find(({ origin }, at) => origin === ordered[at - 1]?.origin);
  if (repeated) {
    throw new JoinError("join.repeated", `two of the streams are ${repeated.origin}`);
  }
  const root = rootOf(ordered).toString("base64");
  const text = `${signer.name}\n${ordered.length}\n${root}\n${EXTENSION}\n`;
  const lines = ordered.map(({ origin, note }) => `${JSON.stringify({ origin, note })}\n`);
  return { note: signNote(text, signer), streams: lines.join("") };
}

/** Whether a note says that it is a join; nothing in it is verified. */
export function isJoin(note: string): boolean {
  return note.split("\n", 4)[3] === EXTENSION;
}

/** The notes of the streams, once signature and root verified; each has still to be opened with its stream's key. */
export function openJoin(
  note: string,
  streams: string | undefined,
  keys: readonly VerifierKey[],
): readonly JoinedStream[] {
  const [origin, size, root] = verifiedText(note, keys).split("\n");
  if (!keys.some(({ name }) => name === origin)) {
    throw new JoinError("join.forged", `the join is signed, but not by ${origin}`);
  }
  if (streams === undefined) {
    throw new JoinError("join.no_streams", "the list of its streams is missing beside it");
  }
  const list = parseStreams(streams);
  const signed = decodeBase64(root ?? "");
  if (String(list.length) !== size || !signed || !rootOf(list).equals(signed)) {
    throw new JoinError(
      "join.mismatch",
      "the list of its streams is not the one it was signed for",
    );
  }
  return list;
}

function verifiedText(note: string, keys: readonly VerifierKey[]): string {
  if (keys.length === 0) {
    throw new JoinError("join.no_key", "give the public key of whoever signed the join");
  }
  try {
    return openNote(note, keys).text;
  } catch (error) {
    if (!(error instanceof NoteError)) throw error;
    throw new JoinError("join.forged", `the join does not verify: ${error.message}`);
  }
}

function parseStreams(text: string): JoinedStream[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const { origin, note } = parseObject(line);
      if (typeof origin !== "string" || typeof note !== "string") throw malformed();
      return { origin, note };
    });
}

function parseObject(line: string): Record<string, unknown> {
  try {
    return (JSON.parse(line) ?? {}) as Record<string, unknown>;
  } catch {
    throw malformed();
  }
}

function rootOf(streams: readonly JoinedStream[]): Buffer {
  const tree = CompactRange.empty();
  for (const { note } of streams) tree.append(leafHash(Buffer.from(note, "utf8")));
  return tree.root();
}

function malformed(): JoinError {
  return new JoinError("join.malformed", "each line of the list is: an object of origin and note");
}
