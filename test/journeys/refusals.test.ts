/** Everyone who should be refused is refused, with a clear answer, on record, and without the upstream hearing of it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CATALOGUE } from "../../src/pipeline/rejection.ts";
import type { Answer, Transport } from "../support/calling.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { until } from "../support/until.ts";
import { shutRefused } from "./kill-switched.ts";
import { issueRefusedKeys } from "./refused-keys.ts";
import { REFUSALS, type Given, type RefusalCase } from "./refusal-cases.ts";
import {
  answerBadly,
  REFUSAL_FILES,
  refusalConfiguration,
  releaseAnswers,
  startSilentServer,
} from "./refusal-configuration.ts";

const TRANSPORTS: readonly Transport[] = ["http/1.1", "https/1.1", "h2"];

interface Observed {
  readonly answer: Answer;
  readonly problem: Answer;
  readonly forwarded: number;
  /** By how much the counter of this stage and code rose with the first answer. */
  readonly counted: number;
}

const SECURITY_HEADERS = [
  "x-content-type-options",
  "x-frame-options",
  "referrer-policy",
  "permissions-policy",
  "content-security-policy",
];

const stageOf = ({ stage, code }: RefusalCase): string => stage ?? code.slice(0, code.indexOf("."));

let gateway: TestGateway;
let silent: Awaited<ReturnType<typeof startSilentServer>>;
let given: Given;

beforeAll(async () => {
  silent = await startSilentServer();
  gateway = await startGateway({
    listeners: ["plain", "tls"],
    answer: answerBadly,
    files: REFUSAL_FILES,
    config: (upstream) => refusalConfiguration(upstream, silent.port),
  });
  await shutRefused(gateway);
  given = { gateway, keys: await issueRefusedKeys(gateway) };
});

afterAll(async () => {
  await gateway.close();
  silent.close();
});

const counter = (row: RefusalCase): Promise<number> =>
  gateway.metric("portcullis_requests_total", { stage: stageOf(row), code: row.code });

/** The counter moves when the answer has been sent, which may be a moment after it has arrived. */
async function counterAbove(row: RefusalCase, before: number): Promise<number> {
  for (let i = 0; i < 50; i++) {
    const now = await counter(row);
    if (now > before) return now;
  }
  return before;
}

async function observe(row: RefusalCase, transport: Transport): Promise<Observed> {
  const target = gateway.target(transport);
  if (row.status >= 500) gateway.expectServerErrors(row.code);
  if (row.before) await gateway.call(row.before(given), target);
  const { received } = gateway.upstream;
  const running = row.during && gateway.call(row.during(given), target);
  if (running) {
    const arrived = received.length + 1;
    await until("the first call is upstream", () => received.length === arrived);
  }
  const receivedBefore = received.length;
  const countedBefore = await counter(row);
  const request = row.ask(given);
  const answer = await gateway.call(request, target);
  const forwarded = received.length - receivedBefore;
  const counted = (await counterAbove(row, countedBefore)) - countedBefore;
  // First, since a head is read no further than to what is wrong with it.
  const headers = { accept: "application/problem+json", ...request.headers };
  const problem = await gateway.call({ ...request, headers }, target);
  releaseAnswers();
  await running;
  return { answer, problem, forwarded, counted };
}

describe.each(TRANSPORTS)("over %s", (transport) => {
  const rows = REFUSALS.filter(({ transports = TRANSPORTS }) => transports.includes(transport));
  const seen = new Map<RefusalCase, Observed>();

  test.each(rows)("$name: $status $code", async (row) => {
    const { answer, problem, forwarded, counted } = await observe(row, transport);
    const observed = { answer, problem, forwarded, counted };
    seen.set(row, observed);

    const { status, family, code, reason = code } = row;
    expect({ status: answer.status, error: answer.json().error }).toEqual({
      status,
      error: {
        code: family,
        message: CATALOGUE[code].message,
        details: { reason, ...(row.hasViolations && { violations: expect.anything() }) },
        request_id: answer.requestId,
      },
    });
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(forwarded).toBe(row.forwarded ?? 0);
    expect(counted).toBe(1);
    expectHeaders(answer, row, transport);

    expect(problem.status).toBe(status);
    if (row.isHeadUnread) return;
    expect(problem.headers["content-type"]).toBe("application/problem+json");
    expect(problem.json()).toMatchObject({
      type: `urn:portcullis:error:${family.toLowerCase()}`,
      title: CATALOGUE[code].message,
      status,
      code: family,
      reason,
      request_id: problem.requestId,
    });
  });

  test("each of these is on record once, with its stage and code", async () => {
    await gateway.check();
    const lines = gateway.logLines();
    for (const [row, { answer, problem }] of seen)
      for (const { requestId } of [answer, problem]) {
        const own = lines.filter((line) => line["request_id"] === requestId);
        expect(own, row.name).toHaveLength(1);
        expect(own[0], row.name).toMatchObject({
          msg: "request",
          status: row.status,
          decision: row.status >= 500 ? "error" : "deny",
          stage: stageOf(row),
          code: row.code,
        });
      }
    expect(seen.size).toBe(rows.length);
  });
});

function expectHeaders({ headers, status }: Answer, row: RefusalCase, transport: Transport): void {
  for (const name of SECURITY_HEADERS) expect(headers, name).toHaveProperty(name);
  expect(headers["cache-control"]).toBe("no-store");
  expect("strict-transport-security" in headers).toBe(transport !== "http/1.1");
  for (const name of ["server", "x-powered-by"]) expect(headers).not.toHaveProperty(name);
  if (status === 429 || status === 503) expect(headers["retry-after"]).toMatch(/^[1-9]\d*$/);
  else expect(headers).not.toHaveProperty("retry-after");
  for (const [name, pattern] of Object.entries(row.headers ?? {}))
    expect(String(headers[name]), name).toMatch(pattern);
  if (status === 401) expect(headers).toHaveProperty("www-authenticate");
}
