/** Ways to be counted as somebody else, or somewhere else: none of them raises a limit. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CallRequest, CallTarget } from "../support/calling.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { sendRaw } from "../support/raw-http.ts";
import { CALLER } from "../support/token-issuer.ts";
import { until } from "../support/until.ts";

const LIMIT = 3;
const PASSED = Array.from({ length: LIMIT }, () => 200);
const MORE = 4;
const REFUSED = Array.from({ length: MORE }, () => 429);
/** An hour's window: no calendar turns while the test runs. */
const limits = { window: `${LIMIT}/1h` };

let gateway: TestGateway;
beforeAll(async () => {
  const open = (id: string): object => ({
    id,
    path: `/${id}`,
    methods: ["GET", "POST"],
    upstream: "model",
    identity: "none",
    limits,
  });
  const proved = (id: string): object => ({
    id,
    path: `/${id}`,
    methods: ["POST"],
    upstream: "model",
    limits,
  });
  gateway = await startGateway({
    listeners: ["plain", "tls"],
    config: {
      // The only peer that may say whom it speaks for.
      trustedProxies: ["127.0.0.2/32"],
      limits: {
        default: { rate: "100000/s" },
        tiers: { gold: { window: "1000/1h" } },
        shared: [{ name: "owner", by: ["caller"], window: `${LIMIT}/1h`, routes: ["owned"] }],
      },
      routes: [
        open("spoofed"),
        open("spelled"),
        open("methods"),
        proved("tokens"),
        { ...proved("tiers"), limits: { tiers: { default: limits } } },
        proved("rotated"),
        { ...proved("owned"), limits: undefined },
        proved("protocols"),
      ],
    },
  });
});
afterAll(() => gateway.close());

/** The statuses of as many calls as pass, and some more. */
async function statuses(
  ask: (i: number) => CallRequest | Promise<CallRequest>,
  target: (i: number) => CallTarget | undefined = () => undefined,
): Promise<number[]> {
  const said: number[] = [];
  for (let i = 0; i < LIMIT + MORE; i++)
    said.push((await gateway.call(await ask(i), target(i))).status);
  return said;
}

const JSON_TYPE = { "content-type": "application/json" };

test("headers that say somebody else calls change nothing", async () => {
  const names = [
    "x-forwarded-for",
    "forwarded",
    "x-real-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "x-client-id",
    "x-tenant-id",
  ];
  const spoofed = (i: number): CallRequest => ({
    path: "/spoofed",
    headers: {
      ...JSON_TYPE,
      ...Object.fromEntries(names.map((name) => [name, `198.51.100.${i}`])),
      forwarded: `for=198.51.100.${i}`,
      "x-ratelimit-limit": "1000000",
      "x-ratelimit-remaining": "1000000",
      "x-portcullis-degraded": "limits;mode=allow",
    },
    body: "{}",
  });
  expect(await statuses(spoofed)).toEqual([...PASSED, ...REFUSED]);
});

describe("other spellings of a route", () => {
  const head = (target: string): string =>
    `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;

  const SPELLINGS = [
    "/spelled",
    "/%73pelled",
    "/spelle%64",
    "/spelled?",
    "/spelled?x=1",
    "/spelled/",
    "/SPELLED",
    "//spelled",
    "/./spelled",
    "/x/../spelled",
    "/spelled;v=1",
    "/spelled%2f",
    "/spelled%00",
    "/spelled#x",
    "http://localhost/spelled",
    "http://LOCALHOST:80/%73pelled",
  ];

  test("are the same route, or none", async () => {
    for (let i = 0; i < LIMIT; i++)
      expect((await gateway.call({ method: "GET", path: "/spelled" })).status).toBe(200);
    const before = gateway.upstream.received.length;
    const said: string[] = [];
    for (const target of SPELLINGS) {
      const { statuses: answered } = await sendRaw({ port: gateway.port, bytes: head(target) });
      said.push(answered.join());
    }
    expect(said.filter((status) => !["400", "404", "429"].includes(status))).toEqual([]);
    expect(said.slice(0, 5)).toEqual(["429", "429", "429", "429", "429"]);
    expect(gateway.upstream.received).toHaveLength(before);
  });
});

test("another method of the route is the same route", async () => {
  const methods = ["GET", "POST", "HEAD"];
  const ask = (i: number): CallRequest => {
    const method = methods[i % methods.length] as string;
    return method === "POST"
      ? { method, path: "/methods", headers: JSON_TYPE, body: "{}" }
      : { method, path: "/methods" };
  };
  expect(await statuses(ask)).toEqual([...PASSED, ...REFUSED]);
});

test("another protocol or listener is the same caller", async () => {
  const ask = (): CallRequest => ({ path: "/protocols", headers: gateway.allowed(), body: "{}" });
  const targets = [
    gateway.target(),
    gateway.target("https/1.1", "tls"),
    gateway.target("h2", "tls"),
  ];
  expect(await statuses(ask, (i) => targets[i % targets.length])).toEqual([...PASSED, ...REFUSED]);
});

test("fresh tokens of one caller are the same caller", async () => {
  const ask = (i: number): CallRequest => ({
    path: "/tokens",
    headers: gateway.allowed({ jti: `token-${i}`, iat: Math.floor(Date.now() / 1_000) - i }),
    body: "{}",
  });
  expect(await statuses(ask)).toEqual([...PASSED, ...REFUSED]);
});

test("tiers that nobody has granted are no way up", async () => {
  const ask = (i: number): CallRequest => ({
    path: "/tiers",
    headers: {
      ...gateway.allowed({ tier: ["platinum", "__proto__", "default", "GOLD"][i % 4] }),
      "x-tier": "gold",
    },
    body: "{}",
  });
  expect(await statuses(ask)).toEqual([...PASSED, ...REFUSED]);
  // The claim itself is heard.
  const headers = gateway.allowed({ tier: "gold" });
  expect((await gateway.call({ path: "/tiers", headers, body: "{}" })).status).toBe(200);
});

describe("API keys", () => {
  const draft = { name: "evader", owner: CALLER, tenant: "retail", scopes: ["predict:churn"] };
  const withKey = (path: string, key: string): CallRequest => ({
    path,
    headers: { "x-api-key": key, ...JSON_TYPE },
    body: "{}",
  });
  const works = (key: string): Promise<void> =>
    until(
      "the key works",
      async () => (await gateway.call(withKey("/churn/v2/predict", key))).status !== 401,
      20_000,
    );

  test("that a rotation gives share what was used", async () => {
    let key = gateway.keys().create(draft);
    const ask = async (): Promise<CallRequest> => {
      key = gateway.keys().rotate(key.record.id);
      const text = key.reveal();
      await works(text);
      return withKey("/rotated", text);
    };
    expect(await statuses(ask)).toEqual([...PASSED, ...REFUSED]);
  });

  test("of one owner share what counts by caller", async () => {
    const ask = async (): Promise<CallRequest> => {
      const text = gateway.keys().create(draft).reveal();
      await works(text);
      return withKey("/owned", text);
    };
    expect(await statuses(ask)).toEqual([...PASSED, ...REFUSED]);
  });
});

describe("addresses of IPv6", () => {
  let behindProxy: TestGateway;
  beforeAll(async () => {
    behindProxy = await startGateway({
      config: {
        trustedProxies: ["127.0.0.1/32"],
        routes: [{ id: "open", path: "/open", upstream: "model", identity: "none", limits }],
      },
    });
  });
  afterAll(() => behindProxy.close());

  const from = async (addresses: readonly string[]): Promise<number[]> => {
    const said: number[] = [];
    for (const address of addresses) {
      const headers = { "x-forwarded-for": address };
      said.push((await behindProxy.call({ method: "GET", path: "/open", headers })).status);
    }
    return said;
  };

  test("that rotate within a network, or are spelled otherwise, are one caller", async () => {
    expect(
      await from([
        "2001:db8::1",
        "2001:db8::2",
        "2001:DB8:0:0:ffff:ffff:ffff:ffff",
        "2001:0db8::1",
        "2001:db8:0:0:1::",
        "2001:db8::198.51.100.7",
      ]),
    ).toEqual([...PASSED, 429, 429, 429]);
    expect(await from(["2001:db8:0:1::1"])).toEqual([200]);
  });

  test("that carry an IPv4 address are that address", async () => {
    expect(
      await from([
        "198.51.100.9",
        "::ffff:198.51.100.9",
        "::ffff:c633:6409",
        "198.51.100.9",
        "0:0:0:0:0:FFFF:198.51.100.9",
      ]),
    ).toEqual([...PASSED, 429, 429]);
  });
});
