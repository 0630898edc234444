/**
 * IP addresses and networks: parsed strictly, one canonical text for each address, and a set that tells in well under
 * a microsecond whether an address lies in any of its networks. An address that does not parse is in no set.
 *
 * IPv4-mapped IPv6 addresses (RFC 4291 section 2.5.5.2) are the IPv4 address they carry, everywhere: a dual-stack
 * socket shows IPv4 callers that way, and a deny list that took them for IPv6 would let them in.
 */
import { addressText, lastRead, readAddress, readIpv4 } from "./ip-text.ts";
import { maskOfWord, NetworkTable } from "./network-table.ts";

/** An address in canonical text (RFC 5952 for IPv6) and in 32-bit words: one for IPv4, four for IPv6. */
export interface Address {
  readonly family: 4 | 6;
  readonly text: string;
  readonly words: readonly number[];
}

/** A network: its first address and the number of leading bits that count. */
export interface Cidr {
  readonly family: 4 | 6;
  /** Canonical, always with a prefix length: "10.0.0.0/8". */
  readonly text: string;
  readonly words: readonly number[];
  readonly prefixBits: number;
}

/** The address in `text`, or undefined when it is none. A zone ("%eth0") has no meaning here and is dropped. */
export function parseAddress(text: string): Address | undefined {
  const family = readAddress(text);
  if (family === 0) return undefined;
  const words = Array.from({ length: family === 4 ? 1 : 4 }, (_, i) => lastRead[i] as number);
  return { family, text: addressText(family, words), words };
}

/** The one text of an address, IPv4-mapped IPv6 unwrapped; undefined when `text` is no address. */
export function canonicalAddress(text: string): string | undefined {
  // Dotted decimal as it is read here has only one spelling: the text itself is canonical.
  if (readIpv4(text, 0, text.length) >= 0) return text;
  return parseAddress(text)?.text;
}

/** A network such as "10.0.0.0/8" or a single address; or why it is refused. */
export function parseCidr(
  text: string,
): Cidr | { readonly refused: string; readonly hint?: string } {
  const slash = text.indexOf("/");
  const hostText = slash < 0 ? text : text.slice(0, slash);
  const address = hostText.includes("%") ? undefined : parseAddress(hostText);
  if (!address)
    return { refused: "not a network", hint: 'for example "10.0.0.0/8" or "2001:db8::/32"' };
  const widthBits = address.family === 4 ? 32 : 128;
  const isMapped = address.family === 4 && hostText.includes(":");
  const prefixText = slash < 0 ? String(isMapped ? 128 : widthBits) : text.slice(slash + 1);
  if (!/^(?:0|[1-9]\d{0,2})$/.test(prefixText))
    return { refused: `"/${prefixText}" is not a prefix length` };
  const prefixBits = Number(prefixText) - (isMapped ? 96 : 0);
  if (prefixBits < 0)
    return {
      refused: "an IPv4-mapped network with a prefix under 96",
      hint: "write the IPv4 network itself",
    };
  if (prefixBits > widthBits) return { refused: `a prefix length above ${widthBits}` };
  const first = address.words.map((word, i) => (word & maskOfWord(prefixBits, i)) >>> 0);
  const canonical = `${addressText(address.family, first)}/${prefixBits}`;
  if (first.some((word, i) => word !== address.words[i])) {
    // Refused, not rounded: the operator meant either one host or the whole network, and only they know which.
    return {
      refused: "bits are set to the right of the prefix",
      hint: `the network is "${canonical}"; the single address is "${address.text}"`,
    };
  }
  return { family: address.family, text: canonical, words: first, prefixBits };
}

/** Builds a set network by network, without an object for each: for lists of a million lines. */
export class CidrSetBuilder {
  readonly #four = new NetworkTable(1);
  readonly #six = new NetworkTable(4);
  #size = 0;

  add({ family, words, prefixBits }: Pick<Cidr, "family" | "words" | "prefixBits">): void {
    this.#size++;
    (family === 4 ? this.#four : this.#six).add(words, prefixBits);
  }

  /** Adds the network in `text`; undefined, or why it is refused. */
  addText(text: string): string | undefined {
    if (this.#addPlainIpv4(text)) return undefined;
    const parsed = parseCidr(text);
    if ("refused" in parsed) return parsed.refused;
    this.add(parsed);
    return undefined;
  }

  /** To be called once: the set takes the networks over. */
  build(): CidrSet {
    this.#four.seal();
    this.#six.seal();
    return new CidrSet({ four: this.#four, six: this.#six, size: this.#size });
  }

  /** Dotted decimal with a plain prefix or none; false for everything else, mistakes included. */
  #addPlainIpv4(text: string): boolean {
    const slash = text.indexOf("/");
    const four = readIpv4(text, 0, slash < 0 ? text.length : slash);
    if (four < 0) return false;
    const prefixBits = slash < 0 ? 32 : plainPrefix(text, slash + 1);
    if (prefixBits < 0 || (four & maskOfWord(prefixBits, 0)) >>> 0 !== four) return false;
    this.#size++;
    this.#four.add([four], prefixBits);
    return true;
  }
}

/** A prefix length of IPv4 from `from` to the end, or -1. */
function plainPrefix(text: string, from: number): number {
  const high = text.charCodeAt(from) - 48;
  if (text.length === from + 1) return high >= 0 && high <= 9 ? high : -1;
  const low = text.charCodeAt(from + 1) - 48;
  const prefixBits = 10 * high + low;
  const isPlain = text.length === from + 2 && high >= 1 && high <= 3 && low >= 0 && low <= 9;
  return isPlain && prefixBits <= 32 ? prefixBits : -1;
}

interface Sealed {
  readonly four: NetworkTable;
  readonly six: NetworkTable;
  readonly size: number;
}

/** A fixed set of networks. */
export class CidrSet {
  readonly #four: NetworkTable;
  readonly #six: NetworkTable;
  /** How many networks were given. */
  readonly size: number;

  /** From parsed networks; lists of very many are built with a `CidrSetBuilder`. */
  constructor(networks: Iterable<Cidr> | Sealed) {
    const { four, six, size } = "four" in networks ? networks : sealed(networks);
    this.#four = four;
    this.#six = six;
    this.size = size;
  }

  /** Whether the address lies in any of the networks. Text that is no address lies in none. */
  has(text: string): boolean {
    const family = readAddress(text);
    if (family === 4) return this.#four.coversCurrent();
    return family === 6 && this.#six.coversCurrent();
  }
}

function sealed(networks: Iterable<Cidr>): Sealed {
  const [four, six] = [new NetworkTable(1), new NetworkTable(4)];
  let size = 0;
  for (const { family, words, prefixBits } of networks) {
    size++;
    (family === 4 ? four : six).add(words, prefixBits);
  }
  four.seal();
  six.seal();
  return { four, six, size };
}
