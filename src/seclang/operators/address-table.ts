/**
 * A table of address ranges, searched in logarithmic time; it must never let an IPv6 range such as `::/0` speak for IPv4
 * addresses.
 */
import type { ByteString } from "../byte-string.ts";
import { isMapped, readAddress, readWords, type AddressWords } from "./ip-address.ts";
import { OperatorRefused } from "./operator.ts";

interface AddressRange {
  readonly low: AddressWords;
  readonly high: AddressWords;
}

/** One address or network as written, and where, if that is worth saying. */
interface AddressEntry {
  readonly text: ByteString;
  readonly place?: string;
}

/** The entries of a list with commas, without empty ones. */
export function splitEntries(list: ByteString): ByteString[] {
  return list
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}

/** Compares two addresses of the same kind. */
function compare(left: AddressWords, right: AddressWords): number {
  for (const [at, word] of left.entries()) {
    const difference = word - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Reads `address` or `address/bits`. Bits behind the prefix may be set and are ignored. Throws OperatorRefused. */
function readRange({ text, place }: AddressEntry): AddressRange {
  const [address = "", bitsText, ...rest] = text.split("/");
  const written = readWords(address);
  const width = (written?.length ?? 0) * 32;
  const bits = bitsText === undefined ? width : /^\d{1,3}$/.test(bitsText) ? Number(bitsText) : 999;
  if (written === undefined || rest.length > 0 || bits > width || address.includes("%")) {
    throw new OperatorRefused(
      "operator.argument_invalid",
      `${place === undefined ? "" : `${place}: `}${JSON.stringify(text)} is no IP address or network (such as 10.0.0.0/8 or 2001:db8::/32)`,
    );
  }
  // The addresses of ::ffff:0:0/96 are looked up as IPv4, so networks within it have to be kept as such.
  const skip = isMapped(written) && bits >= 96 ? 3 : 0;
  return rangeOf(written.slice(skip), bits - skip * 32);
}

function rangeOf(words: AddressWords, bits: number): AddressRange {
  const spans = words.map((word, at) => {
    const kept = Math.min(32, Math.max(0, bits - at * 32));
    const size = 2 ** (32 - kept);
    const low = Math.floor(word / size) * size;
    return { low, high: low + size - 1 };
  });
  return { low: spans.map((span) => span.low), high: spans.map((span) => span.high) };
}

/** Sorted and without overlaps: networks either hold one another or have nothing in common. */
function outermost(ranges: readonly AddressRange[]): AddressRange[] {
  const kept: AddressRange[] = [];
  for (const range of [...ranges].sort(
    (left, right) => compare(left.low, right.low) || compare(right.high, left.high),
  )) {
    const last = kept.at(-1);
    if (last === undefined || compare(range.low, last.high) > 0) kept.push(range);
  }
  return kept;
}

/** Built at load, asked for each caller. */
export class AddressTable {
  private readonly ipv4: readonly AddressRange[];
  private readonly ipv6: readonly AddressRange[];

  /** Throws OperatorRefused for an entry that is no address or network. */
  constructor(entries: readonly AddressEntry[]) {
    const ranges = entries.map((entry) => readRange(entry));
    this.ipv4 = outermost(ranges.filter((range) => range.low.length === 1));
    this.ipv6 = outermost(ranges.filter((range) => range.low.length === 4));
  }

  /** Whether the text is an address within one of the ranges; text that is no address never is. */
  has(text: ByteString): boolean {
    const address = readAddress(text);
    if (address === undefined) return false;
    const ranges = address.length === 1 ? this.ipv4 : this.ipv6;
    let from = 0;
    let to = ranges.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      const range = ranges[middle];
      if (range !== undefined && compare(range.high, address) < 0) from = middle + 1;
      else to = middle;
    }
    const candidate = ranges[from];
    return candidate !== undefined && compare(candidate.low, address) <= 0;
  }
}
