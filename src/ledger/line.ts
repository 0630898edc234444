/**
 * Lines of the ledger as bytes (docs/ledger-format.md, "Lines"): where their fixed members stand, and the hash over all
 * before the last one. It must never repair a line: what is not written as the format says is refused.
 */
import { blake3Hex } from "./hashing.ts";

/**
 * Longest line in bytes with its LF. It bounds what a reader must hold before it knows where a line ends; raised, a
 * damaged or hostile file makes every reader hold that much.
 */
export const LINE_LIMIT_BYTES = 65_536;

/** `prev` of the first line. */
export const FIRST_PREV = `b3:${"0".repeat(64)}`;

/**
 * - `line.too_long`: over the limit
 * - `line.malformed`: the fixed members are not where they belong
 * - `line.not_json`: not UTF-8, or not one JSON object, or one that says a fixed member twice
 */
export type LineErrorCode = "line.too_long" | "line.malformed" | "line.not_json";

export class LineError extends Error {
  override readonly name = "LineError";
  readonly code: LineErrorCode;

  constructor(code: LineErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The fixed members of a line, read from their places. */
export interface ScannedLine {
  readonly seq: number;
  /** RFC 3339 with six digits: of equal length, so that text order is the order of time. */
  readonly ts: string;
  readonly kind: string;
  readonly prev: string;
  /** What the line says, not what was computed: compare with `lineHash`. */
  readonly hash: string;
  /** `ed25519:<base64>` over the first `signedBytes` bytes, where the line has one. */
  readonly signature: string | undefined;
  readonly signedBytes: number;
}

export interface LedgerLine extends ScannedLine {
  /** The whole object as parsed. */
  readonly value: Readonly<Record<string, unknown>>;
}

/** `,"hash":"b3:<64>"` */
const HASH_MEMBER_BYTES = 77;
/** `,"prev":"b3:<64>"` */
const PREV_MEMBER_BYTES = 77;
/** `,"signature":"ed25519:<88>"` */
const SIGNATURE_MEMBER_BYTES = 111;
const SIGNATURE_TEXT_BYTES = 96;
const HASH_TEXT_BYTES = 67;

const HEAD = Buffer.from('{"ts":"');
const SEQ = Buffer.from('","seq":');
const KIND = Buffer.from(',"kind":"');
const PREV = Buffer.from(',"prev":"b3:');
const HASH = Buffer.from(',"hash":"b3:');
const SIGNATURE = Buffer.from(',"signature":"ed25519:');
const TS_BYTES = 27;
/** Shortest line there can be: the fixed members around a `kind` of one letter. */
const MINIMUM_BYTES = 2 + 7 + TS_BYTES + 8 + 1 + 9 + 1 + PREV_MEMBER_BYTES + HASH_MEMBER_BYTES;

const TS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const KIND_TEXT = /^[a-z][a-z_]{0,63}$/;
const HASH_TEXT = /^b3:[0-9a-f]{64}$/;
const QUOTE = 0x22;
const ZERO = 0x30;
const NINE = 0x39;
const CLOSE = 0x7d;
const CLOSING_BRACE = Uint8Array.of(CLOSE);

/** The hash a line ought to have, `b3:...`: over everything before its last 78 bytes, and `}`. */
export function lineHash(bytes: Uint8Array): string {
  if (bytes.length < MINIMUM_BYTES) throw malformed("it is too short");
  return `b3:${blake3Hex(bytes.subarray(0, bytes.length - HASH_MEMBER_BYTES - 1), CLOSING_BRACE)}`;
}

/** The hash a line says it has, `b3:...`. */
export function hashMemberOf(bytes: Uint8Array): string {
  return hashTextAt(bufferOf(bytes), bytes.length - HASH_MEMBER_BYTES - 1, HASH);
}

/**
 * The fixed members of a line (without its LF), without parsing JSON: fast, and enough for the chain. They stand where
 * no string can hold them, since a quote within a string is escaped. Throws a LineError.
 */
export function scanLine(bytes: Uint8Array): ScannedLine {
  const { length } = bytes;
  if (length >= LINE_LIMIT_BYTES) throw tooLong();
  const line = bufferOf(bytes);
  if (length < MINIMUM_BYTES || line[length - 1] !== CLOSE) throw malformed("its end is missing");
  const { seq, ts, kind } = scanHead(line);

  const hashAt = length - 1 - HASH_MEMBER_BYTES;
  const hash = hashTextAt(line, hashAt, HASH);
  const signatureAt = hashAt - SIGNATURE_MEMBER_BYTES;
  const isSigned = stands(line, signatureAt, SIGNATURE);
  const signedBytes = isSigned ? signatureAt : hashAt;
  const prev = hashTextAt(line, signedBytes - PREV_MEMBER_BYTES, PREV);
  return {
    seq,
    ts,
    kind,
    prev,
    hash,
    signature: isSigned ? signatureTextAt(line, signatureAt) : undefined,
    signedBytes,
  };
}

/** A line (without its LF) read whole, as JSON too. Its hash is not checked. Throws a LineError. */
export function readLine(bytes: Uint8Array): LedgerLine {
  const scanned = scanLine(bytes);
  const value = parseObject(bytes);
  for (const name of ["seq", "ts", "kind", "prev", "hash", "signature"] as const) {
    // Parsers disagree on members said twice: what tools see must be what the chain was checked with.
    if (value[name] !== scanned[name]) {
      throw new LineError("line.not_json", `line ${scanned.seq} says ${name} twice`);
    }
  }
  return { ...scanned, value };
}

function scanHead(line: Buffer): Pick<ScannedLine, "seq" | "ts" | "kind"> {
  const tsAt = HEAD.length;
  const seqAt = tsAt + TS_BYTES + SEQ.length;
  const ts = line.toString("latin1", tsAt, tsAt + TS_BYTES);
  if (!stands(line, 0, HEAD) || !TS.test(ts) || !stands(line, tsAt + TS_BYTES, SEQ)) {
    throw malformed("it does not begin with ts and seq");
  }
  let at = seqAt;
  let seq = 0;
  for (let digit = line[at] as number; digit >= ZERO && digit <= NINE; digit = line[at] as number) {
    seq = seq * 10 + digit - ZERO;
    at += 1;
  }
  const digits = at - seqAt;
  const isCanonical = digits === 1 || line[seqAt] !== ZERO;
  if (digits === 0 || !isCanonical || !Number.isSafeInteger(seq)) {
    throw malformed("its seq is no decimal number");
  }
  if (!stands(line, at, KIND)) throw malformed("kind does not follow seq");
  const kindAt = at + KIND.length;
  const kind = line.toString("latin1", kindAt, line.indexOf(QUOTE, kindAt));
  if (!KIND_TEXT.test(kind)) throw malformed("its kind is no name");
  return { seq, ts, kind };
}

function hashTextAt(line: Buffer, at: number, member: Buffer): string {
  const textAt = at + member.length - 3;
  const text = line.toString("latin1", textAt, textAt + HASH_TEXT_BYTES);
  if (
    !stands(line, at, member) ||
    line[textAt + HASH_TEXT_BYTES] !== QUOTE ||
    !HASH_TEXT.test(text)
  ) {
    throw malformed(`${member === HASH ? "hash" : "prev"} is not where it belongs`);
  }
  return text;
}

function signatureTextAt(line: Buffer, at: number): string {
  const textAt = at + SIGNATURE.length - "ed25519:".length;
  if (line[textAt + SIGNATURE_TEXT_BYTES] !== QUOTE) throw malformed("its signature is cut");
  return line.toString("latin1", textAt, textAt + SIGNATURE_TEXT_BYTES);
}

/** Byte by byte: for a dozen bytes that is quicker than a view and a comparison. */
function stands(line: Buffer, at: number, expected: Buffer): boolean {
  for (let index = 0; index < expected.length; index += 1) {
    if (line[at + index] !== expected[index]) return false;
  }
  return true;
}

function parseObject(bytes: Uint8Array): Record<string, unknown> {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    // Beginning with a brace, it can only be an object.
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new LineError("line.not_json", "it is not one JSON object in UTF-8");
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function malformed(why: string): LineError {
  return new LineError("line.malformed", `not a ledger line: ${why}`);
}

function tooLong(): LineError {
  return new LineError("line.too_long", `a ledger line has at most ${LINE_LIMIT_BYTES} bytes`);
}
