/** Lists as they come: what counts as a line, and a list as long as one may be. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CidrSet, parseCidr } from "../../config/cidr.ts";
import { NetworkListError, readNetworkList } from "./network-list.ts";

const ip4 = fc
  .tuple(fc.nat(255), fc.nat(255), fc.nat(3), fc.nat(255))
  .map((parts) => parts.join("."));
const line = fc.oneof(
  ip4,
  ip4.map((address) => `${address}/32`),
  fc
    .tuple(fc.nat(255), fc.integer({ min: 0, max: 8 }))
    .map(([byte, bits]) => `${byte & (0xff00 >> bits)}.0.0.0/${bits}`),
  fc.nat(0xffff).map((group) => `2001:db8:${group.toString(16)}::/48`),
  fc.constantFrom("", "# nothing", "  10.0.0.1 # padded  ", "::ffff:10.1.0.0/112"),
);

const entryOf = (text: string): string => (text.split("#")[0] as string).trim();

describe("a list of networks", () => {
  test("holds what its lines say, read one by one", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 40 }), ip4, async (lines, address) => {
        const read = await readNetworkList(lines.join("\n"), "list.txt");
        const parsed = lines
          .map(entryOf)
          .filter((text) => text !== "")
          .map(parseCidr);
        const networks = parsed.flatMap((one) => ("refused" in one ? [] : [one]));
        expect(networks).toHaveLength(parsed.length);
        expect(read.size).toBe(networks.length);
        expect(read.has(address)).toBe(new CidrSet(networks).has(address));
      }),
    );
  });

  test("of a million networks is read without holding up others, and finds every one", async () => {
    const texts = Array.from(
      { length: 1_000_000 },
      (_, i) => `${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.0/25`,
    );
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const list = await readNetworkList(texts.join("\n"), "list.txt").finally(() =>
      clearInterval(timer),
    );
    expect(turns).toBeGreaterThan(5);
    expect(list.size).toBe(1_000_000);
    for (let i = 0; i < 1_000_000; i += 997) {
      const network = `${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`;
      expect([list.has(`${network}.127`), list.has(`${network}.128`)]).toEqual([true, false]);
    }
  });

  test("of more lines is refused whole", async () => {
    const reading = readNetworkList("\n".repeat(1_000_001), "list.txt");
    await expect(reading).rejects.toThrow(NetworkListError);
  });
});
