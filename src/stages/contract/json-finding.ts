/**
 * What the strict reader says of a text it refuses: which flaw, at which byte, under which JSON pointer. A finding must
 * never repeat a value, and of the caller's keys only a bounded piece.
 */

export type JsonFlaw =
  | "byte_order_mark"
  | "duplicate_key"
  | "forbidden_key"
  | "invalid_utf8"
  | "key_too_long"
  | "lone_surrogate"
  | "malformed"
  | "number_out_of_range"
  | "number_too_long"
  | "string_too_long"
  | "too_deep"
  | "too_many_members"
  | "trailing_data";

/** Where and why a text is refused. */
export interface JsonFinding {
  readonly kind: "flawed";
  readonly flaw: JsonFlaw;
  /** Offset of the first byte that cannot be accepted. */
  readonly offset: number;
  /** RFC 6901 pointer to what was being read there; cut short by an ellipsis when the caller's keys are long. */
  readonly pointer: string;
}

/** Characters of one token and number of tokens that a pointer repeats of the caller's own keys. */
const POINTER_TOKEN_LENGTH = 64;
const POINTER_TOKENS = 16;

/** RFC 6901 pointer of bounded length from unescaped tokens. */
export function toPointer(tokens: readonly string[]): string {
  const shown = tokens.slice(0, POINTER_TOKENS).map((token) => `/${escapeToken(cut(token))}`);
  return shown.join("") + (tokens.length > POINTER_TOKENS ? "/…" : "");
}

/** One unescaped token as it stands in a pointer (RFC 6901 section 3). */
export function escapeToken(token: string): string {
  return token.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** A pointer made elsewhere, cut to the bounds of `toPointer`. */
export function boundPointer(pointer: string): string {
  const tokens = pointer.split("/", POINTER_TOKENS + 2).slice(1);
  const shown = tokens.slice(0, POINTER_TOKENS).map((token) => `/${cut(token)}`);
  return shown.join("") + (tokens.length > POINTER_TOKENS ? "/…" : "");
}

function cut(token: string): string {
  if (token.length <= POINTER_TOKEN_LENGTH) return token;
  return `${token.slice(0, POINTER_TOKEN_LENGTH).toWellFormed()}…`;
}

const REPLACEMENT = "\ufffd";

/** Offset of the first byte that is not UTF-8, in a buffer known to hold one. */
export function firstInvalidUtf8(body: Buffer): number {
  const text = body.toString("utf8");
  let offset = 0;
  let from = 0;
  for (;;) {
    const hit = text.indexOf(REPLACEMENT, from);
    if (hit < 0) return offset;
    offset += Buffer.byteLength(text.slice(from, hit));
    const isGenuine =
      body[offset] === 0xef && body[offset + 1] === 0xbf && body[offset + 2] === 0xbd;
    if (!isGenuine) return offset;
    offset += 3;
    from = hit + 1;
  }
}
