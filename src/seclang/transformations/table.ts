/** All transformations by name. A name that is not here must be an error when rules are loaded, never a silent identity. */

import { base64Decode, base64DecodeExt, base64Encode } from "./base64.ts";
import { cmdLine } from "./cmd-line.ts";
import { removeComments, removeCommentsChar, replaceComments } from "./comments.ts";
import { compressWhitespace } from "./compress-whitespace.ts";
import { cssDecode } from "./css-decode.ts";
import { md5, sha1 } from "./digest.ts";
import { escapeSeqDecode } from "./escape-seq-decode.ts";
import { hexDecode, hexEncode } from "./hex.ts";
import { htmlEntityDecode } from "./html-entity-decode.ts";
import { jsDecode } from "./js-decode.ts";
import { length } from "./length.ts";
import { lowercase, uppercase } from "./letter-case.ts";
import { none } from "./none.ts";
import { normalizePath, normalizePathWin } from "./normalize-path.ts";
import { removeNulls, replaceNulls } from "./nulls.ts";
import { parityEven7bit, parityOdd7bit, parityZero7bit } from "./parity.ts";
import { removeWhitespace } from "./remove-whitespace.ts";
import { sqlHexDecode } from "./sql-hex-decode.ts";
import type { Transformation } from "./transformation.ts";
import { trim, trimLeft, trimRight } from "./trim.ts";
import { urlDecode } from "./url-decode.ts";
import { urlDecodeUni } from "./url-decode-uni.ts";
import { urlEncode } from "./url-encode.ts";
import { utf8ToUnicode } from "./utf8-to-unicode.ts";

/** By the name in a rule's `t:`, which is compared without regard to case: look it up in lower case. */
export const TRANSFORMATIONS: ReadonlyMap<string, Transformation> = new Map<string, Transformation>(
  Object.entries({
    base64Decode,
    base64DecodeExt,
    base64Encode,
    cmdLine,
    compressWhitespace,
    cssDecode,
    escapeSeqDecode,
    hexDecode,
    hexEncode,
    htmlEntityDecode,
    jsDecode,
    length,
    lowercase,
    md5,
    none,
    normalisePath: normalizePath,
    normalisePathWin: normalizePathWin,
    normalizePath,
    normalizePathWin,
    parityEven7bit,
    parityOdd7bit,
    parityZero7bit,
    removeComments,
    removeCommentsChar,
    removeNulls,
    removeWhitespace,
    replaceComments,
    replaceNulls,
    sha1,
    sqlHexDecode,
    trim,
    trimLeft,
    trimRight,
    uppercase,
    urlDecode,
    urlDecodeUni,
    urlEncode,
    utf8toUnicode: utf8ToUnicode,
  }).map(([name, transformation]) => [name.toLowerCase(), transformation]),
);
