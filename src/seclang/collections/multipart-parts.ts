/** Files, part headers and flags of a multipart body as rules see them. A part must never be seen less than once: an odd one is a field and a file. */
import type { MultipartFlags } from "../body/multipart-flags.ts";
import type { MultipartBody } from "../body/multipart.ts";
import type { ByteString } from "../byte-string.ts";
import { Entry, PART } from "./entry.ts";
import type { Member, Members } from "./parts.ts";
import type { VariableReaders } from "./variable-table.ts";

const FLAG_VARIABLES: readonly (readonly [string, keyof MultipartFlags])[] = [
  ["MULTIPART_BOUNDARY_QUOTED", "boundaryQuoted"],
  ["MULTIPART_BOUNDARY_WHITESPACE", "boundaryWhitespace"],
  ["MULTIPART_DATA_BEFORE", "dataBefore"],
  ["MULTIPART_DATA_AFTER", "dataAfter"],
  ["MULTIPART_HEADER_FOLDING", "headerFolding"],
  ["MULTIPART_INVALID_HEADER_FOLDING", "invalidHeaderFolding"],
  ["MULTIPART_LF_LINE", "lfLine"],
  ["MULTIPART_CRLF_LF_LINES", "crlfLfLines"],
  ["MULTIPART_MISSING_SEMICOLON", "missingSemicolon"],
  ["MULTIPART_INVALID_QUOTING", "invalidQuoting"],
  ["MULTIPART_INVALID_PART", "invalidPart"],
  ["MULTIPART_FILE_LIMIT_EXCEEDED", "fileLimitExceeded"],
  ["MULTIPART_UNMATCHED_BOUNDARY", "unmatchedBoundary"],
];

const bit = (isUp: boolean | undefined): ByteString => (isUp === true ? "1" : "0");

interface WithMultipart {
  readonly multipart: MultipartBody | undefined;
}

function combinedSize({ multipart }: WithMultipart): ByteString {
  let sizeBytes = 0;
  for (const file of multipart?.files ?? []) sizeBytes += file.sizeBytes;
  return String(sizeBytes);
}

/** The MULTIPART_* flags and FILES_COMBINED_SIZE; all are zero when the body is of another kind. */
export const MULTIPART_VARIABLES: VariableReaders<WithMultipart> = new Map([
  ["FILES_COMBINED_SIZE", combinedSize],
  ["MULTIPART_STRICT_ERROR", ({ multipart }) => bit(multipart?.isStrictError)],
  ...FLAG_VARIABLES.map(
    ([name, flag]) =>
      [name, ({ multipart }: WithMultipart) => bit(multipart?.flags[flag])] as const,
  ),
]);

/** Adds FILES (the original names), FILES_NAMES (those of the fields) and MULTIPART_PART_HEADERS. */
export function addFiles(body: MultipartBody, entries: Entry[]): void {
  for (const { name, fileNames } of body.files) {
    for (const fileName of fileNames) entries.push(new Entry(PART.files, name, fileName));
    entries.push(new Entry(PART.filesNames, name, name));
  }
  for (const header of body.partHeaders) {
    entries.push(new Entry(PART.multipartPartHeaders, header.part, header.line, header));
  }
}

/** The collections about files that few rules read. FILES_TMPNAMES is empty: nothing is ever written to a disk. */
export function fileMembers({ files }: MultipartBody, text: ByteString): Members {
  const each = (value: (file: (typeof files)[number]) => ByteString): Member[] =>
    files.map((file) => ({ name: file.name, value: value(file) }));
  return new Map([
    ["FILES_SIZES", each(({ sizeBytes }) => String(sizeBytes))],
    ["FILES_TMPNAMES", []],
    ["FILES_TMP_CONTENT", each(({ start, end }) => text.slice(start, end))],
    ["MULTIPART_NAME", each(({ name }) => name)],
    ["MULTIPART_FILENAME", each(({ fileNames }) => fileNames[0] ?? "")],
  ]);
}
