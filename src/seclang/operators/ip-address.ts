/**
 * Reads IP addresses as numbers; it must never accept a spelling that other software reads as another address (octal
 * octets, short forms), since a list would then protect the wrong host.
 */
import type { ByteString } from "../byte-string.ts";

/** An address as 32-bit words, the highest first: one for IPv4, four for IPv6. */
export type AddressWords = readonly number[];

const OCTET = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const IPV4 = new RegExp(`^${OCTET}\\.${OCTET}\\.${OCTET}\\.${OCTET}$`);
/** No address is longer; zone names are cut off before. Raised, callers make the reader work for nothing. */
const MAX_ADDRESS_CHARS = 45;

/** Reads an address; undefined when it is none. `::ffff:1.2.3.4` is 1.2.3.4, since sockets report IPv4 callers so. */
export function readAddress(text: ByteString): AddressWords | undefined {
  const words = readWords(text);
  if (words?.length === 4 && isMapped(words)) return words.slice(3);
  return words;
}

/** Whether the words are an IPv6 address that stands for one of IPv4 (RFC 4291 section 2.5.5.2). */
export function isMapped(words: AddressWords): boolean {
  return words.length === 4 && words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
}

/** As `readAddress`, but an IPv4 address in IPv6 stays what was written. */
export function readWords(text: ByteString): AddressWords | undefined {
  const zone = text.includes(":") ? text.indexOf("%") : -1;
  const address = zone === -1 ? text : text.slice(0, zone);
  if (address.length > MAX_ADDRESS_CHARS) return undefined;
  if (!address.includes(":")) return readIpv4(address);
  return readIpv6(address);
}

function readIpv4(text: string): AddressWords | undefined {
  const octets = IPV4.exec(text)?.slice(1).map(Number);
  return octets && [octets.reduce((word, octet) => word * 256 + octet, 0)];
}

function readIpv6(text: string): AddressWords | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = readGroups(halves[0] ?? "", halves.length === 1);
  const tail = halves.length === 2 ? readGroups(halves[1] ?? "", true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  // "::" stands for at least one group (RFC 4291 section 2.2 says "one or more").
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...tail];
  return [0, 2, 4, 6].map((at) => (groups[at] ?? 0) * 0x1_0000 + (groups[at + 1] ?? 0));
}

/** The groups between colons; only the last ones of an address may be written as IPv4. */
function readGroups(text: string, isEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const word = isEnd && index === parts.length - 1 ? readIpv4(part)?.[0] : undefined;
    if (word === undefined) return undefined;
    groups.push(Math.floor(word / 0x1_0000), word % 0x1_0000);
  }
  return groups;
}
