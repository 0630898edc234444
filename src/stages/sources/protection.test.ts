/** Reputation lists, blocks and failed authentications, as the stage decides on them, on a frozen clock. */
import { describe, expect, test } from "vitest";
import { contextOf, FrozenClock, routeOf } from "../../../test/support/context.ts";
import type { Decision, Ending } from "../../pipeline/stage.ts";
import { resolveSources, sourcesSchema } from "./config.ts";
import { SourceMemory } from "./source-memory.ts";
import { sources } from "./stage.ts";

const FORGED: Ending = { status: 401, wasForwarded: false, code: "identity.token_invalid" };
const FORBIDDEN: Ending = { status: 403, wasForwarded: false, code: "authorization.no_grant" };
const INJECTED: Ending = { status: 406, wasForwarded: false, code: "waf.blocked" };
const FINE: Ending = { status: 200, wasForwarded: true, code: "ok" };

async function stageOf(section: object, memory = new SourceMemory(), clock = new FrozenClock()) {
  const config = await resolveSources(sourcesSchema.parse(section), () => "");
  const handlers = sources(config, { clock, memory }).bind(routeOf());
  const decide = (callerAddress: string): Decision<"sources"> =>
    handlers?.onHead?.(contextOf({ callerAddress })) as Decision<"sources">;
  const say = (address: string): string => {
    const decision = decide(address);
    return decision.verdict === "reject" ? decision.rejection.code : decision.verdict;
  };
  /** Requests that come in, where they do, and end so. */
  const ask = (address: string, ending: Ending, count = 1): void => {
    for (let i = 0; i < count; i++)
      if (say(address) === "continue")
        handlers?.onEnd?.(contextOf({ callerAddress: address }), ending);
  };
  return { clock, memory, decide, say, ask };
}

describe("reputation lists", () => {
  const lists = {
    scanners: { networks: ["192.0.2.0/25"], action: "deny" },
    exits: { networks: ["198.51.100.0/24", "2001:db8::/32"], action: "throttle", rate: "2/m" },
    clouds: { networks: ["198.51.100.0/25", "203.0.113.0/24"], action: "mark" },
  };

  test("deny, throttle by a rate of their own, or mark", async () => {
    const { say, decide, memory } = await stageOf({ lists });
    expect(say("192.0.2.1")).toBe("sources.address_denied");
    expect(say("192.0.2.200")).toBe("continue");
    expect([1, 2, 3].map(() => say("198.51.100.1"))).toEqual([
      "continue",
      "continue",
      "sources.rate_exceeded",
    ]);
    expect(say("198.51.100.200")).toBe("continue");
    expect(decide("203.0.113.9")).toEqual({
      verdict: "continue",
      learned: { list: "any", marks: ["clouds"] },
    });
    expect([...memory.refusalsByList]).toEqual([
      ["scanners", 1],
      ["exits", 1],
    ]);
  });

  test("what holds the address is on record when it is refused, too", async () => {
    const { decide } = await stageOf({ lists, rate: "1/m" });
    decide("198.51.100.1");
    expect(decide("198.51.100.1")).toMatchObject({
      verdict: "reject",
      rejection: { code: "sources.rate_exceeded" },
      learned: { marks: ["exits", "clouds"] },
    });
  });

  test("a list that denies goes before an allow list and before unlimited networks", async () => {
    const { say } = await stageOf({ lists, allow: ["0.0.0.0/0"], unlimited: ["0.0.0.0/0"] });
    expect(say("192.0.2.1")).toBe("sources.address_denied");
    expect([1, 2, 3].map(() => say("198.51.100.1"))).not.toContain("sources.rate_exceeded");
  });

  test("a reload gives nobody on a throttled list a fresh allowance", async () => {
    const memory = new SourceMemory();
    const clock = new FrozenClock();
    const first = await stageOf({ lists }, memory, clock);
    const second = await stageOf({ lists }, memory, clock);
    expect([first.say("2001:db8::1"), first.say("2001:db8::2"), second.say("2001:db8::3")]).toEqual(
      ["continue", "continue", "sources.rate_exceeded"],
    );
  });

  test.each([
    { name: "throttling without a rate", list: { networks: [], action: "throttle" } },
    { name: "a rate on a list that marks", list: { networks: [], action: "mark", rate: "1/s" } },
    { name: "an unknown action", list: { networks: [], action: "tarpit" } },
  ])("$name is refused at load", ({ list }) => {
    expect(sourcesSchema.safeParse({ lists: { one: list } }).success).toBe(false);
  });
});

describe("blocks", () => {
  const blocks = { after: "10/5m" };

  test("without configuration a source that is refused fifty times is out for a minute", async () => {
    const { say, decide, ask, clock } = await stageOf({});
    ask("192.0.2.1", FORBIDDEN, 49);
    expect(say("192.0.2.1")).toBe("continue");
    ask("192.0.2.1", FORBIDDEN);
    const refused = decide("192.0.2.1");
    expect(refused).toMatchObject({
      rejection: { code: "sources.blocked", status: 429, retryAfterSeconds: 60 },
    });
    expect(say("192.0.2.2")).toBe("continue");
    clock.advance(59_999);
    expect(say("192.0.2.1")).toBe("sources.blocked");
    clock.advance(1);
    expect(say("192.0.2.1")).toBe("continue");
  });

  test.each([
    { name: "a forged token", ending: FORGED, counts: true },
    { name: "what the firewall refuses, whatever the status", ending: INJECTED, counts: true },
    {
      name: "a refusal its caller did not wait for",
      ending: { ...FORBIDDEN, status: 499 },
      counts: true,
    },
    { name: "a 403 of the upstream's own", ending: { ...FINE, status: 403 }, counts: false },
    {
      name: "an answer of the gateway's own",
      ending: { ...FINE, status: 403, code: "answered" as const },
      counts: false,
    },
    {
      name: "an empty quota",
      ending: { status: 429, wasForwarded: false, code: "limits.quota_exhausted" as const },
      counts: false,
    },
    {
      name: "a caller that an operator shut out, as its neighbours are not",
      ending: { status: 403, wasForwarded: false, code: "kill-switch.caller_killed" as const },
      counts: false,
    },
    {
      name: "an answer that the firewall kept back",
      ending: { status: 502, wasForwarded: true, code: "waf.response_blocked" as const },
      counts: false,
    },
  ])("$name counts: $counts", async ({ ending, counts }) => {
    const { say, ask } = await stageOf({ blocks });
    ask("192.0.2.1", ending, 100);
    expect(say("192.0.2.1")).toBe(counts ? "sources.blocked" : "continue");
  });

  test("calling on against a block makes it neither longer nor the next one", async () => {
    const { say, ask, clock } = await stageOf({ blocks });
    ask("192.0.2.1", FORBIDDEN, 10);
    for (let i = 0; i < 59; i++) {
      ask("192.0.2.1", FORBIDDEN, 20);
      clock.advance(1_000);
    }
    expect(say("192.0.2.1")).toBe("sources.blocked");
    clock.advance(1_000);
    expect(say("192.0.2.1")).toBe("continue");
  });

  test("an IPv6 /64 is one source, however its addresses rotate", async () => {
    const { say, ask } = await stageOf({ blocks });
    for (let i = 0; i < 10; i++) ask(`2001:db8:0:1::${i + 1}`, FORGED);
    expect(say("2001:db8:0:1:ffff::1")).toBe("sources.blocked");
    expect(say("2001:db8:0:2::1")).toBe("continue");
  });

  test.each(["127.0.0.1", "127.9.9.9", "::1", "10.0.0.1"])(
    "%s is never blocked",
    async (address) => {
      const { say, ask } = await stageOf({ blocks, unlimited: ["10.0.0.0/8"] });
      ask(address, FORGED, 1_000);
      expect(say(address)).toBe("continue");
    },
  );

  test("a reload ends none, and another process knows of none", async () => {
    const memory = new SourceMemory();
    const clock = new FrozenClock();
    (await stageOf({ blocks }, memory, clock)).ask("192.0.2.1", FORBIDDEN, 10);
    expect((await stageOf({ blocks }, memory, clock)).say("192.0.2.1")).toBe("sources.blocked");
    expect((await stageOf({ blocks })).say("192.0.2.1")).toBe("continue");
  });

  test("they can be switched off", async () => {
    const { say, ask } = await stageOf({ blocks: { mode: "off" } });
    ask("192.0.2.1", FORBIDDEN, 1_000);
    expect(say("192.0.2.1")).toBe("continue");
  });

  test.each([
    { name: "a code that nobody says", blocks: { codes: ["waf.nonsense"] } },
    { name: "a code of this stage's own", blocks: { codes: ["sources.blocked"] } },
    { name: "a status of the server's fault", blocks: { statuses: [500] } },
    { name: "a longest block shorter than the first", blocks: { for: "10m", longest: "5m" } },
  ])("$name is refused at load", ({ blocks: section }) => {
    expect(sourcesSchema.safeParse({ blocks: section }).success).toBe(false);
  });
});

describe("failed authentications", () => {
  const section = { failedAuthentications: "3/1m", blocks: { mode: "off" } };

  test("over the limit the source is refused before its next credential is looked at", async () => {
    const { say, decide, ask, clock } = await stageOf(section);
    ask("192.0.2.1", FORGED, 3);
    const refused = decide("192.0.2.1");
    expect(refused).toMatchObject({
      rejection: { code: "sources.too_many_failures", status: 429 },
    });
    const wait = refused.verdict === "reject" ? (refused.rejection.retryAfterSeconds ?? 0) : 0;
    clock.advance((wait - 1) * 1_000);
    expect(say("192.0.2.1")).toBe("sources.too_many_failures");
    clock.advance(1_000);
    expect(say("192.0.2.1")).toBe("continue");
    expect(say("192.0.2.2")).toBe("continue");
  });

  test.each([
    { name: "a credential that verified", ending: FINE },
    {
      name: "no credential at all",
      ending: { ...FORGED, code: "identity.credentials_missing" as const },
    },
    {
      name: "a key server that is away",
      ending: { ...FORGED, status: 503, code: "identity.keys_unavailable" as const },
    },
    { name: "a call that is not allowed", ending: FORBIDDEN },
    ...(["identity.token_expired", "identity.key_expired"] as const).map((code) => ({
      name: `a genuine credential whose time is over (${code})`,
      ending: { ...FORGED, code },
    })),
  ])("$name is no failure", async ({ ending }) => {
    const { say, ask } = await stageOf(section);
    ask("192.0.2.1", ending, 50);
    expect(say("192.0.2.1")).toBe("continue");
  });

  test("good requests in between do not buy more failures", async () => {
    const { say, ask } = await stageOf(section);
    for (let i = 0; i < 3; i++) {
      ask("192.0.2.1", FINE, 100);
      ask("192.0.2.1", { ...FORGED, status: 499 });
    }
    expect(say("192.0.2.1")).toBe("sources.too_many_failures");
  });

  test("a table full of failures forgets nobody, and shuts out nobody who never failed", async () => {
    const { say, ask } = await stageOf({ ...section, rate: "2000/s", maxAddresses: 1_000 });
    ask("192.0.2.1", FORGED, 3);
    for (let i = 0; i < 20_000; i++) ask(`10.0.${i >> 8}.${i & 255}`, FORGED, 3);
    expect(say("192.0.2.1")).toBe("sources.too_many_failures");
    const honest = Array.from({ length: 50 }, (_, i) => say(`203.0.113.${i}`));
    expect(honest).not.toContain("sources.too_many_failures");
  });
});
