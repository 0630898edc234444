/** The ledger as an operator sees it: what is on record, when, and that nothing is said or sent without it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { Salts, SALTS_FILE } from "../../src/ledger/salts.ts";
import { verifyCommitment } from "../../src/ledger/commitment.ts";
import { startGateway, type GatewayOptions, type TestGateway } from "../support/gateway.ts";
import { ISSUER } from "../support/token-issuer.ts";
import { until } from "../support/until.ts";

const PREDICT = "/churn/v2/predict";

let gateway: TestGateway | undefined;
afterEach(async () => {
  const ended = gateway;
  gateway = undefined;
  await ended?.close();
});

async function start(options: GatewayOptions = {}): Promise<TestGateway> {
  gateway = await startGateway(options);
  return gateway;
}

const withLedger = (settings: object): GatewayOptions => ({ config: { ledger: settings } });

describe.each(["strict", "group", "async"])("durability %s", (durability) => {
  test("what was allowed and what was refused is on record once, with who, what and why", async () => {
    const running = await start(withLedger({ durability }));
    const allowed = await running.call({ path: PREDICT, headers: running.allowed(), body: "{}" });
    const refused = await running.call({ path: PREDICT, body: "{}" });
    await until("both are on record", () =>
      [allowed, refused].every(({ requestId }) =>
        running.record.lines().some((line) => line.request_id === requestId),
      ),
    );
    expect(running.record.decisionOf(allowed.requestId)).toMatchObject({
      decision: "allow",
      status: 200,
      who: { method: "jwt", tenant: "retail" },
      model: "churn",
      version: "v2",
      upstream: { name: "model", attempts: 1 },
    });
    expect(running.record.decisionOf(refused.requestId)).toMatchObject({
      decision: "deny",
      status: 401,
      stage: "identity",
      code: "identity.credentials_missing",
      who: { method: "none" },
    });
  });
});

test("strict: the call is on disk while the upstream still works on it, its end comes after", async () => {
  let atTheUpstream: string[] = [];
  const running = await start(withLedger({ durability: "strict" }));
  running.upstream.answer((request, response) => {
    atTheUpstream = running.record.lines().map(({ kind, request_id: id }) => `${kind} ${id}`);
    response.end("{}");
  });
  const { requestId } = await running.call({
    path: PREDICT,
    headers: running.allowed(),
    body: "{}",
  });
  expect(atTheUpstream).toContain(`decision ${requestId}`);
  expect(running.record.lines().filter(({ kind }) => kind === "outcome")).toMatchObject([
    { of: requestId, status: 200, code: "ok" },
  ]);
});

test("group: when the caller has its answer the record is on disk", async () => {
  const running = await start();
  for (let i = 0; i < 20; i++) {
    const answer = await running.call({ path: PREDICT, headers: running.allowed(), body: "{}" });
    expect(running.record.decisionOf(answer.requestId).status).toBe(200);
  }
});

test("configurations that were taken and refused are on record, with their digests", async () => {
  const running = await start();
  running.configure({ sources: { rate: "5/5m" } });
  expect(await running.portcullis.reload()).toBe(true);
  writeFileSync(running.configPath, "version: 2\n");
  expect(await running.portcullis.reload()).toBe(false);
  await until("three are on record", () => reloads(running).length >= 3);
  const [first, second, third] = reloads(running);
  expect(first).toMatchObject({ result: "taken", trigger: "start" });
  expect(second).toMatchObject({ result: "taken", previous: first?.["config"] });
  expect(second?.["config"]).not.toBe(first?.["config"]);
  expect(third).toMatchObject({ result: "refused", config: second?.["config"] });
});

const reloads = (running: TestGateway) =>
  running.record.lines().filter(({ kind }) => kind === "reload");

test("what another process does to API keys is on record, without the key", async () => {
  const running = await start();
  const key = running.keys().create({ name: "nightly", owner: "batch", tenant: "retail" });
  running.keys().revoke(key.record.id);
  await until(
    "both events are on record",
    () => running.record.lines().filter(({ kind }) => kind === "key").length === 2,
  );
  expect(running.record.lines().filter(({ kind }) => kind === "key")).toMatchObject([
    { event: "create", key_id: key.record.id, owner: "batch", tenant: "retail" },
    { event: "revoke", key_id: key.record.id },
  ]);
  expect(running.record.text()).not.toContain(key.reveal());
});

test("a body can be checked against its commitment, until its subject's salt is erased", async () => {
  const running = await start({
    ...withLedger({ subjects: "hashed" }),
    answer: (_, response) => void response.end('{"churn":0.5}'),
  });
  const body = '{"age":42}';
  const { requestId } = await running.call({
    path: PREDICT,
    headers: running.allowed({ sub: "alice" }),
    body,
  });
  const line = running.record.decisionOf(requestId);
  const { request, response, salt: id } = line["commitments"] as Record<string, string>;
  const salts = new Salts({ path: join(running.folder, "ledger", SALTS_FILE), use: "command" });
  const salt = salts.find(id as string);
  if (!salt) throw new Error("no salt");
  expect(verifyCommitment(salt, Buffer.from(body), request as string)).toBe(true);
  expect(verifyCommitment(salt, Buffer.from('{"churn":0.5}'), response as string)).toBe(true);
  expect(running.record.text()).not.toMatch(/alice|"age"/);
  expect(salts.erase(`${ISSUER} alice`)).toBe(true);
  expect(salts.find(id as string)).toBeUndefined();
  salts.close();
  await until("the erasure is on record, by the salt's id alone", () =>
    running.record.lines().some((said) => said.kind === "erasure" && said["salt"] === id),
  );
});

test("a second gateway on the same ledger does not start, and says what to do", async () => {
  const running = await start();
  await expect(startAgain(running)).rejects.toThrow(/ledger/);
});

async function startAgain(running: TestGateway): Promise<unknown> {
  const { startPortcullis } = await import("../../src/cli/portcullis.ts");
  return startPortcullis(running.source);
}

test("a ledger directory that cannot be made: the gateway does not start", async () => {
  await expect(
    startGateway({
      files: { blocked: "a file where the folder should be" },
      config: { ledger: { directory: "blocked/ledger" } },
    }),
  ).rejects.toThrow(/ledger|directory/);
});

test.each([
  ["before its decision is on record", 1],
  ["while it is being sent", 100],
])("a stream that breaks %s: how it ended is on record too", async (_, afterMs) => {
  const running = await start({
    answer: (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 1\n\n");
      setTimeout(() => response.destroy(), afterMs);
    },
  });
  await running.call({ path: PREDICT, headers: running.allowed(), body: "{}" }).catch(() => {});
  await until("the end is on record", () =>
    running.record.lines().some(({ kind }) => kind === "outcome"),
  );
  const outcome = running.record.lines().find(({ kind }) => kind === "outcome");
  expect(outcome).toMatchObject({ code: "upstream.connection_lost" });
  expect(running.record.decisionOf(outcome?.of as string)).toMatchObject({
    code: "upstream.connection_lost",
  });
  running.expectServerErrors("upstream.connection_lost");
});
