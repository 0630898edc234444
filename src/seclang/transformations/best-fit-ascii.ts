/**
 * Windows' best-fit mapping to code page 20127 (US-ASCII), the one that rule sets assume for `%uHHHH`. It is no defence
 * against look-alikes of other scripts: Cyrillic `а` is not in it, and must not be added, or rules would see other text
 * than the server does.
 */

/**
 * Runs of neighbouring code points: the first one, and the ASCII characters that they map to, one each. Full-width
 * ASCII (U+FF01 to U+FF5E) belongs to the mapping but follows a rule instead: see `narrowToByte`.
 */
const RUNS: readonly (readonly [firstCodePoint: number, ascii: string])[] = [
  [0x00a0, " !c"],
  [0x00a4, "$Y|"],
  [0x00a9, "Ca<"],
  [0x00ad, "-R"],
  [0x00b2, "23"],
  [0x00b7, ".,1o>"],
  [0x00c0, "AAAAAAACEEEEIIIIDNOOOOO"],
  [0x00d8, "OUUUUY"],
  [0x00e0, "aaaaaaaceeeeiiii"],
  [0x00f1, "nooooo"],
  [0x00f8, "ouuuuy"],
  [0x00ff, "yAaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIi"],
  [0x0134, "JjKk"],
  [0x0139, "LlLlLl"],
  [0x0141, "LlNnNnNn"],
  [0x014c, "OoOoOoOoRrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZ"],
  [0x017b, "ZzZz"],
  [0x0180, "b"],
  [0x0189, "D"],
  [0x0191, "Ff"],
  [0x0197, "I"],
  [0x019a, "l"],
  [0x019f, "OOo"],
  [0x01ab, "t"],
  [0x01ae, "TUu"],
  [0x01b6, "z"],
  [0x01cd, "AaIiOoUuUuUuUuUu"],
  [0x01de, "Aa"],
  [0x01e4, "GgGgKkOoOo"],
  [0x01f0, "j"],
  [0x0261, "g"],
  [0x02b9, "'\""],
  [0x02bc, "'"],
  [0x02c4, "^"],
  [0x02c6, "^"],
  [0x02c8, "'"],
  [0x02cb, "`"],
  [0x02cd, "_"],
  [0x02dc, "~"],
  [0x0300, "`"],
  [0x0302, "^~"],
  [0x030e, '"'],
  [0x0331, "__"],
  [0x2000, "       "],
  [0x2010, "--"],
  [0x2013, "--"],
  [0x2018, "'',"],
  [0x201c, '"""'],
  [0x2022, "."],
  [0x2026, "."],
  [0x2032, "'"],
  [0x2035, "`"],
  [0x2039, "<>"],
  [0x2122, "T"],
];

/** U+2122 is the last code point of the table. */
const TABLE_LENGTH = 0x2123;

const TABLE = new Uint8Array(TABLE_LENGTH);
for (const [first, ascii] of RUNS) {
  for (let offset = 0; offset < ascii.length; offset += 1) {
    TABLE[first + offset] = ascii.charCodeAt(offset);
  }
}

/** The ASCII code for a code point, or undefined when the code page has none (no code point maps to NUL). */
export function bestFitAscii(codePoint: number): number | undefined {
  return TABLE[codePoint] || undefined;
}
