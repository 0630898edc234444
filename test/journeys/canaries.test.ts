/** Secrets planted in every place of a request, and in what an upstream says when it fails: none of them comes out. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Answer, CallRequest, Transport } from "../support/calling.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { until } from "../support/until.ts";
import { callWithKey, KEY_DRAFT } from "./refused-keys.ts";

/** One for each place, so that a leak says where it comes from. */
const CANARY = {
  scheme: "canary-basic-5f1c",
  token: "canary-token-77aa",
  tokenName: "canary-tokenname-3131",
  apiKey: "canary-apikey-0b9e",
  cookie: "canary-cookie-c41d",
  query: "canary-query-93be",
  path: "canary-path-1d20",
  body: "canary-body-e8f7",
  bodyKey: "canary-bodykey-2a6c",
  header: "canary-header-aa10",
  email: "canary.mail-6b3d@mail.test.example",
  upstreamCredential: "canary-upstream-f00d",
  upstreamText: "canary-stacktrace-4e4e",
  upstreamHeader: "canary-server-9c9c",
  contentType: "canary-type-b7b7",
} as const;

type Place = keyof typeof CANARY;

/** An unknown issuer, key id or header parameter is named to the operator, who could not find a wrong setting otherwise. */
const FOR_THE_OPERATOR: readonly Place[] = ["tokenName"];

/** Where the upstream is meant to see what the caller sent. */
const FOR_THE_UPSTREAM: readonly Place[] = [
  "query",
  "path",
  "body",
  "bodyKey",
  "header",
  "upstreamCredential",
];

let gateway: TestGateway;
let key: string;
const answers: Answer[] = [];

beforeAll(async () => {
  gateway = await startGateway({
    listeners: ["plain", "tls"],
    environment: { UPSTREAM_KEY: CANARY.upstreamCredential },
    files: {
      "shape.json": JSON.stringify({ type: "object", properties: { n: { type: "integer" } } }),
    },
    config: {
      upstreams: {
        model: {
          credential: { header: "authorization", prefix: "Bearer ", secret: "env:UPSTREAM_KEY" },
        },
      },
      routes: [
        { path: "/files/**", methods: ["GET", "POST"], upstream: "model" },
        { path: "/shaped", methods: ["POST"], upstream: "model", request: "file:shape.json" },
        { path: "/judged", methods: ["POST"], upstream: "model", response: "file:shape.json" },
      ],
      waf: { responses: "on" },
      telemetry: { log: { level: "trace" } },
    },
  });
  key = gateway.keys().create(KEY_DRAFT).reveal();
  await until("the key is known", async () => (await callWithKey(gateway, key)).status === 200);
  gateway.upstream.answer((_, response) => {
    response.writeHead(500, {
      "content-type": "application/json",
      server: CANARY.upstreamHeader,
      "x-powered-by": CANARY.upstreamHeader,
    });
    response.end(JSON.stringify({ n: CANARY.upstreamText }));
  });
  for (const transport of ["http/1.1", "https/1.1", "h2"] as const)
    await callWithSecrets(transport);
  gateway.expectServerErrors("ok", "contract.response_invalid");
  await gateway.check();
});
afterAll(() => gateway.close());

/** What the firewall refuses, and has to tell of without a word of it. */
const attackWith = (place: Place): string =>
  `${CANARY[place]}' OR '1'='1' UNION SELECT password FROM users --`;

/** Every request goes a different way through the gateway; all of them are full of secrets. */
async function callWithSecrets(transport: Transport): Promise<void> {
  const full = {
    cookie: `session=${CANARY.cookie}`,
    "x-custom": CANARY.header,
    "user-agent": CANARY.header,
    referer: `https://a.test.example/?${CANARY.header}`,
  };
  const json = { ...full, "content-type": "application/json" };
  const token = gateway.mintToken({ sub: CANARY.email, email: CANARY.email });
  const bearer = (credential: string) => ({ ...json, authorization: `Bearer ${credential}` });
  const path = `/files/${CANARY.path}?secret=${CANARY.query}`;
  const body = JSON.stringify({ [CANARY.bodyKey]: CANARY.body });
  const requests: CallRequest[] = [
    { path, headers: bearer(token), body },
    { path, headers: { ...json, "x-api-key": key }, body },
    { path, headers: { ...json, "x-api-key": CANARY.apiKey }, body },
    { path, headers: { ...json, authorization: `Basic ${CANARY.scheme}` }, body },
    { path, headers: bearer(CANARY.token), body },
    {
      path,
      headers: bearer(
        gateway.mintToken({ iss: CANARY.tokenName, aud: CANARY.token, x: CANARY.token }),
      ),
      body,
    },
    { path, headers: bearer(gateway.mintToken({ aud: CANARY.token })), body },
    { path, headers: bearer(gateway.mintToken({}, { header: { kid: CANARY.tokenName } })), body },
    {
      path,
      headers: bearer(gateway.mintToken({}, { header: { [CANARY.tokenName]: CANARY.token } })),
      body,
    },
    { path: `/nowhere/${CANARY.path}?${CANARY.query}`, headers: bearer(token), body },
    { path: `/files/%2e%2e/${CANARY.path}?${CANARY.query}`, headers: bearer(token), body },
    { path, headers: { ...bearer(token), "content-type": `text/${CANARY.contentType}` }, body },
    { path, headers: { ...bearer(token), origin: `https://${CANARY.header}` }, body },
    { path, headers: { ...bearer(token), X_Real_IP: CANARY.header }, body },
    { path, headers: bearer(token), body: `{"a":"${CANARY.body}",` },
    {
      path,
      headers: bearer(token),
      body: JSON.stringify({ [CANARY.bodyKey]: attackWith("body") }),
    },
    { path, headers: bearer(token), body: JSON.stringify({ [attackWith("bodyKey")]: 1 }) },
    { path, headers: { ...bearer(token), "x-custom": attackWith("header") }, body },
    {
      path: `${path}&${CANARY.query}=${encodeURIComponent(attackWith("query"))}`,
      headers: bearer(token),
      body,
    },
    { path: "/shaped", headers: bearer(token), body: `{"n":"${CANARY.body}"}` },
    { path: "/judged", headers: bearer(token), body: "{}" },
    { method: "DELETE", path, headers: { ...full, authorization: `Bearer ${token}` } },
  ];
  for (const request of requests)
    answers.push(await gateway.call(request, gateway.target(transport)));
}

const leaksIn = (text: string, except: readonly Place[] = []): Place[] =>
  (Object.keys(CANARY) as Place[]).filter(
    (place) => !except.includes(place) && text.toLowerCase().includes(CANARY[place].toLowerCase()),
  );

test("the secrets were really sent, and some calls went all the way", () => {
  const received = gateway.upstream.received.map(
    ({ target, headers, body }) => `${target} ${headers.join(" ")} ${body.toString()}`,
  );
  expect(received.length).toBeGreaterThanOrEqual(9);
  const seen = received.join("\n");
  for (const place of FOR_THE_UPSTREAM) expect(seen).toContain(CANARY[place]);
});

test("the log has none of them, at its most talkative", () => {
  const log = readFileSync(join(gateway.folder, "gateway.log"), "utf8");
  expect(log).toContain('"code":"identity.token_malformed"');
  expect(log).toContain('"code":"waf.blocked"');
  expect(leaksIn(log, FOR_THE_OPERATOR)).toEqual([]);
  expect(log.includes(key)).toBe(false);
  // A token of the test issuer, whole or in part.
  expect(log).not.toMatch(/eyJ[A-Za-z0-9_-]{20}/);
});

test("the ledger has none of them but who called", () => {
  const ledger = gateway.record.text();
  expect(ledger).toContain('"code":"identity.token_malformed"');
  // Who vouched for nobody is not named; who called is, and may be an e-mail address.
  expect(ledger).toContain(CANARY.email);
  expect(leaksIn(ledger, ["email"])).toEqual([]);
  expect(ledger.includes(key)).toBe(false);
  expect(ledger).not.toMatch(/eyJ[A-Za-z0-9_-]{20}/);
});

test("the metrics have none of them", async () => {
  expect(leaksIn(await gateway.metrics())).toEqual([]);
});

test("the gateway's own answers have none of them but a place in the caller's own body", () => {
  const own = answers.filter(({ text }) => text.includes('"request_id"'));
  expect(own.length).toBeGreaterThanOrEqual(39);
  for (const { text } of own) expect(leaksIn(text)).toEqual([]);
});

test("no answer has the upstream's software, its credential or the caller's own secrets in a header", () => {
  for (const { headers } of answers) expect(leaksIn(JSON.stringify(headers))).toEqual([]);
});

test("an answer that broke its contract is not quoted", () => {
  const broken = answers.filter(({ status }) => status === 502);
  for (const { text } of broken) expect(text).not.toContain(CANARY.upstreamText);
});

test("the upstream gets none of the credentials that were for the gateway", () => {
  for (const { headers, target, body } of gateway.upstream.received) {
    const seen = `${target} ${headers.join("\n")} ${body.toString()}`;
    expect(leaksIn(seen, [...FOR_THE_UPSTREAM, "email"])).toEqual([]);
    expect(seen.includes(key)).toBe(false);
    expect(seen).not.toMatch(/eyJ[A-Za-z0-9_-]{20}/);
  }
});
