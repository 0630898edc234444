/** What one source is: an IPv4 address, or a network of IPv6. It goes by the address alone, however that is written. */
import { lastRead, readAddress } from "../../config/ip-text.ts";

/** Canonical dotted decimal, loosely: the listener has read it strictly. */
const DOTTED = /^[0-9.]{7,15}$/;

/** The key a source is counted under: an IPv4 address as it is, an IPv6 address by its network; undefined for neither. */
export function sourceKeys(ipv6PrefixBits: number): (address: string) => string | undefined {
  // A shift by 32 would be a shift by 0, but the prefix is never shorter than 32 bits.
  const lowMask = ipv6PrefixBits > 32 ? (0xffffffff << (64 - ipv6PrefixBits)) >>> 0 : 0;
  return (address) => {
    // The listener hands canonical text on: without a colon it is IPv4, and no other text is ever so short and dotted.
    if (DOTTED.test(address)) return address;
    const family = readAddress(address);
    if (family === 4) return address;
    if (family === 0) return undefined;
    const high = lastRead[0] as number;
    const low = (lastRead[1] as number) & lowMask;
    // 64 bits as four code units: cheaper than writing digits, never shown, and shorter than any IPv4 address.
    return String.fromCharCode(high >>> 16, high & 0xffff, low >>> 16, low & 0xffff);
  };
}

/** Loopback: whoever is on this machine, and a proxy on it that speaks for everybody else. */
export function isLoopback(address: string): boolean {
  const family = readAddress(address);
  const [first, second, third, fourth] = [lastRead[0], lastRead[1], lastRead[2], lastRead[3]];
  if (family === 4) return (first as number) >>> 24 === 127;
  return family === 6 && first === 0 && second === 0 && third === 0 && fourth === 1;
}
