/** `portcullis run` with several workers: how it starts, takes a changed configuration, and ends. */
import { createServer } from "node:net";
import { availableParallelism } from "node:os";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createSigningKeyPem } from "../../src/ledger/signing-key.ts";
import { Command } from "../cli/command.ts";
import { configurationFolder } from "../cli/configuration-folder.ts";
import { baseConfiguration, layOver, type Settings } from "../support/gateway-configuration.ts";
import { answerJson, PREDICTION } from "../support/recording-upstream.ts";
import { createTokenIssuer } from "../support/token-issuer.ts";
import { until } from "../support/until.ts";
import { SteadyLoad } from "./steady-load.ts";
import { isRunning, startWorkers } from "./workers-gateway.ts";

const PATIENCE_MS = 40_000;
// Each test starts several processes.
vi.setConfig({ testTimeout: 180_000 });

function folderWith(over: Settings) {
  return configurationFolder({
    "portcullis.yaml": layOver(
      layOver(baseConfiguration("http://127.0.0.1:9", ["plain"]), {
        workers: 3,
        telemetry: { log: { destination: "stdout" } },
      }),
      over,
    ),
    "jwks.json": createTokenIssuer().jwks,
    "ledger.key": createSigningKeyPem(),
  });
}

describe("a start that fails", () => {
  test("says what is wrong with the configuration once, and starts nobody", async () => {
    const { configPath } = folderWith({ waff: {} });
    const { code, stdout, stderr } = await new Command(["run", "--config", configPath]).finished();
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/waff/);
    expect(stderr.match(/error: /g)).toHaveLength(1);
  });

  test("because an address is taken says so once, and leaves no process", async () => {
    const taken = createServer();
    await new Promise<void>((done) => taken.listen(0, "127.0.0.1", done));
    onTestFinished(() => void taken.close());
    const { port } = taken.address() as { port: number };
    const { configPath } = folderWith({
      listeners: [{ name: "plain", bind: `127.0.0.1:${port}` }],
    });
    const process = new Command(["run", "--config", configPath]);
    const { code, stderr } = await process.finished();
    expect(code).toBe(1);
    expect(stderr.match(/another program listens there/g)).toHaveLength(1);
    expect(stderr).not.toContain("    at ");
  });
});

test("auto starts a worker for each core", async () => {
  const gateway = await startWorkers({ workers: "auto" });
  expect(gateway.pids()).toHaveLength(availableParallelism());
});

test("each SIGHUP under load takes the new configuration in every worker, and no request is lost", async () => {
  const gateway = await startWorkers({ workers: 2 });
  const headers = ["X-Quota-A", "X-Quota-B"];
  const load = new SteadyLoad({
    lanes: Array.from({ length: 6 }, () => ({
      origin: gateway.origin,
      transport: "http/1.1" as const,
    })),
    request: () => ({ path: "/churn/v2/predict", headers: gateway.headers(), body: "{}" }),
    fault: ({ status, text }) =>
      status === 200 && text === PREDICTION ? undefined : `${status} ${text}`,
  });
  for (const header of [...headers, ...headers]) {
    gateway.configure({ limits: { header } });
    gateway.process.signal("SIGHUP");
    let seen = 0;
    await until(
      `${header} is shown by all`,
      async () => {
        const shown = (await gateway.predict()).headers[`${header.toLowerCase()}-limit`];
        seen = shown === undefined ? 0 : seen + 1;
        return seen === 9;
      },
      PATIENCE_MS,
    );
  }
  await load.stop();
  expect(load.faults).toEqual([]);
  expect((await gateway.operator("GET", "/readyz")).status).toBe(200);
});

test("a broken file on SIGHUP leaves every worker on the old configuration, and is told by the primary", async () => {
  const gateway = await startWorkers({ workers: 2 });
  gateway.folder.write("portcullis.yaml", "version: 1\nwaff: {}\n");
  gateway.process.signal("SIGHUP");
  const said = await gateway.process.line(
    ({ msg, worker }) => worker === undefined && String(msg).includes("configuration was refused"),
  );
  expect(JSON.stringify(said)).toContain("waff");
  for (let i = 0; i < 4; i++) expect((await gateway.predict()).status).toBe(200);
  expect((await gateway.operator("GET", "/readyz")).status).toBe(200);
  expect(
    await gateway.metric("portcullis_config_reloads_total", { result: "failure" }),
  ).toBeGreaterThan(0);
});

describe("SIGTERM", () => {
  test("under way requests are answered, by every worker, and all end", async () => {
    const gateway = await startWorkers({ workers: 2 });
    const pids = gateway.pids();
    const held: (() => void)[] = [];
    gateway.upstream.answer(async (request, response) => {
      await new Promise<void>((release) => held.push(release));
      await answerJson(PREDICTION)(request, response);
    });
    const answers = Array.from({ length: 9 }, () => gateway.predict());
    await until("all are under way", () => held.length === 9, PATIENCE_MS);
    gateway.process.signal("SIGTERM");
    await until(
      "it says that it drains",
      async () => (await gateway.operator("GET", "/readyz")).text.includes("draining"),
      PATIENCE_MS,
    );
    for (const release of held) release();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(
      Array.from({ length: 9 }, () => 200),
    );
    expect((await gateway.process.finished()).code).toBe(0);
    expect(pids.some(isRunning)).toBe(false);
  });

  test("requests that outlast the deadline are cut, and it ends with 1", async () => {
    const gateway = await startWorkers({
      workers: 2,
      config: { server: { limits: { drainDeadline: "300ms" } } },
    });
    gateway.upstream.answer(() => undefined);
    const answers = Array.from({ length: 4 }, () => gateway.predict().catch(() => "lost"));
    await until("all are under way", () => gateway.upstream.received.length === 4, PATIENCE_MS);
    gateway.process.signal("SIGTERM");
    expect((await gateway.process.finished()).code).toBe(1);
    const drained = gateway.process
      .lines()
      .find(({ msg, worker }) => msg === "drained" && worker === undefined);
    expect(drained).toMatchObject({ cut_connections: 4 });
    await Promise.all(answers);
  });

  test("a second one ends everything at once", async () => {
    const gateway = await startWorkers({ workers: 2 });
    const pids = gateway.pids();
    gateway.upstream.answer(() => undefined);
    const answers = Array.from({ length: 4 }, () => gateway.predict().catch(() => "lost"));
    await until("all are under way", () => gateway.upstream.received.length === 4, PATIENCE_MS);
    gateway.process.signal("SIGTERM");
    await gateway.process.line(({ msg }) => msg === "draining");
    gateway.process.signal("SIGTERM");
    expect((await gateway.process.finished()).code).toBe(1);
    await Promise.all(answers);
    await until("no worker is left", () => !pids.some(isRunning), PATIENCE_MS);
  });

  test("that reaches every process of the group at once drains all the same", async () => {
    const gateway = await startWorkers({ workers: 2 });
    const pids = gateway.pids();
    const held: (() => void)[] = [];
    gateway.upstream.answer(async (request, response) => {
      await new Promise<void>((release) => held.push(release));
      await answerJson(PREDICTION)(request, response);
    });
    const answers = Array.from({ length: 4 }, () => gateway.predict());
    await until("all are under way", () => held.length === 4, PATIENCE_MS);
    for (const pid of pids) process.kill(pid, "SIGTERM");
    gateway.process.signal("SIGTERM");
    await gateway.process.line(({ msg, worker }) => msg === "draining" && worker === undefined);
    for (const release of held) release();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect((await gateway.process.finished()).code).toBe(0);
  });
});
