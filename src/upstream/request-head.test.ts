/** What the upstream is told, and what it never hears. */
import { afterEach, describe, expect, test } from "vitest";
import { ANONYMOUS, contextOf, identityOf, peerOf } from "../../test/support/context.ts";
import type { PeerCertificate } from "../pipeline/request-context.ts";
import { openUpstreams, seen, send, startRaw, stopAll } from "./forwarding.test-support.ts";
import { createRequestHead, toFieldValue } from "./request-head.ts";

afterEach(stopAll);

const CANARY = "canary-5ec7e7";

describe("a caller's field that stays behind", () => {
  const names = [
    "authorization proxy-authorization cookie x-api-key api-key dpop x-goog-api-key",
    "client-cert client-cert-chain x-client-cert x-client-cert-subject ssl-client-verify",
    "forwarded x-forwarded-for x-forwarded-host x-forwarded-user x-real-ip true-client-ip",
    "x-portcullis-caller x-portcullis-tenant x-portcullis-anything remote-user",
    "x_portcullis_caller x_forwarded_for x-portcullis_tenant ssl_client_verify",
    "x-request-id x-correlation-id traceparent tracestate",
    "x-original-url x-rewrite-url x-http-method-override",
    "x-tls-version x-mtls-verified x-mtls-issuer x-webhook-verified x-panic-mode",
    "x-policy-decision x-policy-pack x-policy-sign x_policy_decision",
    "cf-access-authenticated-user-email cf-access-groups cf-access-jwt-assertion cf_access_groups",
    "cf-access-client-id cf-access-anything x-goog-iap-jwt-assertion x-access-token",
    "host content-length transfer-encoding connection expect te upgrade accept-encoding",
  ].flatMap((line) => line.split(" "));

  test.each(names)("%s", (name) => {
    const head = createRequestHead(undefined)(contextOf({ headers: { [name]: CANARY } }));
    expect(head.join("\n")).not.toContain(CANARY);
  });
});

test.each([
  ["content-type", "application/json"],
  ["accept", "text/event-stream"],
  ["user-agent", "x"],
  ["b3", "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1"],
  ["x-b3-traceid", "0af7651916cd43dd8448eb211c80319c"],
  ["idempotency-key", "1"],
  ["x-custom", "\xe9"],
  ["set_something", "kept as it is"],
  ["cf-ray", "7d2a"],
  ["cf-accessible", "yes"],
  ["x-policy", "p"],
  ["via", "1.0 somebody"],
])("a caller's %s is passed on as it came", (name, value) => {
  const head = createRequestHead(undefined)(contextOf({ headers: { [name]: value } }));
  expect(head.slice(0, 2)).toEqual([name, value]);
});

test("not even what a listed edge may say goes on: the upstream hears the gateway alone", () => {
  const certificate = {
    verified: true,
    subjectAltNames: ["DNS:edge.internal"],
  } as unknown as PeerCertificate;
  const peer = peerOf({ certificate });
  const headers = { "x-mtls-verified": CANARY, "cf-access-groups": CANARY, "x-panic-mode": CANARY };
  const head = createRequestHead(undefined)(contextOf({ peer, headers }));
  expect(head.join("\n")).not.toContain(CANARY);
});

test("the gateway says who called, how, and in which trace", () => {
  const context = contextOf({
    requestId: "r-1",
    correlationId: "c-1",
    callerAddress: "2001:db8::1",
    isSecure: false,
    httpVersion: "2",
    authority: "models.example:8443",
    trace: { traceId: "a".repeat(32), spanId: "b".repeat(16), isSampled: false, state: "v=1" },
    identity: identityOf({ caller: "core-banking", subject: "zoë smith%", tenant: "ret\nail" }),
  });
  const head = createRequestHead(undefined)(context);
  const fields = Object.fromEntries(
    head.flatMap((name, i) => (i % 2 === 0 ? [[name, head[i + 1]]] : [])),
  );
  expect(fields).toEqual({
    "x-request-id": "r-1",
    "x-correlation-id": "c-1",
    traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-00`,
    tracestate: "v=1",
    "x-forwarded-for": "2001:db8::1",
    "x-forwarded-proto": "http",
    "x-forwarded-host": "models.example:8443",
    via: "2 portcullis",
    "accept-encoding": "identity",
    "x-portcullis-caller": "core-banking",
    "x-portcullis-subject": "zo%C3%AB%20smith%25",
    "x-portcullis-tenant": "ret%0Aail",
  });
});

test("an anonymous caller has no identity upstream", () => {
  const head = createRequestHead(undefined)(contextOf({ identity: ANONYMOUS }));
  expect(head.some((text) => text.startsWith("x-portcullis-"))).toBe(false);
});

test.each([
  ["plain", "plain"],
  ["", ""],
  ["a b", "a%20b"],
  ["50%", "50%25"],
  ["\r\nx-admin: 1", "%0D%0Ax-admin%3A%201"],
  ["\ud800", "%EF%BF%BD"],
])("the name %j is sent as %j", (text, expected) => {
  expect(toFieldValue(text)).toBe(expected);
});

test("the upstream's credential replaces the caller's field of the same name", () => {
  const headOf = createRequestHead({ header: "x-model-key", value: "ours" });
  const head = headOf(contextOf({ headers: { "x-model-key": "theirs", x_model_key: "theirs" } }));
  expect(head).not.toContain("theirs");
  expect(head.slice(-2)).toEqual(["x-model-key", "ours"]);
});

test("on the wire: the target's own host, one length, the path as it is", async () => {
  let wire = "";
  const url = await startRaw((socket, request) => {
    wire += request;
    socket.end("HTTP/1.1 204 No Content\r\n\r\n");
  });
  const upstreams = await openUpstreams({ targets: [url] });
  const context = contextOf({
    path: "/churn/v2/%2e%2Fpredict",
    query: "a=%20b&a",
    headers: { "content-type": "application/json", "x-name": "\xe9", expect: "100-continue" },
    body: '{"a":1}',
  });
  expect(await seen(send(upstreams, context).forwarded)).toBe("204");
  const [head = "", body] = wire.split("\r\n\r\n");
  expect(head.split("\r\n").slice(0, 5)).toEqual([
    "POST /churn/v2/%2e%2Fpredict?a=%20b&a HTTP/1.1",
    `host: ${url.slice("http://".length)}`,
    "connection: keep-alive",
    "content-type: application/json",
    "x-name: \xe9",
  ]);
  expect(head.match(/content-length: 7/g)).toHaveLength(1);
  expect(head).not.toContain("expect");
  expect(body).toBe('{"a":1}');
});
