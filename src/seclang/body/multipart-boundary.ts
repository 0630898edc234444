/**
 * The boundary that a Content-Type header names. It must never guess between two readings: a header that backends could
 * read differently gives no boundary at all.
 */
import type { ByteString } from "../byte-string.ts";
import { parseHeaderParameters } from "./header-parameters.ts";
import type { MultipartFlags } from "./multipart-flags.ts";

/** RFC 2046 section 5.1.1: at most 70 of these bytes, the last one no space. */
const QUOTED_BOUNDARY = /^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/;

/** The same without comma and space: two headers merged into one put a comma there. */
const BARE_BOUNDARY = /^[\w'()+./:=?-]{1,70}$/;

/** The boundary of a `multipart/form-data` Content-Type, or undefined; raises the flags that concern it. */
export function parseBoundary(
  contentType: ByteString,
  flags: MultipartFlags,
): ByteString | undefined {
  const header = parseHeaderParameters(contentType);
  if (header.head !== "multipart/form-data" || header.isBroken) return undefined;
  const candidates = header.parameters.filter(({ name }) => name.startsWith("boundary"));
  const [parameter] = candidates;
  // RFC 2231 continuations (`boundary*0`) and a second boundary are read by some backends and ignored by others.
  if (parameter === undefined || candidates.length > 1 || parameter.name !== "boundary") {
    return undefined;
  }
  flags.boundaryQuoted ||= parameter.quote !== "";
  flags.boundaryWhitespace ||= parameter.hasSpace;
  flags.missingSemicolon ||= header.missingSemicolon;
  flags.invalidQuoting ||= header.invalidQuoting || parameter.hasEscape;
  const allowed = parameter.quote === '"' ? QUOTED_BOUNDARY : BARE_BOUNDARY;
  return allowed.test(parameter.value) ? parameter.value : undefined;
}
