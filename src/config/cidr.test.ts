import { isIP } from "node:net";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalAddress, CidrSet, parseAddress, parseCidr, type Cidr } from "./cidr.ts";

const network = (text: string): Cidr => {
  const parsed = parseCidr(text);
  if ("refused" in parsed) throw new Error(`${text}: ${parsed.refused}`);
  return parsed;
};
const setOf = (...texts: string[]): CidrSet => new CidrSet(texts.map(network));

/**
 * The address as Node's URL parser reads it (WHATWG URL, host parsing): an independent, canonical reader. ipaddr.js
 * will not do: it takes "::1.2.3.4" for the IPv4-mapped "::ffff:1.2.3.4".
 */
function oracle(text: string): { family: 4 | 6; text: string; value: bigint } {
  const isFour = text.includes(".") && !text.includes(":");
  const canonical = isFour ? text : new URL(`http://[${text}]/`).hostname.slice(1, -1);
  if (isFour) return { family: 4, text, value: valueOf(text.split("."), 10, 8n) };
  const [head = "", tail] = canonical.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail ? tail.split(":") : [];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => "0");
  const value = valueOf([...before, ...zeros, ...after], 16, 16n);
  if (value >> 32n !== 0xffffn) return { family: 6, text: canonical, value };
  const four = Number(value & 0xffffffffn);
  const dotted = [24, 16, 8, 0].map((shift) => (four >>> shift) & 255).join(".");
  return { family: 4, text: dotted, value: BigInt(four) };
}

function valueOf(parts: readonly string[], radix: number, bits: bigint): bigint {
  return parts.reduce((sum, part) => (sum << bits) + BigInt(Number.parseInt(part, radix)), 0n);
}

function isInNaively(text: string, cidrText: string): boolean {
  const [first = "", bits = ""] = cidrText.split("/");
  const [a, b] = [oracle(text), oracle(first)];
  const shift = BigInt((b.family === 4 ? 32 : 128) - Number(bits));
  return a.family === b.family && a.value >> shift === b.value >> shift;
}

const ipv4Text = fc.ipV4();
const ipv6Text = fc.ipV6();
// Clustered addresses, so that networks and addresses meet often.
const near4 = fc
  .tuple(fc.constantFrom(10, 11, 192), fc.constantFrom(0, 1), fc.nat(255), fc.nat(255))
  .map((parts) => parts.join("."));
const near6 = fc
  .tuple(fc.constantFrom("2001", "fe80"), fc.constantFrom("0", "1"), fc.nat(65535))
  .map(([a, b, c]) => `${a}:${b}::${c.toString(16)}`);
const mapped = near4.map((text) => `::ffff:${text}`);
const address = fc.oneof(near4, near6, mapped, ipv4Text, ipv6Text);
const cidr = fc.oneof(
  fc.tuple(near4, fc.nat(32)).map(([text, bits]) => withHostBitsCleared(text, bits)),
  fc.tuple(near6, fc.nat(128)).map(([text, bits]) => withHostBitsCleared(text, bits)),
);

function withHostBitsCleared(text: string, bits: number): string {
  const { family, value } = oracle(text);
  const shift = BigInt((family === 4 ? 32 : 128) - bits);
  const first = (value >> shift) << shift;
  const width = family === 4 ? 8n : 16n;
  const parts = Array.from({ length: family === 4 ? 4 : 8 }, (_, i) => {
    const part = (first >> (width * BigInt((family === 4 ? 3 : 7) - i))) & ((1n << width) - 1n);
    return part.toString(family === 4 ? 10 : 16);
  });
  return `${parts.join(family === 4 ? "." : ":")}/${bits}`;
}

describe("addresses", () => {
  test.each([
    ["10.0.0.1", "10.0.0.1"],
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["::ffff:10.0.0.1", "10.0.0.1"],
    ["::FFFF:a00:1", "10.0.0.1"],
    ["0:0:0:0:0:ffff:10.0.0.1", "10.0.0.1"],
    ["::", "::"],
    ["::1", "::1"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["1::", "1::"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["::10.0.0.1", "::a00:1"],
    ["fe80::1%eth0", "fe80::1"],
  ])("%s is %s", (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical);
    expect(parseAddress(text)?.text).toBe(canonical);
  });

  test.each([
    "",
    " 10.0.0.1",
    "10.0.0.1 ",
    "10.0.0",
    "10.0.0.0.1",
    "010.0.0.1",
    "10.0.0.01",
    "0x0a.0.0.1",
    "10.0.0.256",
    "167772161",
    "10..0.1",
    ".10.0.0.1",
    "10.0.0.1.",
    "10.0.0.1:80",
    "[::1]",
    ":",
    ":::",
    "1:",
    ":1",
    "1::2::3",
    "12345::",
    "::g",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8::",
    "::1.2.3",
    "::1.2.3.256",
    "1:2:3:4:5:6:7:1.2.3.4",
    "::1%",
    "::1%e/0",
    "10.0.0.1%eth0",
    "localhost",
    "１0.0.0.1",
    "::1\0",
    "-1.0.0.1",
    "1:2:3:4:5:6:7:8 ",
    "::01234",
    "0".repeat(300),
    `${":".repeat(100)}1`,
  ])("%j is no address", (text) => {
    expect(parseAddress(text)).toBeUndefined();
    expect(canonicalAddress(text)).toBeUndefined();
    expect(setOf("0.0.0.0/0", "::/0").has(text)).toBe(false);
  });

  test("what is an address agrees with Node's own judgement for any text made of address characters", () => {
    const character = fc.constantFrom(...Array.from("0123456789abcfF:::...."));
    const text = fc.oneof(fc.string({ unit: character, maxLength: 24 }), ipv6Text, ipv4Text);
    fc.assert(
      fc.property(text, (candidate) => {
        expect(parseAddress(candidate) !== undefined, candidate).toBe(isIP(candidate) !== 0);
      }),
      { numRuns: 20_000 },
    );
  });

  test("the canonical text agrees with an independent reader and is stable", () => {
    fc.assert(
      fc.property(address, (text) => {
        const expected = oracle(text).text;
        expect(canonicalAddress(text)).toBe(expected);
        expect(canonicalAddress(expected)).toBe(expected);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("networks", () => {
  test.each([
    ["10.0.0.0/8", "10.0.0.0/8"],
    ["10.1.2.3", "10.1.2.3/32"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["2001:DB8::/32", "2001:db8::/32"],
    ["::1", "::1/128"],
    ["::/0", "::/0"],
    ["::ffff:10.0.0.0/104", "10.0.0.0/8"],
    ["::ffff:10.0.0.1", "10.0.0.1/32"],
  ])("%s is %s", (text, canonical) => expect(network(text).text).toBe(canonical));

  test.each([
    ["10.0.0.0/33", "above 32"],
    ["::/129", "above 128"],
    ["10.0.0.5/8", "bits are set"],
    ["2001:db8::1/32", "bits are set"],
    ["10.0.0.0/08", "not a prefix length"],
    ["10.0.0.0/", "not a prefix length"],
    ["10.0.0.0/8/8", "not a prefix length"],
    ["10.0.0.0/-1", "not a prefix length"],
    ["10/8", "not a network"],
    ["::ffff:0:0/90", "under 96"],
    ["fe80::1%eth0/64", "not a network"],
    ["internal", "not a network"],
  ])("%s is refused: %s", (text, reason) => {
    expect(parseCidr(text)).toMatchObject({ refused: expect.stringContaining(reason) as string });
  });
});

describe("sets of networks", () => {
  test.each([
    ["inside", ["10.0.0.0/8"], "10.255.255.255", true],
    ["just above", ["10.0.0.0/8"], "11.0.0.0", false],
    ["just below", ["10.0.0.0/8"], "9.255.255.255", false],
    [
      "a narrow network inside a wide one does not hide it",
      ["10.0.0.0/8", "10.1.0.0/16"],
      "10.200.0.1",
      true,
    ],
    ["mapped callers are the IPv4 callers they are", ["10.0.0.0/8"], "::ffff:10.1.1.1", true],
    ["all of IPv6 is not IPv4", ["::/0"], "::ffff:10.1.1.1", false],
    ["all of IPv4 is not IPv6", ["0.0.0.0/0"], "2001:db8::1", false],
    ["upper half of the address space", ["200.0.0.0/6"], "203.1.2.3", true],
    [
      "a prefix that ends inside the third word",
      ["2001:db8:0:0:8000::/65"],
      "2001:db8::9000:0:0:1",
      true,
    ],
    ["its other half", ["2001:db8:0:0:8000::/65"], "2001:db8::7000:0:0:1", false],
    ["nothing is in the empty set", [], "10.0.0.1", false],
  ])("%s", (_, networks, text, expected) => expect(setOf(...networks).has(text)).toBe(expected));

  test("membership agrees with a naive comparison for any networks and any address", () => {
    fc.assert(
      fc.property(fc.array(cidr, { maxLength: 12 }), address, (networks, text) => {
        const expected = networks.some((each) => isInNaively(text, each));
        expect(setOf(...networks).has(text), `${text} in ${networks.join(" ")}`).toBe(expected);
      }),
      { numRuns: 10_000 },
    );
  });
});
