/**
 * IP addresses and networks: parsed strictly, one canonical text for each address, and a set that tells in well under
 * a microsecond whether an address lies in any of its networks. An address that does not parse is in no set.
 *
 * IPv4-mapped IPv6 addresses (RFC 4291 section 2.5.5.2) are the IPv4 address they carry, everywhere: a dual-stack
 * socket shows IPv4 callers that way, and a deny list that took them for IPv6 would let them in.
 */
import { addressText, lastRead, readAddress, readIpv4 } from "./ip-text.ts";

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

/** A fixed set of networks. */
export class CidrSet {
  readonly #four: Networks;
  readonly #six: Networks;
  /** How many networks were given. */
  readonly size: number;

  constructor(networks: Iterable<Cidr>) {
    const all = [...networks];
    this.size = all.length;
    this.#four = new Networks(
      all.filter(({ family }) => family === 4),
      1,
    );
    this.#six = new Networks(
      all.filter(({ family }) => family === 6),
      4,
    );
  }

  /** Whether the address lies in any of the networks. Text that is no address lies in none. */
  has(text: string): boolean {
    const family = readAddress(text);
    if (family === 4) return this.#four.coversCurrent();
    return family === 6 && this.#six.coversCurrent();
  }
}

/** Networks of one family, sorted; networks inside another are dropped, so at most one can hold an address. */
class Networks {
  readonly #width: number;
  readonly #count: number;
  readonly #starts: Uint32Array;
  readonly #masks: Uint32Array;

  constructor(networks: readonly Cidr[], width: number) {
    const kept: Cidr[] = [];
    for (const network of [...networks].sort(byStartThenWidest)) {
      const last = kept.at(-1);
      if (!last || !contains(last, network)) kept.push(network);
    }
    this.#width = width;
    this.#count = kept.length;
    this.#starts = Uint32Array.from(kept.flatMap((network) => network.words));
    this.#masks = Uint32Array.from(
      kept.flatMap(({ words: parts, prefixBits }) =>
        parts.map((_, i) => maskOfWord(prefixBits, i)),
      ),
    );
  }

  /** Whether the address last read lies in one of them. */
  coversCurrent(): boolean {
    let low = 0;
    let high = this.#count - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      if (this.#isAtOrBelowCurrent(middle)) low = middle + 1;
      else high = middle - 1;
    }
    if (high < 0) return false;
    const at = high * this.#width;
    for (let i = 0; i < this.#width; i++) {
      const masked = ((lastRead[i] as number) & (this.#masks[at + i] as number)) >>> 0;
      if (masked !== this.#starts[at + i]) return false;
    }
    return true;
  }

  #isAtOrBelowCurrent(index: number): boolean {
    const at = index * this.#width;
    for (let i = 0; i < this.#width; i++) {
      const start = this.#starts[at + i] as number;
      const word = lastRead[i] as number;
      if (start !== word) return start < word;
    }
    return true;
  }
}

function byStartThenWidest(a: Cidr, b: Cidr): number {
  for (let i = 0; i < a.words.length; i++) {
    const difference = (a.words[i] as number) - (b.words[i] as number);
    if (difference !== 0) return difference;
  }
  return a.prefixBits - b.prefixBits;
}

function contains(outer: Cidr, inner: Cidr): boolean {
  return outer.words.every(
    (word, i) => ((inner.words[i] as number) & maskOfWord(outer.prefixBits, i)) >>> 0 === word,
  );
}

/** The mask of the index-th 32-bit word under a prefix, unsigned. */
function maskOfWord(prefixBits: number, index: number): number {
  const bits = Math.min(32, Math.max(0, prefixBits - index * 32));
  // A shift by 32 is a shift by 0 in JavaScript.
  return bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
}
