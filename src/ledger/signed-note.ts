/**
 * C2SP signed notes (https://c2sp.org/signed-note): text under signatures by named keys. The text of a note must never
 * be used unless a known key's signature over it verified.
 */
import { decodeBase64 } from "./base64.ts";

/**
 * Longest note taken, in bytes, signatures included. The specification asks for room for 16 signatures of up to 5 kB;
 * with more, a stranger's note would cost the reader memory and time before anything in it is verified.
 */
export const NOTE_LIMIT_BYTES = 1_000_000;

/** Signature lines taken. The specification asks for 16 at least; each one may cost a verification. */
export const NOTE_LIMIT_SIGNATURES = 100;

const SIGNATURE_START = "\u2014 ";
const KEY_ID_BYTES = 4;

/** ASCII controls but for LF (signed-note, "Format"). */
// oxlint-disable-next-line no-control-regex -- controls are what it looks for
const FORBIDDEN = /[\u0000-\u0009\u000B-\u001F]/;
/** Key names are not empty and have neither Unicode spaces nor plus signs. */
const KEY_NAME = /^[^\p{White_Space}+]+$/u;

/**
 * - `note.malformed`: not a note
 * - `note.too_large`: over `NOTE_LIMIT_BYTES` or `NOTE_LIMIT_SIGNATURES`
 * - `note.bad_signature`: a known key's signature does not verify
 * - `note.unverified`: no signature by a known key
 */
export type NoteErrorCode =
  | "note.malformed"
  | "note.too_large"
  | "note.bad_signature"
  | "note.unverified";

export class NoteError extends Error {
  override readonly name = "NoteError";
  readonly code: NoteErrorCode;

  constructor(code: NoteErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Signs under one name with one key. */
export interface NoteSigner {
  readonly name: string;
  readonly keyId: number;
  readonly sign: (text: Uint8Array) => Uint8Array;
}

/** Checks signatures under one name by one key. */
export interface NoteVerifier {
  readonly name: string;
  readonly keyId: number;
  readonly verify: (text: Uint8Array, signature: Uint8Array) => boolean;
}

/** A verified note. */
export interface OpenedNote {
  /** The text with its last newline, without the signatures. */
  readonly text: string;
  /** Names of the known keys whose signatures verified, in the order of the note. */
  readonly verified: readonly string[];
}

interface SignatureLine {
  readonly name: string;
  readonly keyId: number;
  readonly signature: Buffer;
}

/** The note of this text, which must end in a newline, with one signature by each signer. */
export function signNote(text: string, ...signers: readonly NoteSigner[]): string {
  if (!text.endsWith("\n") || FORBIDDEN.test(text) || !text.isWellFormed()) {
    throw new NoteError("note.malformed", "the text of a note ends in a newline, without controls");
  }
  const bytes = Buffer.from(text, "utf8");
  return `${text}\n${signers.map((signer) => signatureLine(signer, bytes)).join("")}`;
}

/**
 * Verifies a note. Signatures by unknown keys are ignored; one by a known key that does not verify rejects the whole
 * note, and so does having none.
 */
export function openNote(
  note: string | Uint8Array,
  verifiers: readonly NoteVerifier[],
): OpenedNote {
  const { text, signatures } = splitNote(note);
  const bytes = Buffer.from(text, "utf8");
  const known = new Set<NoteVerifier>();
  for (const line of signatures) {
    const verifier = verifiers.find((each) => each.name === line.name && each.keyId === line.keyId);
    if (verifier === undefined) continue;
    if (!verifier.verify(bytes, line.signature)) {
      throw new NoteError(
        "note.bad_signature",
        `the signature of ${line.name} does not verify: the note was changed, or signed by another key`,
      );
    }
    known.add(verifier);
  }
  if (known.size === 0) {
    throw new NoteError("note.unverified", "the note has no signature by a known key");
  }
  return { text, verified: [...known].map((verifier) => verifier.name) };
}

/** Whether a text may name a key. */
export function isKeyName(name: string): boolean {
  return name.isWellFormed() && KEY_NAME.test(name) && !FORBIDDEN.test(name);
}

function signatureLine(signer: NoteSigner, text: Uint8Array): string {
  const keyId = Buffer.alloc(KEY_ID_BYTES);
  keyId.writeUInt32BE(signer.keyId);
  const signature = Buffer.concat([keyId, signer.sign(text)]).toString("base64");
  return `${SIGNATURE_START}${signer.name} ${signature}\n`;
}

function splitNote(note: string | Uint8Array): {
  readonly text: string;
  readonly signatures: readonly SignatureLine[];
} {
  const whole = noteText(note);
  // The text may have empty lines of its own: the last one separates.
  const blank = whole.lastIndexOf("\n\n");
  if (blank < 0 || !whole.endsWith("\n"))
    throw malformed("it has no signatures behind a blank line");
  const lines = whole.slice(blank + 2, -1).split("\n");
  if (lines.length > NOTE_LIMIT_SIGNATURES) {
    throw new NoteError("note.too_large", `a note has at most ${NOTE_LIMIT_SIGNATURES} signatures`);
  }
  return { text: whole.slice(0, blank + 1), signatures: lines.map(parseSignatureLine) };
}

function noteText(note: string | Uint8Array): string {
  const size = typeof note === "string" ? Buffer.byteLength(note) : note.length;
  if (size > NOTE_LIMIT_BYTES) {
    throw new NoteError("note.too_large", `a note has at most ${NOTE_LIMIT_BYTES} bytes`);
  }
  const text = typeof note === "string" ? note : decodeUtf8(note);
  if (!text.isWellFormed()) throw malformed("it is not UTF-8");
  if (FORBIDDEN.test(text)) throw malformed("it has control characters");
  return text;
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed("it is not UTF-8");
  }
}

function parseSignatureLine(line: string): SignatureLine {
  const [name, base64, ...rest] = line.startsWith(SIGNATURE_START)
    ? line.slice(SIGNATURE_START.length).split(" ")
    : [];
  const bytes = base64 === undefined ? undefined : decodeBase64(base64);
  const isWhole = bytes !== undefined && bytes.length > KEY_ID_BYTES && rest.length === 0;
  if (name === undefined || !isKeyName(name) || !isWhole) {
    throw malformed("a signature line is not: dash, name, base64");
  }
  return { name, keyId: bytes.readUInt32BE(0), signature: bytes.subarray(KEY_ID_BYTES) };
}

function malformed(why: string): NoteError {
  return new NoteError("note.malformed", `not a signed note: ${why}`);
}
