/**
 * What each transformation can do to a value, judged by the kinds of bytes in it: nothing, a change of letter case, or
 * something new. When in doubt it must say "something new": a rule is skipped on a "nothing".
 */
import { decodeBase64 } from "../transformations/base64.ts";
import type { ByteString } from "../byte-string.ts";
import { ANY_BYTES, maskOf, NO_BYTES, union, without, type ByteMask } from "./byte-classes.ts";

export interface Effect {
  /** It may change any value, the empty one, too. */
  readonly isAlways?: true;
  /** A value without a byte of these classes comes out as it went in. */
  readonly triggers: ByteMask;
  /** Without a byte of these it comes out the same but for the case of ASCII letters. */
  readonly changes: ByteMask;
  /** The classes that the result can hold, if the value holds those; only asked when a trigger is there. */
  readonly result: (value: ByteMask) => ByteMask;
  /** The result holds no class that the value does not hold. */
  readonly isNarrowing?: true;
  /** The same into an array, returning the length: for one that makes new bytes of most values, few of them of interest. */
  readonly decode?: (value: ByteString, out: Uint8Array) => number;
}

const UPPER = maskOf("A");
const LOWER = maskOf("a");
const HIGH = maskOf("\x80\xa0\xc2\xff");
const ASCII_SPACE = maskOf("\t\n\v\f\r ");
const WIDE_SPACE = maskOf("\xa0\xc2");
const SPACE = maskOf(" ");
const BACKSLASH = maskOf("\\");

const anything = (): ByteMask => ANY_BYTES;
const same = (value: ByteMask): ByteMask => value;
const adding =
  (added: ByteMask) =>
  (value: ByteMask): ByteMask =>
    union(value, added);

const effect = (triggers: ByteMask, result: Effect["result"] = anything): Effect => ({
  triggers,
  changes: triggers,
  result,
});

const narrowing = (triggers: ByteMask, result: Effect["result"]): Effect => ({
  ...effect(triggers, result),
  isNarrowing: true,
});

/** The length of nothing is "0", and it has a digest: the empty value is no exception. */
const ALWAYS: Effect = { ...effect(ANY_BYTES), isAlways: true };
const UNESCAPE = effect(BACKSLASH);
const URL_ESCAPES = maskOf("%+");
const PERCENT = maskOf("%");

/** A plus only becomes a space; a percent sign can become anything. */
const urlDecoded = (value: ByteMask): ByteMask =>
  (value.marks & PERCENT.marks) === 0 ? union(without(value, maskOf("+")), SPACE) : ANY_BYTES;

const CMD_REMOVED = maskOf("\"'\\^");
const CMD_CHANGES = union(CMD_REMOVED, maskOf(",;\t\r\n "));
const cmdResult = (value: ByteMask): ByteMask =>
  union(union(without(value, union(union(CMD_REMOVED, maskOf(",;\t\r\n")), UPPER)), SPACE), LOWER);

const PATH_SIGNS = maskOf("/.");
const path = narrowing(PATH_SIGNS, same);

/** White space may be the last that is taken away: a class can vanish, and with it the two bytes of U+00A0. */
const trimmed = narrowing(ASCII_SPACE, same);

const EFFECTS: Readonly<Record<string, Effect>> = {
  none: effect(NO_BYTES, same),
  lowercase: {
    triggers: UPPER,
    changes: NO_BYTES,
    result: (value) => union(without(value, UPPER), LOWER),
  },
  uppercase: {
    triggers: LOWER,
    changes: NO_BYTES,
    result: (value) => union(without(value, LOWER), UPPER),
  },
  urldecode: effect(URL_ESCAPES, urlDecoded),
  urldecodeuni: effect(URL_ESCAPES, urlDecoded),
  htmlentitydecode: effect(maskOf("&")),
  jsdecode: UNESCAPE,
  cssdecode: UNESCAPE,
  escapeseqdecode: UNESCAPE,
  removenulls: narrowing(maskOf("\0"), (value) => without(value, maskOf("\0"))),
  replacenulls: effect(maskOf("\0"), (value) => union(without(value, maskOf("\0")), SPACE)),
  removewhitespace: narrowing(union(ASCII_SPACE, WIDE_SPACE), (value) =>
    without(value, ASCII_SPACE),
  ),
  compresswhitespace: effect(union(ASCII_SPACE, WIDE_SPACE), (value) =>
    union(without(value, ASCII_SPACE), SPACE),
  ),
  trim: trimmed,
  trimleft: trimmed,
  trimright: trimmed,
  utf8tounicode: effect(HIGH, adding(maskOf("%u0"))),
  replacecomments: effect(maskOf("/"), adding(SPACE)),
  removecomments: effect(maskOf("/<-#"), adding(SPACE)),
  removecommentschar: narrowing(maskOf("/*<-#"), same),
  normalizepath: path,
  normalisepath: path,
  normalizepathwin: effect(union(PATH_SIGNS, BACKSLASH), adding(maskOf("/"))),
  normalisepathwin: effect(union(PATH_SIGNS, BACKSLASH), adding(maskOf("/"))),
  cmdline: { triggers: union(UPPER, CMD_CHANGES), changes: CMD_CHANGES, result: cmdResult },
  parityzero7bit: effect(HIGH),
  sqlhexdecode: effect(maskOf("0")),
  base64decode: { ...effect(ANY_BYTES), decode: decodeBase64 },
};

/** By the lower-case name of the transformation; one that is not in the table may always do anything. */
export function effectOf(transformation: string): Effect {
  return EFFECTS[transformation] ?? ALWAYS;
}
