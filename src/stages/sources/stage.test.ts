/** Lists and rates of caller addresses, on a frozen clock. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  contextOf,
  FrozenClock,
  routeOf,
  unmatchedRouteOf,
} from "../../../test/support/context.ts";
import type { Decision } from "../../pipeline/stage.ts";
import { resolveSources, sourcesSchema } from "./config.ts";
import { NetworkListError, readNetworkList } from "./network-list.ts";
import { SourceMemory } from "./source-memory.ts";
import { sources } from "./stage.ts";

async function stageOf(section: object, memory = new SourceMemory()) {
  const clock = new FrozenClock();
  const config = await resolveSources(sourcesSchema.parse(section), ({ path }) =>
    readFile(path, "utf8"),
  );
  const handlers = sources(config, { clock, memory }).bind(routeOf());
  const decide = (callerAddress: string): Decision<"sources"> =>
    handlers?.onHead?.(contextOf({ callerAddress })) as Decision<"sources">;
  const say = (callerAddress: string): string => {
    const decision = decide(callerAddress);
    if (decision.verdict === "reject") return decision.rejection.code;
    return decision.verdict === "continue" ? (decision.learned?.list ?? "") : decision.verdict;
  };
  return { clock, decide, say };
}

describe("lists", () => {
  test.each([
    { name: "no list lets everyone in", section: {}, address: "203.0.113.9", says: "any" },
    {
      name: "a denied address",
      section: { deny: ["203.0.113.0/24"] },
      address: "203.0.113.9",
      says: "sources.address_denied",
    },
    {
      name: "its neighbour",
      section: { deny: ["203.0.113.0/24"] },
      address: "203.0.114.9",
      says: "any",
    },
    {
      name: "an allowed address",
      section: { allow: ["10.0.0.0/8"] },
      address: "10.9.8.7",
      says: "allow",
    },
    {
      name: "one that is not",
      section: { allow: ["10.0.0.0/8"] },
      address: "11.0.0.1",
      says: "sources.address_denied",
    },
    {
      name: "an empty allow list lets nobody in",
      section: { allow: [] },
      address: "10.0.0.1",
      says: "sources.address_denied",
    },
    {
      name: "deny goes before allow",
      section: { allow: ["10.0.0.0/8"], deny: ["10.0.0.1"] },
      address: "10.0.0.1",
      says: "sources.address_denied",
    },
    {
      name: "unlimited is still subject to deny",
      section: { unlimited: ["10.0.0.1"], deny: ["10.0.0.1"] },
      address: "10.0.0.1",
      says: "sources.address_denied",
    },
    {
      name: "unlimited is still subject to allow",
      section: { unlimited: ["10.0.0.1"], allow: ["11.0.0.0/8"] },
      address: "10.0.0.1",
      says: "sources.address_denied",
    },
    {
      name: "a denied IPv6 network",
      section: { deny: ["2001:db8::/32"] },
      address: "2001:db8:1::1",
      says: "sources.address_denied",
    },
    {
      name: "IPv4 in IPv6 clothes",
      section: { deny: ["10.0.0.1"] },
      address: "::ffff:10.0.0.1",
      says: "sources.address_denied",
    },
    {
      name: "what is no address",
      section: {},
      address: "unix:/run/x",
      says: "sources.address_denied",
    },
  ])("$name", async ({ section, address, says }) => {
    expect((await stageOf(section)).say(address)).toBe(says);
  });

  test("a refused address is 403 and learns nothing of the lists", async () => {
    const decision = (await stageOf({ deny: ["10.0.0.1"] })).decide("10.0.0.1");
    if (decision.verdict !== "reject") throw new Error("not refused");
    expect(decision.rejection).toMatchObject({
      status: 403,
      message: "This address may not call.",
      cause: "the address is on the deny list",
    });
  });

  test("lists are read from files", async () => {
    const directory = mkdtempSync(join(tmpdir(), "portcullis-sources-"));
    try {
      const path = join(directory, "deny.txt");
      writeFileSync(path, "# abuse desk\r\n203.0.113.0/24 # a network\n\n2001:db8::1\n");
      const { say } = await stageOf({ deny: `file:${path}` });
      expect(say("203.0.113.200")).toBe("sources.address_denied");
      expect(say("2001:db8::1")).toBe("sources.address_denied");
      expect(say("2001:db8::2")).toBe("any");
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test.each([
    { name: "a host name", text: "10.0.0.1\nevil.example\n", line: 2 },
    { name: "a range", text: "10.0.0.1-10.0.0.9", line: 1 },
    { name: "host bits set", text: "\n\n10.0.0.1/8", line: 3 },
    { name: "a prefix with a leading zero", text: "10.0.0.0/08", line: 1 },
    { name: "a prefix that is none", text: "10.0.0.0/", line: 1 },
    { name: "a prefix too long", text: "10.0.0.0/33", line: 1 },
  ])("a list with $name is refused whole, by line", async ({ text, line }) => {
    const reading = readNetworkList(text, "deny.txt");
    await expect(reading).rejects.toThrow(NetworkListError);
    await expect(reading).rejects.toThrow(`deny.txt:${line}: `);
  });
});

describe("the rate", () => {
  test("without configuration it is 2,000 in 5 minutes", async () => {
    const { say, decide, clock } = await stageOf({});
    for (let i = 0; i < 2_000; i++) {
      expect(say("192.0.2.1")).toBe("any");
      clock.advance(100);
    }
    expect(say("192.0.2.1")).toBe("sources.rate_exceeded");
    expect(say("192.0.2.2")).toBe("any");
    const refused = decide("192.0.2.1");
    expect(refused.verdict === "reject" && refused.rejection.status).toBe(429);
    const wait = refused.verdict === "reject" ? (refused.rejection.retryAfterSeconds ?? 0) : 0;
    clock.advance((wait - 1) * 1_000);
    expect(say("192.0.2.1")).toBe("sources.rate_exceeded");
    clock.advance(1_000);
    expect(say("192.0.2.1")).toBe("any");
  });

  test("unlimited networks have none", async () => {
    const { say } = await stageOf({ rate: "1/m", unlimited: ["192.0.2.0/24"] });
    for (let i = 0; i < 100; i++) expect(say("192.0.2.1")).toBe("unlimited");
    expect([say("198.51.100.1"), say("198.51.100.1")]).toEqual(["any", "sources.rate_exceeded"]);
  });

  test.each([
    {
      name: "one /64 is one source",
      ipv6Prefix: 64,
      one: "2001:db8:0:1::1",
      two: "2001:db8:0:1:ffff::2",
      shared: true,
    },
    {
      name: "the next /64 is another",
      ipv6Prefix: 64,
      one: "2001:db8:0:1::1",
      two: "2001:db8:0:2::1",
      shared: false,
    },
    {
      name: "under /48 they are one",
      ipv6Prefix: 48,
      one: "2001:db8:0:1::1",
      two: "2001:db8:0:2::1",
      shared: true,
    },
    {
      name: "another /48 is another",
      ipv6Prefix: 48,
      one: "2001:db8:0:1::1",
      two: "2001:db8:1:1::1",
      shared: false,
    },
    {
      name: "under /32 they are one",
      ipv6Prefix: 32,
      one: "2001:db8:0:1::1",
      two: "2001:db8:1:1::1",
      shared: true,
    },
  ])("IPv6: $name", async ({ ipv6Prefix, one, two, shared }) => {
    const { say } = await stageOf({ rate: "1/m", ipv6Prefix });
    expect(say(one)).toBe("any");
    expect(say(two)).toBe(shared ? "sources.rate_exceeded" : "any");
  });

  test("a wall clock that jumps changes nothing", async () => {
    const { say, clock } = await stageOf({ rate: "1/m" });
    say("192.0.2.1");
    clock.jump(86_400_000);
    expect(say("192.0.2.1")).toBe("sources.rate_exceeded");
  });

  test("a reload gives nobody a fresh allowance", async () => {
    const memory = new SourceMemory();
    const say = async () => (await stageOf({ rate: "1/m" }, memory)).say("192.0.2.1");
    expect([await say(), await say()]).toEqual(["any", "sources.rate_exceeded"]);
  });

  test("paths that match nothing are counted too", async () => {
    const config = await resolveSources(sourcesSchema.parse({ rate: "1/m" }), () => "");
    const stage = sources(config, { clock: new FrozenClock(), memory: new SourceMemory() });
    const ask = (route = routeOf()) => stage.bind(route)?.onHead?.(contextOf());
    expect(ask(unmatchedRouteOf())).toMatchObject({ verdict: "continue" });
    expect(ask()).toMatchObject({ verdict: "reject" });
  });
});

test.each([
  { name: "a host name in a list", section: { deny: ["evil.example"] } },
  { name: "a path without `file:`", section: { deny: "deny.txt" } },
  { name: "a rate without its period", section: { rate: 2000 } },
  { name: "an IPv6 prefix longer than a /64", section: { ipv6Prefix: 128 } },
  { name: "an unknown field", section: { denied: [] } },
])("$name is refused at load", ({ section }) => {
  expect(sourcesSchema.safeParse(section).success).toBe(false);
});
