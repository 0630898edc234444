/** The table answers what Node's own block list answers, for any networks. */
import { BlockList } from "node:net";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { AddressTable } from "./address-table.ts";

const ipv4 = fc.array(fc.constantFrom(0, 1, 10, 127, 128, 255), { minLength: 4, maxLength: 4 });
const ipv6 = fc.array(fc.constantFrom("0", "1", "8000", "2001", "ffff"), {
  minLength: 8,
  maxLength: 8,
});

test("IPv4 networks hold the addresses that they should, whatever their order and overlaps", () => {
  const network = fc.tuple(ipv4, fc.integer({ min: 0, max: 32 }));
  fc.assert(
    fc.property(fc.array(network, { maxLength: 12 }), ipv4, (networks, octets) => {
      const address = octets.join(".");
      const oracle = new BlockList();
      for (const [base, bits] of networks) oracle.addSubnet(base.join("."), bits, "ipv4");
      const table = new AddressTable(
        networks.map(([base, bits]) => ({ text: `${base.join(".")}/${bits}` })),
      );
      expect(table.has(address)).toBe(oracle.check(address, "ipv4"));
      expect(table.has(`::ffff:${address}`)).toBe(oracle.check(address, "ipv4"));
    }),
    { numRuns: 500 },
  );
});

test("IPv6 networks hold the addresses that they should", () => {
  const network = fc.tuple(ipv6, fc.integer({ min: 0, max: 128 }));
  fc.assert(
    fc.property(fc.array(network, { maxLength: 12 }), ipv6, (networks, groups) => {
      const prefixes = networks.map(([base, bits]) => ({
        bits: groupBits(base).slice(0, bits),
        text: `${base.join(":")}/${bits}`,
      }));
      const bits = groupBits(groups);
      const isHeld = prefixes.some((prefix) => bits.startsWith(prefix.bits));
      const isMapped = groups.join(":").startsWith("0:0:0:0:0:ffff:");
      fc.pre(!isMapped);
      expect(new AddressTable(prefixes).has(groups.join(":"))).toBe(isHeld);
    }),
    { numRuns: 500 },
  );
});

const groupBits = (groups: readonly string[]): string =>
  groups.map((group) => Number.parseInt(group, 16).toString(2).padStart(16, "0")).join("");
