/** Tells whether an attribute value is a URL that runs script; it must never be fooled by references or controls in it. */

const DANGEROUS_SCHEMES = [
  "javascript:",
  "vbscript:",
  "livescript:",
  "data:",
  "view-source:",
] as const;

/** As many decoded bytes as the longest scheme has: more are never looked at. */
const SCHEME_LENGTH_LIMIT_BYTES = 12;

// Named references that can stand in a scheme; all others make it another scheme.
const NAMED_REFERENCES: ReadonlyMap<string, string> = new Map([
  ["&colon;", ":"],
  ["&tab;", "\t"],
  ["&newline;", "\n"],
  ["&lpar;", "("],
]);

const REFERENCE_DIGITS = { decimal: /\d*/uy, hexadecimal: /[\da-f]*/iuy } as const;

interface Decoded {
  readonly byte: string;
  readonly next: number;
}

// HTML Standard section 13.2.5.72: any number of leading zeros, and the semicolon may be missing.
function numericReference(url: string, at: number): Decoded | undefined {
  const isHexadecimal = url[at + 2] === "x" || url[at + 2] === "X";
  const digits = isHexadecimal ? REFERENCE_DIGITS.hexadecimal : REFERENCE_DIGITS.decimal;
  const start = at + (isHexadecimal ? 3 : 2);
  digits.lastIndex = start;
  const text = digits.exec(url)?.[0] ?? "";
  if (text === "") return undefined;
  const code = Number.parseInt(text, isHexadecimal ? 16 : 10);
  const next = start + text.length;
  return {
    byte: code <= 0xff ? String.fromCharCode(code) : "\u00ff",
    next: url[next] === ";" ? next + 1 : next,
  };
}

function decodedAt(url: string, at: number): Decoded {
  const plain = { byte: url.charAt(at), next: at + 1 };
  if (plain.byte !== "&") return plain;
  if (url[at + 1] === "#") return numericReference(url, at) ?? plain;
  const close = url.slice(at, at + 10).indexOf(";");
  if (close === -1) return plain;
  const byte = NAMED_REFERENCES.get(url.slice(at, at + close + 1).toLowerCase());
  return byte === undefined ? plain : { byte, next: at + close + 1 };
}

const isDropped = (byte: string, isFirst: boolean): boolean => {
  // The URL Standard drops tabs and line ends anywhere, controls and spaces in front; old browsers NULs anywhere and
  // bytes of other scripts' blanks in front.
  if (byte === "\t" || byte === "\n" || byte === "\r" || byte === "\0") return true;
  return isFirst && (byte <= " " || byte >= "\u007f");
};

/** Whether the URL's scheme, as a browser reads it, is one that runs script or carries a document of its own. */
export function isDangerousUrl(url: string): boolean {
  let scheme = "";
  let at = 0;
  while (at < url.length && scheme.length < SCHEME_LENGTH_LIMIT_BYTES) {
    const { byte, next } = decodedAt(url, at);
    at = next;
    if (isDropped(byte, scheme === "")) continue;
    scheme += byte;
    if (byte === ":") break;
  }
  const lower = scheme.toLowerCase();
  return DANGEROUS_SCHEMES.some((dangerous) => lower === dangerous);
}
