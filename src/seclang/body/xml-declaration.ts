/**
 * The XML declaration of a document. It must never let another encoding through: UTF-7 or EBCDIC would hide every letter
 * from the rules.
 */
import type { ByteString } from "../byte-string.ts";

/** Matched against the head of the body only, so that its repeats cannot cost more than this many bytes squared. */
const DECLARATION_BYTES = 200;
const DECLARATION =
  /^<\?xml\s+version\s*=\s*(?:"1\.0"|'1\.0')(?:\s+encoding\s*=\s*(?:"([\w.-]+)"|'([\w.-]+)'))?(?:\s+standalone\s*=\s*(?:"(?:yes|no)"|'(?:yes|no)'))?\s*\?>/;
const READ_ENCODINGS = /^(?:utf-?8|(?:us-)?ascii)$/i;

export interface XmlDeclaration {
  readonly length: number;
  /** UTF-8, ASCII or nothing was declared. */
  readonly isUtf8: boolean;
}

/** Reads the declaration that begins at `at`; undefined if it is malformed or not XML 1.0. */
export function readXmlDeclaration(body: ByteString, at: number): XmlDeclaration | undefined {
  const match = DECLARATION.exec(body.slice(at, at + DECLARATION_BYTES));
  if (match === null) return undefined;
  const encoding = match[1] ?? match[2] ?? "utf-8";
  return { length: match[0].length, isUtf8: READ_ENCODINGS.test(encoding) };
}
