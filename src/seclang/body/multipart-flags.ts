/**
 * The oddities of a multipart body that ModSecurity shows to rules as MULTIPART_*. A flag must never hide a fault: flags
 * say that readers may differ, a fault says that this reader stopped.
 */

export interface MultipartFlags {
  /** The boundary parameter stands in quotes. */
  boundaryQuoted: boolean;
  /** White space around the boundary parameter's `=` or value. */
  boundaryWhitespace: boolean;
  /** Bytes before the first boundary. */
  dataBefore: boolean;
  /** More than one line end behind the last boundary. */
  dataAfter: boolean;
  /** A part header goes on in a line that begins with white space. */
  headerFolding: boolean;
  /** Such a line begins with other white space than a space or a tab, or has no header before it. */
  invalidHeaderFolding: boolean;
  /** A boundary or header line ends in a bare line feed. */
  lfLine: boolean;
  /** Some of these lines end in CRLF and some in a bare line feed. */
  crlfLfLines: boolean;
  /** Two parameters without a semicolon between them. */
  missingSemicolon: boolean;
  /** Single or unbalanced quotes, or backslashes that readers undo differently. */
  invalidQuoting: boolean;
  /** A part whose headers are malformed, doubled or lacking, or that readers take for different things. */
  invalidPart: boolean;
  /** More parts than allowed. */
  fileLimitExceeded: boolean;
  /** The boundary's text where it is none: inside a line, or with something behind it. */
  unmatchedBoundary: boolean;
}

/** A fresh record with every flag down. */
export function noMultipartFlags(): MultipartFlags {
  return {
    boundaryQuoted: false,
    boundaryWhitespace: false,
    dataBefore: false,
    dataAfter: false,
    headerFolding: false,
    invalidHeaderFolding: false,
    lfLine: false,
    crlfLfLines: false,
    missingSemicolon: false,
    invalidQuoting: false,
    invalidPart: false,
    fileLimitExceeded: false,
    unmatchedBoundary: false,
  };
}

/**
 * MULTIPART_STRICT_ERROR as the reference manual composes it: without the unmatched boundary, which has a variable and a
 * rule of its own, and without mixed line ends, which `lfLine` covers.
 */
export function isStrictError(flags: MultipartFlags, isFaulty: boolean): boolean {
  return (
    isFaulty ||
    flags.boundaryQuoted ||
    flags.boundaryWhitespace ||
    flags.dataBefore ||
    flags.dataAfter ||
    flags.headerFolding ||
    flags.invalidHeaderFolding ||
    flags.lfLine ||
    flags.missingSemicolon ||
    flags.invalidQuoting ||
    flags.invalidPart ||
    flags.fileLimitExceeded
  );
}
