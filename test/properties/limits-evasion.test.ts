/**
 * What callers do to get more than their limit, through the whole gateway: another spelling of the same route, headers
 * that claim something, other addresses of the same host, more keys of the same principal. None of it raises the limit:
 * a limit that is used up stays so, whatever is tried, and nothing more reaches the upstream.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Answer, Transport } from "../support/calling.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { CALLER } from "../support/token-issuer.ts";
import { until } from "../support/until.ts";

const LIMIT = 5;
const BODY = '{"tenure":12}';
const PATH = "/churn/v2/predict";
const open = (path: string): object => ({
  path,
  methods: ["POST"],
  upstream: "model",
  identity: "none",
});

let gateway: TestGateway;
let behindProxy: TestGateway;
beforeAll(async () => {
  const limits = { default: { rate: `${LIMIT}/1h`, burst: LIMIT } };
  gateway = await startGateway({
    listeners: ["plain", "tls"],
    config: {
      limits: {
        ...limits,
        shared: [{ name: "owner", by: ["caller"], models: ["twin"], quota: { day: LIMIT } }],
      },
      models: { twin: { versions: { v1: { upstream: "model" } } } },
      authorization: {
        grants: [
          {
            name: "predicts",
            tenant: "retail",
            scopes: ["predict:churn"],
          },
        ],
      },
      routes: [open("/open"), open("/items/{id:int}")],
    },
  });
  behindProxy = await startGateway({
    config: { limits, trustedProxies: ["127.0.0.1/32"], routes: [open("/open")] },
  });
});
afterAll(async () => {
  // One of them may not have started.
  await Promise.all([gateway?.close(), behindProxy?.close()]);
});

const json = { "content-type": "application/json" };

let callers = 0;
/** Headers of somebody who has used nothing yet. */
const newCaller = (): Record<string, string> =>
  gateway.allowed({ client_id: `caller-${++callers}`, sub: `caller-${callers}` });

/** Uses the whole limit and makes sure that it is one. */
async function useUp(headers: Record<string, string>, path = PATH): Promise<void> {
  for (let i = 0; i < LIMIT; i++)
    expect((await gateway.call({ path, headers, body: BODY })).status).toBe(200);
  expect((await gateway.call({ path, headers, body: BODY })).status).toBe(429);
}

/** What reaches the upstream while `attempts` are made. */
async function passedBy(attempts: () => Promise<void>, of: TestGateway = gateway): Promise<number> {
  const before = of.upstream.received.length;
  await attempts();
  return of.upstream.received.length - before;
}

const SPELLINGS = [
  PATH,
  `${PATH}/`,
  `${PATH}//`,
  `/${PATH}`,
  "/churn//v2/predict",
  "/churn/./v2/predict",
  "/churn/v2/../v2/predict",
  "/churn/v2/predict/.",
  "/churn/v2/predict/x/..",
  "/Churn/v2/predict",
  "/CHURN/V2/PREDICT",
  "/churn/V2/predict",
  "/churn/v2/Predict",
  "/churn/v2/%70redict",
  "/churn/v2/predic%74",
  "/%63%68%75%72%6e/v%32/predict",
  "/churn%2Fv2%2Fpredict",
  "/churn%2fv2/predict",
  "/churn/v2%5Cpredict",
  "/churn\\v2\\predict",
  "/churn/v2/predict%20",
  "/churn/v2/predict%00",
  "/churn/v2/predict%0a",
  "/churn/v2/predict%2e",
  "/churn/v2/predict.",
  "/churn/v2/predict;",
  "/churn/v2/predict;v=2",
  "/churn;a=b/v2/predict",
  "/churn/v2/%2570redict",
  "/churn/v2/predict%E2%80%8B",
  "/churn/v2/p%C2%ADredict",
  "/churn/v2/%EF%BD%90redict",
  `${PATH}?`,
  `${PATH}?a=1`,
  `${PATH}?a=1&a=2`,
  `${PATH}?/churn/v1/predict`,
  `${PATH}?a=%2F..%2F`,
  `${PATH}%3Fa=1`,
  `${PATH}#fragment`,
  `${PATH}%23fragment`,
  `http://gateway.example${PATH}`,
  `HTTP://OTHER.EXAMPLE${PATH}`,
  `https://gateway.example:8443${PATH}`,
];

describe("another spelling of a route that is used up", () => {
  test.each<Transport>(["http/1.1", "h2"])("reaches nothing, over %s", async (transport) => {
    const headers = newCaller();
    await useUp(headers);
    const statuses = new Map<string, number>();
    const passed = await passedBy(async () => {
      for (const path of SPELLINGS) {
        if (transport === "h2" && !path.startsWith("/")) continue;
        const answer = await gateway.call({ path, headers, body: BODY }, gateway.target(transport));
        statuses.set(path, answer.status);
      }
    });
    expect(passed).toBe(0);
    for (const [path, status] of statuses) expect([400, 404, 429], path).toContain(status);
    // The test would say nothing if all of them were malformed.
    expect([...statuses.values()].filter((status) => status === 429).length).toBeGreaterThan(5);
  });

  test("spends the same limit while there is some: all spellings together get what one gets", async () => {
    const headers = newCaller();
    const passed = await passedBy(async () => {
      for (const path of SPELLINGS) await gateway.call({ path, headers, body: BODY });
    });
    expect(passed).toBe(LIMIT);
  });

  test("the values of a template's parameters are one route's", async () => {
    const passed = await passedBy(async () => {
      for (let id = 0; id < 4 * LIMIT; id++)
        await gateway.call({ path: `/items/${id}`, headers: json, body: BODY });
    });
    expect(passed).toBe(LIMIT);
  });

  test.each(["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "post", "Post"])(
    "the method %s neither",
    async (method) => {
      const headers = newCaller();
      await useUp(headers);
      const passed = await passedBy(async () => {
        await gateway.call({ method, path: PATH, headers });
      });
      expect(passed).toBe(0);
    },
  );
});

const CLAIMS: readonly Readonly<Record<string, string | readonly string[]>>[] = [
  { "x-forwarded-for": "203.0.113.1" },
  { "x-forwarded-for": ["203.0.113.1", "203.0.113.2"] },
  { forwarded: "for=203.0.113.1;proto=https" },
  { "x-real-ip": "203.0.113.1" },
  { "x-client-ip": "203.0.113.1" },
  { "true-client-ip": "203.0.113.1" },
  { "cf-connecting-ip": "203.0.113.1" },
  { "x-originating-ip": "127.0.0.1" },
  { "x-forwarded-host": "other.example" },
  { host: "other.example" },
  { host: "GATEWAY.example:8443" },
  { "x-original-url": "/churn/v1/predict" },
  { "x-rewrite-url": "/churn/v1/predict" },
  { "x-http-method-override": "GET" },
  { "x-ratelimit-limit": "1000000" },
  { "x-ratelimit-remaining": "1000000", "x-ratelimit-reset": "0" },
  { ratelimit: '"default";r=1000000;t=1', "ratelimit-policy": '"default";q=1000000;w=1' },
  { "x-portcullis-degraded": "allow" },
  { "x-portcullis-tier": "enterprise", "x-tier": "enterprise", tier: "enterprise" },
  { "x-portcullis-caller": "somebody-else", "x-portcullis-identity": "key:other" },
  { "x-tenant-id": "another", "x-caller": "another", "x-user-id": "another" },
  { "x-correlation-id": "another" },
  { "user-agent": "another", "accept-language": "another", cookie: "session=another" },
  { "retry-after": "0", "cache-control": "no-cache", pragma: "no-cache" },
];

describe("headers that claim something", () => {
  test("buy nothing once the limit is used up", async () => {
    const headers = newCaller();
    await useUp(headers);
    const answers: Answer[] = [];
    const passed = await passedBy(async () => {
      for (const claim of CLAIMS)
        answers.push(
          await gateway.call({
            path: PATH,
            headers: { ...headers, ...claim, "x-request-id": randomUUID() },
            body: BODY,
          }),
        );
    });
    expect(passed).toBe(0);
    for (const [i, { status }] of answers.entries())
      expect([400, 403, 405, 429], JSON.stringify(CLAIMS[i])).toContain(status);
    expect(answers.filter(({ status }) => status === 429).length).toBeGreaterThan(15);
  });

  test("buy nothing for callers that are known by their address alone", async () => {
    const passed = await passedBy(async () => {
      for (let i = 0; i < 3; i++)
        for (const claim of CLAIMS)
          await gateway.call({
            path: "/open",
            headers: { ...json, ...claim, "x-request-id": randomUUID() },
            body: BODY,
          });
    });
    expect(passed).toBe(LIMIT);
  });

  test("of one's own do not stand in the answer for those of the gateway", async () => {
    const headers = newCaller();
    const answer = await gateway.call({
      path: PATH,
      headers: { ...headers, "x-ratelimit-limit": "1000000", "x-portcullis-degraded": "allow" },
      body: BODY,
    });
    expect(answer.status).toBe(200);
    expect(answer.headers["x-ratelimit-limit"]).toBe(String(LIMIT));
    expect(answer.headers["x-ratelimit-remaining"]).toBe(String(LIMIT - 1));
    expect(answer.headers["x-portcullis-degraded"]).toBeUndefined();
  });
});

describe("other addresses", () => {
  const from = (address: string): Promise<Answer> =>
    behindProxy.call({
      path: "/open",
      headers: { ...json, "x-forwarded-for": address },
      body: BODY,
    });

  test("of one IPv6 network are one host's, however they are written", async () => {
    const written = [
      "2001:db8:1:2::1",
      "2001:DB8:1:2::1",
      "2001:0db8:0001:0002:0000:0000:0000:0002",
      "[2001:db8:1:2::3]:443",
      "2001:db8:1:2:ffff:ffff:ffff:ffff",
      "2001:db8:1:2:0:0:192.0.2.1",
      ...Array.from(
        { length: 40 },
        (_, i) => `2001:db8:1:2:${(i * 0x1357 + 1).toString(16)}::${i}`,
      ),
    ];
    const passed = await passedBy(async () => {
      for (const address of written) await from(address);
    }, behindProxy);
    expect(passed).toBe(LIMIT);
    expect((await from("2001:db8:1:3::1")).status).toBe(200);
  });

  test("an address of IPv4 stays one in the clothes of IPv6", async () => {
    const passed = await passedBy(async () => {
      for (let i = 0; i < LIMIT; i++) {
        await from("198.51.100.7");
        await from("::ffff:198.51.100.7");
        await from("::FFFF:c633:6407");
        await from("198.51.100.7:4711");
      }
    }, behindProxy);
    expect(passed).toBe(LIMIT);
  });

  test("that the caller itself puts before what the proxy saw are not believed", async () => {
    const passed = await passedBy(async () => {
      for (let i = 0; i < 4 * LIMIT; i++) await from(`203.0.113.${i}, 198.51.100.8`);
    }, behindProxy);
    expect(passed).toBe(LIMIT);
  });
});

describe("many credentials", () => {
  const DRAFT = { name: "evader", owner: CALLER, tenant: "retail", scopes: ["predict:churn"] };
  const withKey = (key: string, path: string): Promise<Answer> =>
    gateway.call({ path, headers: { ...json, "x-api-key": key }, body: BODY });
  /** Another process makes keys; each look at one that is not known yet is a failed authentication. */
  const known = (key: string): Promise<void> =>
    until(
      "the key is known",
      async () => {
        await sleep(200);
        return (await withKey(key, "/churn/v1/predict")).status !== 401;
      },
      30_000,
    );

  test("keys that are rotated keep what their principal has used", async () => {
    let key = gateway.keys().create(DRAFT);
    const secrets = [key.reveal()];
    for (let i = 0; i < 5; i++) {
      key = gateway.keys().rotate(key.record.id);
      secrets.push(key.reveal());
    }
    await known(key.reveal());
    const answers: Answer[] = [];
    const passed = await passedBy(async () => {
      for (let i = 0; i < 3; i++)
        for (const secret of secrets) answers.push(await withKey(secret, PATH));
    });
    expect(passed).toBe(LIMIT);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(3 * 6 - LIMIT);
  });

  test("keys of one owner share what is counted by the caller", async () => {
    const secrets = Array.from({ length: 4 }, () => gateway.keys().create(DRAFT).reveal());
    await known(secrets.at(-1) as string);
    const answers: Answer[] = [];
    const passed = await passedBy(async () => {
      for (let i = 0; i < 4; i++)
        for (const secret of secrets) answers.push(await withKey(secret, "/twin/v1/predict"));
    });
    expect(passed).toBe(LIMIT);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(4 * 4 - LIMIT);
  });

  test("tokens are as many as one asks for, and their subject is one", async () => {
    const passed = await passedBy(async () => {
      for (let i = 0; i < 4 * LIMIT; i++)
        await gateway.call({
          path: PATH,
          headers: gateway.allowed({ jti: `token-${i}`, sid: `session-${i}`, tier: "enterprise" }),
          body: BODY,
        });
    });
    expect(passed).toBe(LIMIT);
  });
});
