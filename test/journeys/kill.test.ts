/** Kill switches through a whole gateway: at once, without a reload, over reloads, on record, and another version's turn. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { startGateway, type GatewayOptions, type TestGateway } from "../support/gateway.ts";
import { PACK_PUBLIC_PEM, packYaml, signedPack } from "../support/pack.ts";
import { until } from "../support/until.ts";
import { runCommand } from "../cli/command.ts";
import type { KillView } from "../../src/admin/kill-pages.ts";
import type { Answer } from "../support/calling.ts";
import { open, shut } from "./kill-switched.ts";

/** Tests that start several processes, each of which takes seconds on a busy machine. */
const SLOW_MS = 120_000;

let gateway: TestGateway;

afterEach(async () => {
  await gateway.close();
});

async function start(options: GatewayOptions = {}): Promise<void> {
  gateway = await startGateway(options);
}

const predict = (version: string, claims: Record<string, unknown> = {}) =>
  gateway.call({
    path: `/churn/${version}/predict`,
    headers: gateway.allowed(claims),
    body: '{"tenure":12}',
  });

interface Said {
  readonly ok: boolean;
  readonly code?: string;
  readonly warnings?: readonly string[];
  readonly switch?: KillView;
  readonly switches?: readonly KillView[];
}

async function operator(path: string, body?: object): Promise<{ status: number; json: Said }> {
  const answer = await fetch(`${gateway.operatorOrigin}${path}`, {
    ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
  });
  return { status: answer.status, json: (await answer.json()) as Said };
}

const reasonOf = (answer: Answer): string => answer.json().error.details.reason;

describe("a kill switch", () => {
  test("shuts and opens a version without a reload, and leaves the others alone", async () => {
    await start();
    expect((await predict("v2")).status).toBe(200);
    const one = await shut(gateway, { scope: { model: "churn", version: "v2" } });
    gateway.expectServerErrors("kill-switch.killed");
    const refused = await predict("v2");
    expect(refused.status).toBe(503);
    expect(reasonOf(refused)).toBe("kill-switch.killed");
    expect(refused.text).not.toContain("out of order");
    expect((await gateway.lineOf(refused))["cause"]).toContain(one.id);
    expect((await predict("v1")).status).toBe(200);
    expect(gateway.upstream.received).toHaveLength(2);
    await open(gateway, one);
    expect((await predict("v2")).status).toBe(200);
  });

  test("holds over a reload, and shuts what a reload brings", async () => {
    await start();
    await shut(gateway, { scope: { model: "churn", version: "v3" } });
    await shut(gateway, { scope: { model: "churn", version: "v2" } });
    gateway.configure({
      models: { churn: { versions: { v3: { upstream: "model" } } } },
    });
    expect(await gateway.portcullis.reload()).toBe(true);
    gateway.expectServerErrors("kill-switch.killed");
    expect((await predict("v3")).status).toBe(503);
    expect((await predict("v2")).status).toBe(503);
    expect((await predict("v1")).status).toBe(200);
  });

  test("shuts a caller out behind the proof of who it is, and before it costs a quota", async () => {
    await start({ config: { limits: { default: { quota: { day: 1 } } } } });
    const one = await shut(gateway, { scope: { tenant: "retail", model: "churn" } });
    for (let i = 0; i < 3; i++)
      expect(reasonOf(await predict("v2"))).toBe("kill-switch.caller_killed");
    expect((await predict("v2", { exp: 1 })).status).toBe(401);
    await open(gateway, one);
    expect((await predict("v2")).status).toBe(200);
  });

  test("expires by itself", async () => {
    await start();
    await shut(gateway, { scope: { provider: "model" }, expiresAtMs: Date.now() + 1_000 });
    gateway.expectServerErrors("kill-switch.killed");
    const refused = await predict("v1");
    if (refused.status === 503) expect(Number(refused.headers["retry-after"])).toBe(1);
    await until("it serves again", async () => (await predict("v1")).status === 200, 10_000);
    await until("it is on record", () =>
      gateway.record.lines().some(({ kind, event }) => kind === "kill" && event === "expired"),
    );
  });

  test("is on record, in the log and in the metrics", async () => {
    await start();
    const one = await shut(gateway, { scope: { model: "churn", version: "v2" } });
    await open(gateway, one);
    const kills = () => gateway.record.lines().filter(({ kind }) => kind === "kill");
    await until("both are on record", () => kills().length === 2);
    expect(kills()).toMatchObject([
      {
        event: "on",
        id: one.id,
        scope: { model: "churn", version: "v2" },
        reason: "out of order",
        author: "ana",
        by: "ana",
        created: new Date(one.createdAtMs).toISOString(),
      },
      { event: "off", id: one.id, by: "ben" },
    ]);
    const said = gateway.logLines().map(({ msg }) => msg);
    expect(said).toContain("a kill switch is on");
    expect(said).toContain("a kill switch was taken off");
    expect(await gateway.metric("portcullis_kill_switches")).toBe(0);
    expect(await gateway.metric("portcullis_kill_propagation_seconds_count")).toBe(2);
  });
});

describe("another version's turn", () => {
  test("v1 answers for v2: its path, said in the answer and on record, decided as v2", async () => {
    await start({
      config: (upstream) => ({
        upstreams: { old: { targets: [upstream], timeout: "5s" } },
        models: { churn: { versions: { v1: { upstream: "old" } } } },
        authorization: {
          grants: [{ name: "v2-alone", caller: "core-banking", model: "churn", version: "v2" }],
        },
      }),
    });
    expect((await predict("v1")).status).toBe(403);
    await shut(gateway, { scope: { model: "churn", version: "v2" }, routeTo: "v1" });
    const answer = await predict("v2");
    expect(answer.status).toBe(200);
    expect(answer.headers["x-portcullis-served-version"]).toBe("v1");
    expect(gateway.upstream.received.at(-1)?.target).toBe("/churn/v1/predict");
    expect(await gateway.lineOf(answer)).toMatchObject({ version: "v2", routed_to: "v1" });
    const decision = gateway.record.decisionOf(answer.requestId);
    expect(decision).toMatchObject({
      version: "v2",
      facts: { standing: "active", routed_to: "v1" },
      upstream: { name: "old" },
    });
    expect((await predict("v1")).status).toBe(403);
  });

  test("a version that is not there, or shut as well, never means the one that is shut", async () => {
    await start();
    const one = await shut(gateway, {
      scope: { model: "churn", version: "v2" },
      routeTo: "v9",
    });
    gateway.expectServerErrors("kill-switch.killed");
    expect((await predict("v2")).status).toBe(503);
    await open(gateway, one);
    await shut(gateway, { scope: { model: "churn", version: "v2" }, routeTo: "v1" });
    await shut(gateway, { scope: { model: "churn", version: "v1" }, routeTo: "v2" });
    expect((await predict("v2")).status).toBe(503);
    expect((await predict("v1")).status).toBe(503);
    expect(gateway.upstream.received).toHaveLength(0);
  });
});

describe("a policy", () => {
  test("that is shut refuses what it would decide about, until another one is active", async () => {
    const one = signedPack(packYaml(1), "1");
    await start({
      files: { "pack.json": one.signature, "policy.yaml": one.yaml, "pack.pem": PACK_PUBLIC_PEM },
      config: {
        constitution: {
          signature: "file:pack.json",
          rules: "file:policy.yaml",
          form: "pack_json",
          keys: ["file:pack.pem"],
        },
      },
    });
    const staff = { groups: ["staff"] };
    expect((await predict("v2", staff)).status).toBe(200);
    await shut(gateway, { scope: { policy: "2" } });
    expect((await predict("v2", staff)).status).toBe(200);
    await shut(gateway, { scope: { policy: "1" } });
    gateway.expectServerErrors("kill-switch.killed");
    expect((await predict("v2", staff)).status).toBe(503);
    const two = signedPack(packYaml(2), "2");
    writeFileSync(join(gateway.folder, "pack.json"), two.signature);
    writeFileSync(join(gateway.folder, "policy.yaml"), two.yaml);
    expect(await operator("/_reload", {})).toMatchObject({ status: 200 });
    expect((await predict("v2", staff)).status).toBe(503);
    for (const { id } of (await operator("/kill")).json.switches ?? [])
      await operator("/kill/off", { id, by: "ana" });
    expect((await predict("v2", staff)).status).toBe(200);
  });
});

describe("the operator's address", () => {
  test("puts on, lists and takes off, at once", async () => {
    await start();
    const on = await operator("/kill", {
      model: "churn",
      version: "v2",
      reason: "drill",
      by: "ana",
      for_sec: 600,
    });
    expect(on).toMatchObject({ status: 200, json: { ok: true, warnings: [] } });
    gateway.expectServerErrors("kill-switch.killed");
    expect((await predict("v2")).status).toBe(503);
    expect((await operator("/kill")).json).toEqual({ ok: true, switches: [on.json.switch] });
    const id = on.json.switch?.id;
    expect(await operator("/kill/off", { id, by: "ana" })).toMatchObject({ status: 200 });
    expect((await predict("v2")).status).toBe(200);
    expect(await operator("/kill/off", { id, by: "ana" })).toMatchObject({
      status: 404,
      json: { code: "kill.unknown" },
    });
  });

  test(
    "is asked by the command line where it is told to",
    async () => {
      await start();
      const ask = (...args: string[]) =>
        runCommand(["kill", ...args, "--operator", gateway.operatorOrigin]);
      const on = await ask(
        "on",
        "--model",
        "churm",
        "--reason",
        "drill",
        "--by",
        "ana",
        "--for",
        "1h",
      );
      expect(on).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^on \w{8} {2}model churm {2}\S+Z {2}ana /),
      });
      expect(on.stderr).toMatch(/^warning: the configuration has no model "churm"/);
      const id = on.stdout.split(" ")[1] ?? "";
      expect((await ask("list")).stdout).toContain(id);
      expect(await ask("off", id)).toEqual({ code: 0, stdout: `off ${id}\n`, stderr: "" });
      expect(await ask("off", id)).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^refused: kill.unknown/),
      });
      expect((await ask("list")).stdout).toBe("no kill switches\n");
    },
    SLOW_MS,
  );

  test("says what the configuration does not have, and takes it", async () => {
    await start();
    const { json } = await operator("/kill", { model: "churm", reason: "drill", by: "ana" });
    expect(json.warnings).toEqual([
      'the configuration has no model "churm": it shuts nothing until there is one',
    ]);
    expect((await operator("/kill")).json.switches).toHaveLength(1);
  });
});
