/**
 * The headers of one part: its name, its file names, and every reason why backends might see another part than we do. It
 * must never pick one of two names: a part with two is malformed.
 */
import type { ByteString } from "../byte-string.ts";
import { type HeaderParameter, parseHeaderParameters } from "./header-parameters.ts";
import type { MultipartFlags } from "./multipart-flags.ts";

/** One header of a part as a line, unfolded, with its byte range. */
export interface HeaderLine {
  readonly text: ByteString;
  readonly start: number;
  readonly end: number;
}

export interface Disposition {
  readonly name: ByteString;
  /** From `filename` and `filename*`, in this order; empty for a field. */
  readonly fileNames: readonly ByteString[];
}

/** What is wrong with a part's headers, and where. */
export interface PartFlaw {
  readonly message: string;
  readonly at: number;
}

const HEADER = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*)$/s;

const EXTENDED = /^(utf-8|iso-8859-1)'[^']*'((?:[^%]|%[0-9a-f]{2})*)$/i;

/** `filename*=UTF-8''%41`: RFC 8187, percent escapes undone, bytes kept as they are in the named charset. */
function fromExtended({ value, quote }: HeaderParameter, flags: MultipartFlags): ByteString {
  const encoded = EXTENDED.exec(value)?.[2];
  if (encoded === undefined || quote !== "") flags.invalidQuoting = true;
  return (encoded ?? value).replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function toDisposition(value: ByteString, flags: MultipartFlags): Disposition | string {
  const header = parseHeaderParameters(value);
  flags.missingSemicolon ||= header.missingSemicolon;
  flags.invalidQuoting ||= header.invalidQuoting;
  flags.invalidPart ||= header.isOdd;
  if (header.head !== "form-data") return "a part that is no form-data";
  if (header.isBroken) return "a malformed Content-Disposition";
  const found = new Map<ByteString, HeaderParameter>();
  for (const parameter of header.parameters) {
    if (found.has(parameter.name)) return "a Content-Disposition parameter twice";
    // RFC 7578 section 4.2 allows no extended name, and RFC 2231 continuations are read by some backends only.
    if (/^(?:name\*|filename\*.)/.test(parameter.name)) return "an extended part name";
    found.set(parameter.name, parameter);
  }
  const name = found.get("name");
  if (name === undefined) return "a part without a name";
  const fileName = found.get("filename");
  const extended = found.get("filename*");
  // Some readers drop every backslash of a name, some keep it. In file names lone ones are common (old Windows paths).
  flags.invalidQuoting ||= name.hasEscape || name.value.includes("\\") || !!fileName?.hasEscape;
  const fileNames = fileName === undefined ? [] : [fileName.value];
  if (extended !== undefined) fileNames.push(fromExtended(extended, flags));
  return { name: name.value, fileNames };
}

/** Reads the header lines of a part; on a flaw the flag `invalidPart` is up. */
export function parsePartHeaders(
  lines: readonly HeaderLine[],
  flags: MultipartFlags,
): Disposition | PartFlaw {
  const seen = new Set<ByteString>();
  let disposition: Disposition | undefined;
  let flaw: PartFlaw | undefined;
  for (const { text, start } of lines) {
    const [, rawName = "", value = ""] = HEADER.exec(text) ?? [];
    const name = rawName.toLowerCase();
    if (name === "") flaw ??= { message: "a malformed part header", at: start };
    else if (seen.has(name)) flaw ??= { message: "a part header twice", at: start };
    seen.add(name);
    if (name !== "content-disposition" || flaw !== undefined) continue;
    const read = toDisposition(value, flags);
    if (typeof read === "string") flaw = { message: read, at: start };
    else disposition = read;
  }
  if (flaw === undefined && disposition !== undefined) return disposition;
  flags.invalidPart = true;
  return flaw ?? { message: "a part without Content-Disposition", at: lines[0]?.start ?? 0 };
}
