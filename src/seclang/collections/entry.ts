/** One inspectable piece of a message: its name, its value, and which collection it belongs to. It never changes after it was made. */
import type { ByteString } from "../byte-string.ts";

/**
 * The collections whose members are inspected as values, one bit each: a rule names many at once, and asks with one
 * `and` whether an entry is among them. ARGS, ARGS_NAMES and the like are unions of them.
 */
export const PART = {
  argsGet: 1 << 0,
  argsPost: 1 << 1,
  /** Arguments of either kind that the route declares as text for a model: rules made for other fields are not run on them. */
  prompts: 1 << 2,
  /** Arguments that the route declares as identifiers. */
  identifiers: 1 << 3,
  /** Arguments that the route declares as numbers or closed lists, and that are such: no rule reads their values. */
  plain: 1 << 4,
  argsGetNames: 1 << 5,
  argsPostNames: 1 << 6,
  requestHeaders: 1 << 7,
  requestHeadersNames: 1 << 8,
  requestCookies: 1 << 9,
  requestCookiesNames: 1 << 10,
  /** Of a multipart body: original file names, and the names of the fields that hold them. */
  files: 1 << 11,
  filesNames: 1 << 12,
  multipartPartHeaders: 1 << 13,
  xmlText: 1 << 14,
  xmlAttributes: 1 << 15,
  requestLine: 1 << 16,
  requestUri: 1 << 17,
  requestUriRaw: 1 << 18,
  requestFilename: 1 << 19,
  requestBasename: 1 << 20,
  requestMethod: 1 << 21,
  requestProtocol: 1 << 22,
  queryString: 1 << 23,
  requestBody: 1 << 24,
  responseHeaders: 1 << 25,
  responseHeadersNames: 1 << 26,
  responseBody: 1 << 27,
} as const;

/** One bit of `PART`. */
export type Part = (typeof PART)[keyof typeof PART];

/** What a caller may declare of an argument; undeclared ones are inspected in full. */
export type FieldKind = "text" | "prompt" | "identifier" | "number" | readonly ByteString[];

/** Where a value lies in the bytes it was read from. -1 where it is no slice of the body. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export const NO_RANGE: ByteRange = { start: -1, end: -1 };

/** What a transformation chain made of a value; most values have none or one. */
export interface Variant {
  /** Number of the chain's node in the trie of its rule set. */
  readonly node: number;
  readonly value: ByteString;
  readonly next: Variant | undefined;
}

export class Entry {
  readonly part: Part;
  /** As it was sent: `User-Agent`, `json.items.0.sku`; empty for what has one value. */
  readonly name: ByteString;
  readonly value: ByteString;
  readonly start: number;
  readonly end: number;
  /**
   * What transformation chains make of the value, the latest first; filled by whoever needs it first. It belongs to the
   * rule set that numbers the chains.
   */
  variants: Variant | undefined;

  constructor(part: Part, name: ByteString, value: ByteString, { start, end } = NO_RANGE) {
    this.part = part;
    this.name = name;
    this.value = value;
    this.start = start;
    this.end = end;
    this.variants = undefined;
  }
}
