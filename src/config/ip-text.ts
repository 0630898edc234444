/**
 * The text of IP addresses: read strictly, without allocating, and written in the one canonical form. It never takes
 * an octal, hexadecimal or shortened IPv4 address, because two parsers would not agree on what it means.
 */

/** Longest text of an IPv6 address (45) and its zone (RFC 4007 section 11), with room. */
const ADDRESS_TEXT_LIMIT = 80;
const ZONE = /^[A-Za-z0-9._~-]{1,32}$/;

const COLON = 58;
const DOT = 46;

// Reading writes here so that the hot path allocates nothing; nothing else runs between reading and using.
const groups = new Uint16Array(8);
const words = new Uint32Array(4);

/** The address last read: one word when `readAddress` said 4, four when it said 6. Valid until the next read. */
export const lastRead: Readonly<Record<number, number>> = words;

/** Reads an address of either family into `lastRead`; 0 when it is none. IPv4-mapped IPv6 is read as IPv4. */
export function readAddress(text: string): 0 | 4 | 6 {
  const four = readIpv4(text, 0, text.length);
  if (four >= 0) {
    words[0] = four;
    return 4;
  }
  if (text.length > ADDRESS_TEXT_LIMIT) return 0;
  const percent = text.indexOf("%");
  if (percent >= 0 && !ZONE.test(text.slice(percent + 1))) return 0;
  if (!readIpv6(text, percent < 0 ? text.length : percent)) return 0;
  for (let i = 0; i < 4; i++)
    words[i] = ((groups[2 * i] as number) * 65_536 + (groups[2 * i + 1] as number)) >>> 0;
  if (words[0] !== 0 || words[1] !== 0 || words[2] !== 0xffff) return 6;
  words[0] = words[3] as number;
  return 4;
}

/**
 * The IPv4 address in `text` between two indexes as an unsigned 32-bit number, or -1. Only dotted decimal with four
 * parts and no leading zeros: 010.0.0.1 is 8.0.0.1 to some parsers and 10.0.0.1 to others.
 */
export function readIpv4(text: string, from: number, to: number): number {
  if (to - from < 7 || to - from > 15) return -1;
  let address = 0;
  let part = 0;
  let digits = 0;
  let dots = 0;
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (digits === 0) return -1;
      address = address * 256 + part;
      part = 0;
      digits = 0;
      dots++;
      continue;
    }
    if (code < 48 || code > 57 || (digits > 0 && part === 0)) return -1;
    part = part * 10 + code - 48;
    digits++;
    if (part > 255) return -1;
  }
  return dots === 3 && digits > 0 ? address * 256 + part : -1;
}

/** Reads an IPv6 address without zone into `groups` (RFC 4291 section 2.2); false when it is none. */
function readIpv6(text: string, end: number): boolean {
  const startsWithGap = text.startsWith("::");
  let gapAt = startsWithGap ? 0 : -1;
  let count = 0;
  let i = startsWithGap ? 2 : 0;
  while (i < end) {
    if (count === 8) return false;
    const from = i;
    let value = 0;
    for (let digit = hexDigit(text, i); digit >= 0 && i < end; digit = hexDigit(text, i)) {
      value = value * 16 + digit;
      i++;
    }
    if (i < end && text.charCodeAt(i) === DOT)
      return readIpv4Tail(text, { from, end, count, gapAt });
    if (i === from || i - from > 4) return false;
    groups[count++] = value;
    if (i === end) break;
    if (text.charCodeAt(i) !== COLON || ++i === end) return false;
    if (text.charCodeAt(i) !== COLON) continue;
    if (gapAt >= 0) return false;
    gapAt = count;
    i++;
  }
  return closeGap(count, gapAt);
}

interface Tail {
  readonly from: number;
  readonly end: number;
  readonly count: number;
  readonly gapAt: number;
}

/** RFC 4291 section 2.2, form 3: the last 32 bits as dotted decimal. */
function readIpv4Tail(text: string, { from, end, count, gapAt }: Tail): boolean {
  const four = readIpv4(text, from, end);
  if (four < 0 || count > 6) return false;
  groups[count] = four >>> 16;
  groups[count + 1] = four & 0xffff;
  return closeGap(count + 2, gapAt);
}

/** Moves the groups read behind "::" to the end and fills the gap, which stands for at least one group, with zeros. */
function closeGap(count: number, gapAt: number): boolean {
  if (gapAt < 0) return count === 8;
  if (count > 7) return false;
  groups.copyWithin(8 - (count - gapAt), gapAt, count);
  groups.fill(0, gapAt, 8 - (count - gapAt));
  return true;
}

function hexDigit(text: string, index: number): number {
  const code = text.charCodeAt(index);
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** The canonical text of an address in 32-bit words. */
export function addressText(family: 4 | 6, parts: readonly number[]): string {
  if (family === 6) return ipv6Text(parts.flatMap((part) => [part >>> 16, part & 0xffff]));
  const [word = 0] = parts;
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}

/** RFC 5952 section 4: lower case, no leading zeros, the first longest run of two or more zero groups as "::". */
function ipv6Text(parts: readonly number[]): string {
  let bestAt = -1;
  let bestLength = 1;
  let length = 0;
  for (let i = 0; i < 8; i++) {
    length = parts[i] === 0 ? length + 1 : 0;
    if (length > bestLength) {
      bestLength = length;
      bestAt = i - length + 1;
    }
  }
  const hex = parts.map((part) => part.toString(16));
  if (bestAt < 0) return hex.join(":");
  return `${hex.slice(0, bestAt).join(":")}::${hex.slice(bestAt + bestLength).join(":")}`;
}
