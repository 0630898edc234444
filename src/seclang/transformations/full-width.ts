/** Full-width ASCII: the second set of ASCII letters in Unicode, which must never hide an attack from a pattern. */

const FIRST_FULL_WIDTH = 0xff01;
const LAST_FULL_WIDTH = 0xff5e;
const LOW_BYTE_TO_ASCII = 0x20;

/**
 * The one byte that stands for a code point in css, js and %u escapes: its low byte, and for U+FF01 to U+FF5E
 * (full-width forms of `!` to `~`) the ASCII character of that shape.
 */
export function narrowToByte(codePoint: number): number {
  const low = codePoint & 0xff;
  return codePoint >= FIRST_FULL_WIDTH && codePoint <= LAST_FULL_WIDTH
    ? low + LOW_BYTE_TO_ASCII
    : low;
}
