/** Source protection on a whole gateway: lists that are read again, blocks, failed credentials, and copying a model. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { startGateway, type GatewayOptions, type TestGateway } from "../support/gateway.ts";
import { until } from "../support/until.ts";

const PREDICT = "/churn/v2/predict";
const BEHIND_PROXY = { trustedProxies: ["127.0.0.1/32"] };

let gateway: TestGateway | undefined;
afterEach(async () => {
  const running = gateway;
  gateway = undefined;
  await running?.close();
});

async function start(options: GatewayOptions): Promise<TestGateway> {
  return (gateway = await startGateway(options));
}

/** A prediction asked by a caller behind the trusted proxy. */
const ask = (running: TestGateway, address: string, headers = {}, body = '{"tenure":12}') =>
  running.call({
    path: PREDICT,
    headers: { ...running.allowed(), "x-forwarded-for": address, ...headers },
    body,
  });

const forged = { authorization: "Bearer bm90.YQ.dG9rZW4" };

describe("reputation lists", () => {
  const config = {
    ...BEHIND_PROXY,
    sources: {
      lists: {
        scanners: { networks: "file:scanners.txt", action: "deny" },
        clouds: { networks: "file:clouds.txt", action: "mark" },
        exits: { networks: ["198.51.100.0/24"], action: "throttle", rate: "1/5m" },
      },
    },
  };
  const files = { "scanners.txt": "192.0.2.0/28\n", "clouds.txt": "203.0.113.0/24\n" };

  test("refuse, mark and throttle; each is on record and counted", async () => {
    const running = await start({ config, files });
    const denied = await ask(running, "192.0.2.1");
    expect(denied.json().error.details.reason).toBe("sources.address_denied");
    const seen = await ask(running, "203.0.113.9");
    expect(seen.status).toBe(200);
    expect(await running.lineOf(seen)).toMatchObject({ marks: ["clouds"] });
    expect(running.record.decisionOf(seen.requestId)["facts"]).toMatchObject({ marks: ["clouds"] });
    expect((await ask(running, "198.51.100.1")).status).toBe(200);
    const throttled = await ask(running, "198.51.100.1");
    expect([throttled.status, throttled.json().error.details.reason]).toEqual([
      429,
      "sources.rate_exceeded",
    ]);
    const refusals = "portcullis_source_list_refusals_total";
    expect(await running.metric(refusals, { list: "scanners" })).toBe(1);
    expect(await running.metric(refusals, { list: "exits" })).toBe(1);
  });

  test("are read again when their file changes", async () => {
    const running = await start({ config, files });
    expect((await ask(running, "192.0.2.200")).status).toBe(200);
    writeFileSync(join(running.folder, "scanners.txt"), "192.0.2.0/24\n");
    await until(
      "the new list is in force",
      async () => (await ask(running, "192.0.2.200")).status === 403,
      60_000,
    );
  });

  test("that cannot be read leave the old one in force", async () => {
    const running = await start({ config, files });
    writeFileSync(join(running.folder, "scanners.txt"), "evil.example\n");
    expect(await running.portcullis.reload()).toBe(false);
    expect((await ask(running, "192.0.2.1")).status).toBe(403);
  });
});

test("a source that is refused again and again is blocked, valid credentials or not, and its neighbours are not", async () => {
  const config = { ...BEHIND_PROXY, sources: { blocks: { after: "5/5m" } } };
  const running = await start({ config });
  for (let i = 0; i < 5; i++)
    expect((await ask(running, "192.0.2.1", { authorization: forged.authorization })).status).toBe(
      401,
    );
  const blocked = await ask(running, "192.0.2.1");
  expect(blocked.status).toBe(429);
  expect(blocked.json().error.details.reason).toBe("sources.blocked");
  const wait = Number(blocked.headers["retry-after"]);
  expect(wait).toBeGreaterThan(0);
  expect(wait).toBeLessThanOrEqual(60);
  expect((await running.lineOf(blocked)).code).toBe("sources.blocked");
  expect((await ask(running, "192.0.2.2")).status).toBe(200);
  expect(await running.metric("portcullis_sources_blocked")).toBe(1);
  expect(await running.metric("portcullis_source_blocks_total")).toBe(1);
  expect(await running.portcullis.reload()).toBe(true);
  expect((await ask(running, "192.0.2.1")).json().error.details.reason).toBe("sources.blocked");
});

test("an address in the place of another buys no new chances: only the trusted proxy's word counts", async () => {
  const running = await start({ config: { sources: { blocks: { after: "5/5m" } } } });
  for (let i = 0; i < 20; i++) await ask(running, `192.0.2.${i}`, forged);
  // Without a trusted proxy all of them are the loopback address, which is never blocked.
  expect(await running.metric("portcullis_sources_blocked")).toBe(0);
  expect((await ask(running, "192.0.2.1")).status).toBe(200);
});

test("where too many credentials have failed the next is not even looked at", async () => {
  const config = {
    ...BEHIND_PROXY,
    sources: { failedAuthentications: "3/5m", blocks: { mode: "off" } },
  };
  const running = await start({ config });
  for (let i = 0; i < 3; i++) expect((await ask(running, "192.0.2.1", forged)).status).toBe(401);
  const refused = await ask(running, "192.0.2.1");
  expect(refused.status).toBe(429);
  expect(refused.json().error.details.reason).toBe("sources.too_many_failures");
  expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
  expect(await running.lineOf(refused)).toMatchObject({ stage: "sources", client_id: null });
  expect((await ask(running, "192.0.2.2")).status).toBe(200);
});

test("a caller that sweeps over a feature is scored, then shut out of the model, by any of its versions", async () => {
  const extraction = { block: { at: 0.9, for: "10m" } };
  const running = await start({ config: { sources: { extraction } } });
  const predict = (income: number, path = PREDICT) =>
    running.call({
      path,
      headers: running.allowed(),
      body: JSON.stringify({ tenure: 12, monthly: 70.35, total: 844.2, income }),
    });
  const first = await predict(1_000);
  expect((await running.lineOf(first))["extraction"]).toMatchObject({ score: 0, inputs: 1 });
  expect(running.record.decisionOf(first.requestId)["facts"]).toMatchObject({
    extraction: { score: 0 },
  });
  let answer = first;
  for (let i = 1; i < 300 && answer.status === 200; i++) answer = await predict(1_000 + 100 * i);
  expect(answer.status).toBe(429);
  expect(answer.json().error.details.reason).toBe("sources.extraction_suspected");
  expect(Number(answer.headers["retry-after"])).toBe(600);
  expect(answer.text).not.toContain("score");
  expect(await running.lineOf(answer)).toMatchObject({
    stage: "extraction",
    code: "sources.extraction_suspected",
  });
  expect((await predict(1, "/churn/v1/predict")).status).toBe(429);
  expect(
    await running.metric("portcullis_extraction_score_count", { model: "churn" }),
  ).toBeGreaterThan(60);
});
