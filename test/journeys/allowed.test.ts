/** What an allowed call is: the upstream gets the caller's own bytes and the gateway's word on who called, no more. */
import { request as requestHttp } from "node:http";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Transport } from "../support/calling.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { answerJson, PREDICTION, type Received } from "../support/recording-upstream.ts";
import { until } from "../support/until.ts";
import { callWithKey, KEY_DRAFT } from "./refused-keys.ts";

const PREDICT = "/churn/v2/predict";
const PROXY = "203.0.113.7";
const SUNSET = "2027-03-31";

let gateway: TestGateway;

beforeAll(async () => {
  const route = { methods: ["POST"], upstream: "model" };
  gateway = await startGateway({
    listeners: ["plain", "tls"],
    config: {
      headers: { cors: { origins: ["https://app.test.example"], credentials: true } },
      models: {
        churn: {
          versions: {
            v1: {
              upstream: "model",
              status: "deprecated",
              deprecatedSince: "2026-01-01",
              sunset: SUNSET,
              successor: "v2",
            },
          },
        },
      },
      routes: [
        { ...route, path: "/counted", limits: { rate: "10/1h", burst: 10 } },
        { ...route, path: "/shadowed", stages: { authorization: { mode: "shadow" } } },
        { ...route, path: "/masked", mask: { pointers: ["/customer/iban"], fields: ["email"] } },
        { path: "/files/{name:slug}", upstream: "model" },
      ],
    },
  });
});
afterAll(() => gateway.close());
afterEach(async () => {
  await gateway.check();
  gateway.upstream.reset();
});

const arrived = (): Received => {
  expect(gateway.upstream.received).toHaveLength(1);
  return gateway.upstream.received[0] as Received;
};

describe.each<Transport>(["http/1.1", "https/1.1", "h2"])("over %s", (transport) => {
  test("a prediction: the same bytes arrive at the same target, and the answer comes back", async () => {
    const body = '{ "tenure": 12,\n\t"monthly": 70.350, "name": "J\\u00fcrg \u{1F600}" }\n';
    const path = `${PREDICT}?explain=a%20b&x=1`;
    const answer = await gateway.call(
      { path, headers: gateway.allowed(), body },
      gateway.target(transport),
    );
    expect(answer.status).toBe(200);
    expect(answer.text).toBe(PREDICTION);
    const { method, target, body: bytes, all } = arrived();
    expect({ method, target }).toEqual({ method: "POST", target: path });
    expect(bytes.toString()).toBe(body);
    expect(all("content-length")).toEqual([String(Buffer.byteLength(body))]);
    expect(all("x-forwarded-proto")).toEqual([transport === "http/1.1" ? "http" : "https"]);
    expect(all("via")).toEqual([transport === "h2" ? "2 portcullis" : "1.1 portcullis"]);
    expect(await gateway.lineOf(answer)).toMatchObject({
      decision: "allow",
      stage: "upstream",
      code: "ok",
      status: 200,
      tenant_id: "retail",
      client_id: "core-banking",
      subject: "core-banking",
      model: "churn",
      version: "v2",
      route: "churn.v2.predict",
      bytes_in: Buffer.byteLength(body),
      bytes_out: PREDICTION.length,
      upstream_ms: expect.any(Number),
    });
  });

  test("credentials stay here, and what was forged is replaced", async () => {
    const forged = {
      cookie: "session=1",
      "x-auth-token": "t",
      "x-portcullis-caller": "admin",
      "x-portcullis-tenant": "admin",
      "x-forwarded-for": "10.0.0.1",
      "x-forwarded-proto": "gopher",
      "x-forwarded-host": "evil.test.example",
      "x-real-ip": "10.0.0.1",
      "x-original-url": "/admin",
      forwarded: "for=10.0.0.1",
      "x-kept": "yes",
    };
    const headers = { ...forged, ...gateway.allowed(), host: "gateway.example" };
    const answer = await gateway.call(
      { path: PREDICT, headers, body: "{}" },
      gateway.target(transport),
    );
    expect(answer.status).toBe(200);
    const { all } = arrived();
    for (const name of [
      "authorization",
      "cookie",
      "x-auth-token",
      "x-real-ip",
      "x-original-url",
      "forwarded",
    ])
      expect(all(name), name).toEqual([]);
    expect(all("x-portcullis-caller")).toEqual(["core-banking"]);
    expect(all("x-portcullis-subject")).toEqual(["core-banking"]);
    expect(all("x-portcullis-tenant")).toEqual(["retail"]);
    expect(all("x-forwarded-for")).toEqual(["127.0.0.1"]);
    expect(all("x-forwarded-host")).toEqual(["gateway.example"]);
    expect(all("x-kept")).toEqual(["yes"]);
    expect((await gateway.lineOf(answer))["caller_address"]).toBe("127.0.0.1");
  });
});

test("the caller's ids and trace are continued", async () => {
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  const answer = await gateway.call({
    path: PREDICT,
    headers: {
      ...gateway.allowed(),
      "x-request-id": "req-of-mine",
      "x-correlation-id": "corr-of-mine",
      traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
      tracestate: "vendor=1",
    },
    body: "{}",
  });
  expect(answer.requestId).toBe("req-of-mine");
  const { all } = arrived();
  expect(all("x-request-id")).toEqual(["req-of-mine"]);
  const line = await gateway.lineOf(answer);
  expect(all("traceparent")).toEqual([`00-${traceId}-${String(line["span_id"])}-01`]);
  expect(line["span_id"]).not.toBe("00f067aa0ba902b7");
  expect(all("tracestate")).toEqual(["vendor=1"]);
  expect(line).toMatchObject({ correlation_id: "corr-of-mine", trace_id: traceId });
});

test("an API key made while the gateway runs is accepted, and refused a second after it is revoked", async () => {
  const key = gateway.keys().create(KEY_DRAFT);
  const status = async (): Promise<number> => (await callWithKey(gateway, key.reveal())).status;
  await until("the key is accepted", async () => (await status()) === 200, 1_500);
  expect(gateway.upstream.received.at(-1)?.all("x-portcullis-caller")).toEqual(["core-banking"]);
  expect(gateway.upstream.received.at(-1)?.all("x-api-key")).toEqual([]);
  gateway.keys().revoke(key.record.id);
  await until("the key is refused", async () => (await status()) === 401, 1_500);
});

test("a deprecated version says so, until when, and what comes after it", async () => {
  const answer = await gateway.call({
    path: "/churn/v1/predict",
    headers: gateway.allowed(),
    body: "{}",
  });
  expect(answer.status).toBe(200);
  expect(answer.headers).toMatchObject({
    deprecation: `@${Date.UTC(2026, 0, 1) / 1_000}`,
    sunset: new Date(SUNSET).toUTCString(),
    link: '</churn/v2/predict>; rel="successor-version"',
  });
});

test("the rate-limit headers tell the truth: they count down to the refusal they promise", async () => {
  const remaining: number[] = [];
  for (let i = 0; i < 11; i++) {
    const nowSeconds = Date.now() / 1_000;
    const { status, headers } = await gateway.call({
      path: "/counted",
      headers: gateway.allowed(),
      body: "{}",
    });
    expect(status).toBe(i < 10 ? 200 : 429);
    expect(headers["x-ratelimit-limit"]).toBe("10");
    remaining.push(Number(headers["x-ratelimit-remaining"]));
    // One request comes back every six minutes; Unix seconds, not seconds from now.
    const awaySeconds = Number(headers["x-ratelimit-reset"]) - nowSeconds;
    const wholeAgainSeconds = 360 * (i < 10 ? i + 1 : 1);
    expect(Math.abs(awaySeconds - wholeAgainSeconds)).toBeLessThan(5);
    expect(headers["ratelimit-policy"]).toContain(";q=10;w=3600");
    if (status === 429) expect(Math.abs(Number(headers["retry-after"]) - 360)).toBeLessThan(5);
  }
  expect(remaining).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0]);
});

test("a preflight is answered without credentials and never forwarded; the call itself is readable", async () => {
  const origin = "https://app.test.example";
  const preflight = await gateway.call({
    method: "OPTIONS",
    path: PREDICT,
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization, content-type",
    },
  });
  expect(preflight.status).toBe(204);
  expect(preflight.headers).toMatchObject({
    "access-control-allow-origin": origin,
    "access-control-allow-credentials": "true",
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": "authorization, content-type",
    vary: expect.stringContaining("Origin"),
  });
  expect(gateway.upstream.received).toEqual([]);
  expect(await gateway.lineOf(preflight)).toMatchObject({ stage: "headers", code: "answered" });

  const actual = await gateway.call({
    path: PREDICT,
    headers: { ...gateway.allowed(), origin },
    body: "{}",
  });
  expect(actual.status).toBe(200);
  expect(actual.headers["access-control-allow-origin"]).toBe(origin);
  expect(actual.headers["vary"]).toContain("Origin");
});

test("an event stream is not held: the first event is here before the second is sent", async () => {
  let sendSecond = (): void => undefined;
  gateway.upstream.answer((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: 1\n\n");
    sendSecond = () => response.end("data: 2\n\n");
  });
  const { port } = gateway;
  const headers = gateway.allowed();
  const text = await new Promise<string>((done, fail) => {
    const sending = requestHttp(
      { port, host: "127.0.0.1", method: "POST", path: PREDICT, headers, agent: false },
      (response) => {
        let soFar = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          soFar += chunk;
          if (soFar === "data: 1\n\n") sendSecond();
        });
        response.on("end", () => done(soFar));
      },
    );
    sending.on("error", fail);
    sending.end("{}");
  });
  expect(text).toBe("data: 1\n\ndata: 2\n\n");
});

test("a large answer passes through whole", async () => {
  const megabytes = Buffer.alloc(8 * 1024 * 1024, "0123456789abcdef");
  gateway.upstream.answer((_, response) => {
    response.writeHead(200, { "content-type": "application/octet-stream" });
    response.end(megabytes);
  });
  const answer = await gateway.call({ path: PREDICT, headers: gateway.allowed(), body: "{}" });
  expect(answer.status).toBe(200);
  expect(answer.body.equals(megabytes)).toBe(true);
  expect((await gateway.lineOf(answer))["bytes_out"]).toBe(megabytes.length);
});

test("what is masked never leaves", async () => {
  gateway.upstream.answer(
    answerJson({ customer: { iban: "CH93", name: "a" }, contacts: [{ email: "x@y" }] }),
  );
  const answer = await gateway.call({ path: "/masked", headers: gateway.allowed(), body: "{}" });
  expect(answer.json()).toEqual({
    customer: { iban: "***", name: "a" },
    contacts: [{ email: "***" }],
  });
});

test("a stage in shadow lets a request pass that it would refuse, and that is on record", async () => {
  const answer = await gateway.call({
    path: "/shadowed",
    headers: gateway.allowed({ tenant_id: "wholesale" }),
    body: "{}",
  });
  expect(answer.status).toBe(200);
  expect(await gateway.lineOf(answer)).toMatchObject({
    decision: "allow",
    shadows: [{ stage: "authorization", code: "authorization.no_grant" }],
  });
  expect(
    await gateway.metric("portcullis_shadow_verdicts_total", { stage: "authorization" }),
  ).toBeGreaterThanOrEqual(1);
});

test.each([
  ["POST", "/v2/models/churn/versions/v2/infer", "churn.v2.infer"],
  ["GET", "/v2/models/churn/versions/v2", "churn.v2.metadata"],
  ["GET", "/v2/models/churn/versions/v2/ready", "churn.v2.ready"],
])("the Open Inference Protocol: %s %s", async (method, path, route) => {
  const { authorization, ...type } = gateway.allowed();
  const isPost = method === "POST";
  const answer = await gateway.call({
    method,
    path,
    headers: { authorization: authorization as string, ...(isPost && type) },
    ...(isPost && { body: '{"inputs":[]}' }),
  });
  expect(answer.status).toBe(200);
  expect(arrived()).toMatchObject({ method, target: path });
  expect((await gateway.lineOf(answer))["route"]).toBe(route);
});

test.each<Transport>(["http/1.1", "h2"])(
  "HEAD has no body and keeps the connection sane, over %s",
  async (transport) => {
    const headers = { authorization: `Bearer ${gateway.mintToken()}` };
    const request = { method: "HEAD", path: "/files/a.txt", headers };
    const answer = await gateway.call(request, gateway.target(transport));
    expect(answer.status).toBe(200);
    expect(answer.body).toHaveLength(0);
    expect(arrived().method).toBe("HEAD");
  },
);

test("behind a trusted proxy the caller is whom the proxy names; a longer tale is not believed", async () => {
  const behind = await startGateway({ config: { trustedProxies: ["127.0.0.1/32"] } });
  const answer = await behind.call({
    path: PREDICT,
    headers: {
      ...behind.allowed(),
      "x-forwarded-for": `10.9.9.9, ${PROXY}`,
      "x-forwarded-proto": "https",
    },
    body: "{}",
  });
  expect(answer.status).toBe(200);
  expect(answer.headers).toHaveProperty("strict-transport-security");
  expect((await behind.lineOf(answer))["caller_address"]).toBe(PROXY);
  expect(behind.upstream.received[0]?.all("x-forwarded-for")).toEqual([PROXY]);
  expect(behind.upstream.received[0]?.all("x-forwarded-proto")).toEqual(["https"]);
  await behind.close();
});

describe("caller certificates", () => {
  const SAN = "spiffe://test.example/batch";
  let mutual: TestGateway;
  beforeAll(async () => {
    mutual = await startGateway({
      listeners: ["callers-request", "callers-require"],
      config: {
        identity: {
          certificates: [
            {
              san: `URI:${SAN}`,
              caller: "core-banking",
              tenant: "retail",
              scopes: ["predict:churn"],
            },
          ],
        },
      },
    });
  });
  afterAll(() => mutual.close());

  const certificate = async (uri = SAN, ca = mutual.ca): Promise<{ cert: string; key: string }> => {
    const issued = await ca?.issue({ commonName: "batch", usage: "caller", uris: [uri] });
    return { cert: issued?.certificatePem ?? "", key: issued?.keyPem ?? "" };
  };
  const request = { path: PREDICT, headers: { "content-type": "application/json" }, body: "{}" };

  test.each<Transport>(["https/1.1", "h2"])("prove who calls, over %s", async (transport) => {
    for (const listener of ["callers-request", "callers-require"] as const) {
      const target = { ...mutual.target(transport, listener), ...(await certificate()) };
      const answer = await mutual.call(request, target);
      expect(answer.status).toBe(200);
      expect(await mutual.lineOf(answer)).toMatchObject({
        client_id: "core-banking",
        subject: `URI:${SAN}`,
      });
    }
  });

  test("of a name that stands for nobody prove nothing", async () => {
    const target = {
      ...mutual.target("https/1.1", "callers-request"),
      ...(await certificate("spiffe://test.example/other")),
    };
    const answer = await mutual.call(request, target);
    expect(answer.json().error.details.reason).toBe("identity.credentials_missing");
  });

  test("are optional where they are requested, and a token counts as ever", async () => {
    const target = mutual.target("https/1.1", "callers-request");
    expect((await mutual.call(request, target)).status).toBe(401);
    const answer = await mutual.call({ ...request, headers: mutual.allowed() }, target);
    expect(answer.status).toBe(200);
  });

  test("are needed where they are required: without one there is no connection, and nothing arrives", async () => {
    const before = mutual.upstream.received.length;
    const target = mutual.target("https/1.1", "callers-require");
    await expect(mutual.call({ ...request, headers: mutual.allowed() }, target)).rejects.toThrow();
    expect(mutual.upstream.received).toHaveLength(before);
  });
});
