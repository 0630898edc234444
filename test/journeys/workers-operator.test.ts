/** The operator of several workers sees one gateway: its metrics add up, and what is ordered holds in every process. */
import { expect, test, vi } from "vitest";
import { runCommand } from "../cli/command.ts";
import { startWorkers, type WorkersGateway } from "../faults/workers-gateway.ts";
import { PACK_PUBLIC_PEM, packYaml, signedPack } from "../support/pack.ts";
import { until } from "../support/until.ts";

const PATIENCE_MS = 40_000;
// Each test starts several processes.
vi.setConfig({ testTimeout: 180_000 });
const ONE = signedPack(packYaml(1), "1");
const TWO = signedPack(packYaml(2), "2");

const governed = (workers: number): Promise<WorkersGateway> =>
  startWorkers({
    workers,
    files: { "pack.json": ONE.signature, "policy.yaml": ONE.yaml, "pack.pem": PACK_PUBLIC_PEM },
    config: {
      constitution: {
        signature: "file:pack.json",
        rules: "file:policy.yaml",
        form: "pack_json",
        keys: ["file:pack.pem"],
        breakGlass: {},
      },
    },
  });

const packOf = async (gateway: WorkersGateway, worker: number): Promise<string> => {
  const { text } = await gateway.operator("GET", `/_constitution?worker=${worker}`);
  return /"active":\{[^}]*"blake3":"(?<hash>[^"]+)"/.exec(text)?.groups?.["hash"] ?? text;
};

/** Statuses of as many calls as there are workers, each on a connection of its own: one reaches each. */
const statusesOf = (gateway: WorkersGateway, workers: number, claims: object) =>
  Promise.all(
    Array.from({ length: workers }, async () => (await gateway.predict({ ...claims })).status),
  );

test("metrics are those of all workers together", async () => {
  const gateway = await startWorkers({ workers: 3 });
  for (let i = 0; i < 12; i++) expect((await gateway.predict()).status).toBe(200);
  const labels = { route: "churn.v2.predict", code: "ok" };
  await until(
    "all are counted",
    async () => (await gateway.metric("portcullis_requests_total", labels)) === 12,
  );
  expect(await gateway.metric("portcullis_request_duration_seconds_count")).toBe(12);
  expect(await gateway.metric("portcullis_workers", { state: "ready" })).toBe(3);
  expect(await gateway.metric("portcullis_worker_restarts_total")).toBe(0);
  expect(await gateway.metric("portcullis_build_info")).toBe(1);
  const served = gateway.process
    .lines()
    .filter(({ msg }) => msg === "request")
    .map(({ worker }) => worker);
  expect(new Set(served)).toEqual(new Set([1, 2, 3]));
});

test("a promotion and a rollback happen in every worker", async () => {
  const gateway = await governed(3);
  gateway.folder.write("pack.next.json", TWO.signature);
  gateway.folder.write("policy.next.yaml", TWO.yaml);
  const order = async (path: string) => {
    const { status, text } = await gateway.operator("POST", path);
    return `${status} ${(JSON.parse(text) as { ok: boolean }).ok}`;
  };
  const packs = () => Promise.all([1, 2, 3].map((worker) => packOf(gateway, worker)));
  expect(await order("/_reload?stage=next")).toBe("200 true");
  expect(await order("/_promote")).toBe("200 true");
  expect(new Set(await packs())).toEqual(new Set([TWO.blake3]));
  const interns = { groups: ["interns"] };
  expect(await statusesOf(gateway, 3, interns)).toEqual([403, 403, 403]);
  expect(await order("/_promote")).toBe("422 false");
  expect(await order("/_rollback")).toBe("200 true");
  expect(new Set(await packs())).toEqual(new Set([ONE.blake3]));
  expect(await statusesOf(gateway, 3, interns)).toEqual([200, 200, 200]);
});

test("break-glass is on in every worker, also in one that starts later, and off in all", async () => {
  const gateway = await governed(2);
  const staff = { groups: ["staff"] };
  const emergency = async () => {
    const answers = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const headers = gateway.headers(staff);
        return (
          await fetch(`${gateway.origin}/churn/v1/predict`, { method: "POST", headers, body: "{}" })
        ).status;
      }),
    );
    return [...new Set(answers)];
  };
  const body = JSON.stringify({ ttl_sec: 300, reason: "test" });
  expect((await gateway.operator("POST", "/__breakglass", body)).status).toBe(200);
  expect(await emergency()).toEqual([200]);
  const [first = 0] = gateway.pids();
  process.kill(first, "SIGKILL");
  await until(
    "it serves again",
    async () =>
      (await gateway.operator("GET", "/readyz")).status === 200 && !gateway.pids().includes(first),
    PATIENCE_MS,
  );
  expect(await emergency()).toEqual([200]);
  expect((await gateway.operator("POST", "/__breakglass/clear")).status).toBe(200);
  expect(await emergency()).toEqual([403]);
});

test("a kill switch that one worker was told of holds in all", async () => {
  const gateway = await startWorkers({ workers: 3 });
  const order = JSON.stringify({ model: "churn", version: "v2", reason: "test", by: "test" });
  expect((await gateway.operator("POST", "/kill", order)).status).toBeLessThan(300);
  let refusals = 0;
  await until(
    "every worker refuses",
    async () => {
      refusals = (await gateway.predict()).status === 200 ? 0 : refusals + 1;
      return refusals === 9;
    },
    PATIENCE_MS,
  );
  const { text } = await gateway.operator("GET", "/kill");
  expect(text.match(/"model":"churn"/g)).toHaveLength(1);
});

test("each worker keeps a ledger of its own, and all verify", async () => {
  const gateway = await startWorkers({ workers: 2, config: { ledger: { gateway: "edge" } } });
  for (let i = 0; i < 6; i++) await gateway.predict();
  const streams = ["", "/worker-2"].map((name) => gateway.folder.at(`ledger${name}`));
  const lines = await Promise.all(
    [1, 2].map(async (worker) => {
      const { text } = await gateway.operator("GET", `/ledger?kind=decision&worker=${worker}`);
      return (JSON.parse(text) as { lines: unknown[] }).lines.length;
    }),
  );
  expect(lines.every((count) => count > 0)).toBe(true);
  expect(lines.reduce((sum, count) => sum + count)).toBe(6);
  gateway.process.signal("SIGTERM");
  expect((await gateway.process.finished()).code).toBe(0);
  for (const stream of streams) {
    const verified = await runCommand(["ledger", "verify", stream]);
    expect({ code: verified.code, stderr: verified.stderr }).toEqual({ code: 0, stderr: "" });
  }
  const joined = gateway.folder.at("fleet.note");
  const { code, stderr } = await runCommand([
    "ledger",
    "join",
    ...streams,
    "--key",
    gateway.folder.at("ledger.key"),
    "--output",
    joined,
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
});
