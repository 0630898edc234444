/** Refusals that take bytes no well-behaved caller sends, or a caller that stops in the middle; each is on record too. */
import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { RejectionCode } from "../../src/pipeline/rejection.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import type { LogLine } from "../support/gateway-log.ts";
import { sendRaw } from "../support/raw-http.ts";
import { answerJson, PREDICTION } from "../support/recording-upstream.ts";
import { until } from "../support/until.ts";

interface RawRefusal {
  readonly name: string;
  readonly status: number;
  readonly code: RejectionCode;
  readonly bytes: string;
}

const START = "POST /churn/v2/predict HTTP/1.1\r\n";
const HOST = "Host: gateway.example\r\n";
const AUTH = "Authorization: @@AUTH@@\r\nContent-Type: application/json\r\n";
const chunked = (codings: string): string =>
  `${START}${HOST}${AUTH}Transfer-Encoding: ${codings}\r\n\r\n2\r\n{}\r\n0\r\n\r\n`;
const withBody = (fields: string, body = "{}"): string =>
  `${START}${HOST}${AUTH}${fields}\r\n\r\n${body}`;

const ROWS: readonly RawRefusal[] = [
  { name: "nonsense", status: 400, code: "listener.malformed_request", bytes: "NONSENSE\r\n\r\n" },
  {
    name: "a folded header line",
    status: 400,
    code: "listener.invalid_header",
    bytes: withBody("X-A: 1\r\n 2\r\nContent-Length: 2"),
  },
  {
    name: "a bare CR in a header",
    status: 400,
    code: "listener.malformed_request",
    bytes: withBody("X-A: 1\r2\r\nContent-Length: 2"),
  },
  {
    name: "no host",
    status: 400,
    code: "listener.invalid_host",
    bytes: `${START}${AUTH}Content-Length: 2\r\n\r\n{}`,
  },
  {
    name: "two hosts",
    status: 400,
    code: "listener.invalid_host",
    bytes: withBody(`${HOST}Content-Length: 2`),
  },
  {
    name: "Content-Length and Transfer-Encoding",
    status: 400,
    code: "listener.ambiguous_length",
    bytes: withBody("Content-Length: 2\r\nTransfer-Encoding: chunked", "2\r\n{}\r\n0\r\n\r\n"),
  },
  {
    name: "two Content-Lengths",
    status: 400,
    code: "listener.ambiguous_length",
    bytes: withBody("Content-Length: 2\r\nContent-Length: 4"),
  },
  {
    name: "two Content-Lengths that agree",
    status: 400,
    code: "listener.ambiguous_length",
    bytes: withBody("Content-Length: 2\r\nContent-Length: 2"),
  },
  {
    name: "a transfer coding that is not served",
    status: 501,
    code: "listener.transfer_coding_refused",
    bytes: chunked("gzip, chunked"),
  },
  {
    name: "a head that never ends",
    status: 408,
    code: "listener.request_timeout",
    bytes: `${START}${HOST}`,
  },
  {
    name: "a body that never ends",
    status: 408,
    code: "listener.request_timeout",
    bytes: withBody("Content-Length: 20"),
  },
];

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({
    listeners: ["plain", "tls"],
    config: { server: { limits: { headerTimeout: "300ms", bodyTimeout: "300ms" } } },
  });
});
afterAll(() => gateway.close());
afterEach(async () => {
  await gateway.check();
  gateway.upstream.reset();
});

const countOf = async (code: string, of: TestGateway = gateway): Promise<number> =>
  (await of.metric("portcullis_requests_total", { code })) +
  (await of.metric("portcullis_malformed_requests_total", { code }));

const linesOf = (code: string, of: TestGateway = gateway): LogLine[] =>
  of.logLines().filter((line) => line["code"] === code);

const dial: Record<"plain" | "tls", () => Socket> = {
  plain: () => connectPlain({ port: gateway.port, host: "127.0.0.1" }),
  tls: () =>
    connectTls({
      port: Number(new URL(gateway.target("https/1.1").origin).port),
      host: "127.0.0.1",
      ca: gateway.ca?.certificatePem,
      ALPNProtocols: ["http/1.1"],
    }),
};

describe.each(["plain", "tls"] as const)("over %s", (listener) => {
  test.each(ROWS)("$name: $status $code", async ({ status, code, bytes }) => {
    if (status >= 500) gateway.expectServerErrors(code);
    const linesBefore = linesOf(code).length;
    const countBefore = await countOf(code);

    const reply = await sendRaw({
      port: gateway.port,
      bytes: bytes.replace("@@AUTH@@", `Bearer ${gateway.mintToken()}`),
      open: dial[listener],
      quietMs: 1_500,
    });

    expect(reply.statuses).toEqual([status]);
    expect(reply.isClosed).toBe(true);
    const body = JSON.parse(reply.text.slice(reply.text.indexOf("\r\n\r\n") + 4));
    expect(body.error.details.reason).toBe(code);
    expect(reply.text).not.toMatch(/^(?:server|x-powered-by):/im);
    expect(reply.text).toMatch(/^cache-control: no-store\r$/im);
    expect(gateway.upstream.received).toEqual([]);
    await until("it is on record", () => linesOf(code).length > linesBefore);
    expect(linesOf(code)).toHaveLength(linesBefore + 1);
    expect(linesOf(code).at(-1)).toMatchObject({ stage: "listener", status });
    expect(await countOf(code)).toBe(countBefore + 1);
  });
});

test("a body that ends early reaches nobody, and is on record", async () => {
  const socket = dial.plain();
  const length = "Content-Length: 20";
  const bytes = withBody(length).replace("@@AUTH@@", `Bearer ${gateway.mintToken()}`);
  socket.end(bytes);
  socket.resume();
  await until("it is on record", () => linesOf("listener.body_incomplete").length === 1);
  expect(gateway.upstream.received).toEqual([]);
  expect(await countOf("listener.body_incomplete")).toBe(1);
  socket.destroy();
});

test("a caller that goes away takes its upstream call along, and is on record as 499", async () => {
  let isAborted = false;
  gateway.upstream.answer((request, response) => {
    response.on("close", () => (isAborted = !response.writableFinished));
    setTimeout(() => answerJson(PREDICTION)(request, response), 2_000).unref();
  });
  const socket = dial.plain();
  const bytes = withBody("Content-Length: 2");
  socket.write(bytes.replace("@@AUTH@@", `Bearer ${gateway.mintToken()}`));
  await until("the call is upstream", () => gateway.upstream.received.length === 1);
  socket.destroy();
  await until("the upstream call has ended", () => isAborted);
  await until("it is on record", () => linesOf("listener.caller_gone").length === 1);
  expect(linesOf("listener.caller_gone")[0]).toMatchObject({ status: 499, decision: "deny" });
  expect(await countOf("listener.caller_gone")).toBe(1);
});

test("plain HTTP where HTTPS is required: a redirect for GET, 403 for the rest", async () => {
  const strict = await startGateway({ config: { headers: { httpsOnly: true, httpsPort: 8443 } } });
  const path = "/v2/models/churn/versions/v2/ready?x=1";
  const redirect = await strict.call({
    method: "GET",
    path,
    headers: { host: "gateway.example:80" },
  });
  expect(redirect.status).toBe(308);
  expect(redirect.headers.location).toBe(`https://gateway.example:8443${path}`);
  const refused = await strict.call({ path, headers: strict.allowed(), body: "{}" });
  expect(refused.status).toBe(403);
  expect(refused.json().error.details.reason).toBe("headers.https_required");
  expect(await strict.lineOf(refused)).toMatchObject({
    stage: "headers",
    code: "headers.https_required",
  });
  expect(await countOf("headers.https_required", strict)).toBe(1);
  expect(strict.upstream.received).toEqual([]);
  await strict.close();
});

test("more connections than there is room for: 503 with Retry-After, on record", async () => {
  const narrow = await startGateway({ config: { server: { limits: { connections: 1 } } } });
  const idle = connectPlain({ port: narrow.port, host: "127.0.0.1" });
  await new Promise((done) => idle.once("connect", done));
  const reply = await sendRaw({ port: narrow.port, bytes: "GET / HTTP/1.1\r\nHost: a\r\n\r\n" });
  expect(reply.statuses).toEqual([503]);
  expect(reply.text).toMatch(/^retry-after: 1\r$/im);
  await until("it is on record", () => linesOf("listener.overloaded", narrow).length === 1);
  expect(await countOf("listener.overloaded", narrow)).toBe(1);
  idle.destroy();
  await narrow.close({ isUnchecked: true });
});
