/**
 * `multipart/form-data` bodies to fields, files and part headers, by the letter of RFC 7578 and RFC 2046. It must never
 * find a boundary where a backend might not, or miss one where a backend might, without a flag or a fault.
 */
import type { ByteString } from "../byte-string.ts";
import { isStrictError, type MultipartFlags, noMultipartFlags } from "./multipart-flags.ts";
import { parseBoundary } from "./multipart-boundary.ts";
import { type Disposition, type HeaderLine, parsePartHeaders } from "./multipart-part.ts";
import { BodyFields, type BodyLimits, type ParsedBody } from "./parsed-body.ts";

/** An uploaded file: FILES (its file names), FILES_NAMES (its name) and FILES_SIZES. Its bytes are `start` to `end`. */
export interface MultipartFile {
  readonly name: ByteString;
  /** `filename`, then `filename*` decoded; backends differ in which of the two wins. */
  readonly fileNames: readonly ByteString[];
  readonly sizeBytes: number;
  readonly start: number;
  readonly end: number;
}

/** One line of MULTIPART_PART_HEADERS. */
export interface MultipartPartHeader {
  /** Name of the part; empty if its headers could not be read. */
  readonly part: ByteString;
  readonly line: ByteString;
  readonly start: number;
  readonly end: number;
}

export interface MultipartBody extends ParsedBody {
  readonly files: readonly MultipartFile[];
  readonly partHeaders: readonly MultipartPartHeader[];
  readonly flags: Readonly<MultipartFlags>;
  /** MULTIPART_STRICT_ERROR. */
  readonly isStrictError: boolean;
}

/** Header bytes of one part. Raised, a body of headers alone costs a rule run for each line. */
const MAX_PART_HEADER_BYTES = 16_384;
/** Header lines of one part; browsers send two. */
const MAX_PART_HEADERS = 16;

/** A boundary line: where the content before it ends, and where the next part begins. */
interface Delimiter {
  readonly contentEnd: number;
  readonly next: number;
  readonly isLast: boolean;
}

// oxlint-disable-next-line no-control-regex
const CONTROL = /[\0-\x08\x0a-\x1f\x7f]/;

class MultipartReader {
  readonly out: BodyFields;
  readonly files: MultipartFile[] = [];
  readonly partHeaders: MultipartPartHeader[] = [];
  readonly #body: ByteString;
  readonly #flags: MultipartFlags;
  readonly #marker: ByteString;
  #hasCrlf = false;

  constructor(body: ByteString, boundary: ByteString, flags: MultipartFlags, out: BodyFields) {
    this.#body = body;
    this.#marker = `--${boundary}`;
    this.#flags = flags;
    this.out = out;
  }

  read(): boolean {
    let delimiter = this.#delimiter(0);
    if (delimiter === undefined) {
      this.#flags.dataBefore ||= this.#body !== "";
      return this.out.fail("body.boundary", "no boundary found", 0);
    }
    this.#flags.dataBefore ||= !this.#body.startsWith(this.#marker);
    for (let parts = 0; delimiter !== undefined && !delimiter.isLast; parts += 1) {
      if (parts >= this.out.limits.parts) {
        this.#flags.fileLimitExceeded = true;
        return this.out.fail("body.parts", "more parts than allowed", delimiter.next);
      }
      delimiter = this.#part(delimiter.next);
    }
    if (delimiter === undefined) return false;
    this.#flags.dataAfter ||= delimiter.next < this.#body.length;
    return true;
  }

  /** Notes how a structural line ends; answers where the next one begins, or -1 if no line ends here. */
  #lineEnd(at: number): number {
    const isCrlf = this.#body.startsWith("\r\n", at);
    if (!isCrlf && this.#body[at] !== "\n") return -1;
    if (isCrlf) this.#hasCrlf = true;
    else this.#flags.lfLine = true;
    this.#flags.crlfLfLines = this.#hasCrlf && this.#flags.lfLine;
    return at + (isCrlf ? 2 : 1);
  }

  /** The next boundary line at or behind `from`; undefined after a fault or if there is none. */
  #delimiter(from: number): Delimiter | undefined {
    let at = this.#body.indexOf(this.#marker, from);
    // A marker inside a line is data to a strict reader, and a boundary to one that only searches.
    while (at > from && this.#body[at - 1] !== "\n") {
      this.#flags.unmatchedBoundary = true;
      at = this.#body.indexOf(this.#marker, at + 1);
    }
    if (at === -1) return undefined;
    const contentEnd = this.#contentEnd(from, at);
    const behind = at + this.#marker.length;
    const isLast = this.#body.startsWith("--", behind);
    const lineEnd = isLast ? behind + 2 : behind;
    const next = this.#lineEnd(lineEnd);
    if (next === -1 && !(isLast && lineEnd === this.#body.length)) {
      // Some readers compare only the beginning of the line: to them this is a boundary, to others data.
      this.#flags.unmatchedBoundary = true;
      const code = lineEnd < this.#body.length ? "body.boundary" : "body.truncated";
      this.out.fail(code, "a boundary with something else behind it", lineEnd);
      return undefined;
    }
    return { contentEnd, next: next === -1 ? lineEnd : next, isLast };
  }

  /** The line end before a boundary belongs to the boundary. */
  #contentEnd(from: number, marker: number): number {
    if (marker === from) return from;
    const end = this.#body[marker - 2] === "\r" && marker - 2 >= from ? marker - 2 : marker - 1;
    this.#lineEnd(end);
    return end;
  }

  #part(start: number): Delimiter | undefined {
    const lines: HeaderLine[] = [];
    const content = this.#headerLines(start, lines);
    const disposition = content === -1 ? undefined : parsePartHeaders(lines, this.#flags);
    const isRead = disposition !== undefined && "name" in disposition;
    const part = isRead ? disposition.name : "";
    for (const line of lines) {
      this.partHeaders.push({ part, line: line.text, start: line.start, end: line.end });
    }
    if (disposition === undefined) return undefined;
    if (!isRead) {
      this.out.fail("body.header", disposition.message, Math.max(disposition.at, start));
      return undefined;
    }
    const delimiter = this.#delimiter(content);
    const isKept = this.#content(disposition, content, delimiter?.contentEnd ?? this.#body.length);
    if (!isKept) return undefined;
    if (delimiter === undefined) {
      this.out.fail("body.truncated", "no boundary behind the last part", this.#body.length);
    }
    return delimiter;
  }

  /** Collects header lines up to the empty one; answers where the content begins, or -1 after a fault. */
  #headerLines(start: number, lines: HeaderLine[]): number {
    for (let at = start; ;) {
      const newline = this.#body.indexOf("\n", at);
      const end = this.#body[newline - 1] === "\r" && newline > at ? newline - 1 : newline;
      if (newline === -1) {
        this.out.fail("body.truncated", "part headers without an end", this.#body.length);
        return -1;
      }
      if (newline - start > MAX_PART_HEADER_BYTES || lines.length > MAX_PART_HEADERS) {
        this.out.fail("body.header", "more part headers than allowed", at);
        return -1;
      }
      const next = this.#lineEnd(end);
      if (end === at) return next;
      if (!this.#headerLine({ text: this.#body.slice(at, end), start: at, end }, lines)) return -1;
      at = next;
    }
  }

  #headerLine(line: HeaderLine, lines: HeaderLine[]): boolean {
    const isFolded = /^[ \t\v\f]/.test(line.text);
    const last = lines.at(-1);
    if (isFolded) {
      this.#flags.headerFolding = true;
      this.#flags.invalidHeaderFolding ||= !/^[ \t]/.test(line.text) || last === undefined;
    }
    const isMarker = line.text.startsWith(this.#marker);
    if (CONTROL.test(line.text) || isMarker || (isFolded && last === undefined)) {
      this.#flags.invalidPart = true;
      this.#flags.unmatchedBoundary ||= isMarker;
      // The rules for part headers see what is refused, and say more of it than the fault does.
      lines.push(line);
      return this.out.fail("body.header", "a malformed part header", line.start);
    }
    if (!isFolded || last === undefined) lines.push(line);
    else {
      // RFC 5322 section 2.2.3: unfolding removes the line end and keeps the white space.
      lines[lines.length - 1] = { ...last, text: last.text + line.text, end: line.end };
    }
    return true;
  }

  #content({ name, fileNames }: Disposition, start: number, end: number): boolean {
    if ([name, ...fileNames].some(({ length }) => length > this.out.limits.nameBytes)) {
      return this.out.fail("body.name", "a name longer than allowed", start);
    }
    if (fileNames.length > 0) {
      this.files.push({ name, fileNames, sizeBytes: end - start, start, end });
      if (end === start || fileNames.some((fileName) => fileName !== "")) return true;
      // An empty file name makes this a file to some backends and a field to others: inspect it as both.
      this.#flags.invalidPart = true;
    }
    return this.out.add({ name, value: this.#body.slice(start, end), start, end });
  }
}

/** Reads a body under the boundary that `contentType`, the whole header value, names. */
export function parseMultipart(
  body: ByteString,
  contentType: ByteString,
  limits: Partial<BodyLimits> = {},
): MultipartBody {
  const flags = noMultipartFlags();
  const out = new BodyFields(limits);
  const boundary = parseBoundary(contentType, flags);
  const reader = new MultipartReader(body, boundary ?? "", flags, out);
  if (boundary === undefined) out.fail("body.boundary", "no usable boundary in Content-Type", 0);
  else reader.read();
  const parsed = out.result();
  return {
    ...parsed,
    files: reader.files,
    partHeaders: reader.partHeaders,
    flags,
    isStrictError: isStrictError(flags, parsed.fault !== undefined),
  };
}
