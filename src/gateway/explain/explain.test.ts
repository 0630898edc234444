import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../pipeline/stage.ts";
import { openEmbeddedKeyStore } from "../../stores/keys/embedded-key-store.ts";
import type { KeyStore } from "../../stores/keys/key-store.ts";
import type { Configuration } from "../configuration.ts";
import { readTold, type ToldRequest } from "./explain-told.ts";
import { explain } from "./explain.ts";
import { STAGES_IN_ORDER } from "./explain-rows.ts";
import { prepareGeneration } from "../prepare.ts";
import {
  createTrafficWorld,
  record,
  trafficOf,
  UNCOUNTED,
  type Traffic,
  type TrafficWorld,
} from "../replay/replay-traffic.test-support.ts";
import { SourceMemory } from "../../stages/sources/source-memory.ts";
import { MemoryLimitStore } from "../../stores/limits/memory-limit-store.ts";

let world: TrafficWorld;
let configuration: Configuration;
let keys: KeyStore;

beforeAll(async () => {
  world = createTrafficWorld();
  configuration = await world.read(() => UNCOUNTED);
  keys = openEmbeddedKeyStore({
    path: join(world.folder, "portcullis.db"),
    clock: SYSTEM_CLOCK,
    isWatching: false,
  });
});

afterAll(() => {
  keys.close();
  world.close();
});

const toldOf = ({ method, path, headers, body }: Traffic): ToldRequest =>
  readTold(Buffer.from(JSON.stringify({ method, url: path, headers, body })));

describe("an explanation", () => {
  test("says of any request what the gateway then does with it", async () => {
    // What a file cannot tell, it cannot explain: certificates, breaking connections, and what upstreams answer.
    const traffic = [...trafficOf(world, 400, 3)].filter(
      (one) =>
        !one.certificate && !one.listenerRefusal && one.wire === "whole" && one.upstream === "ok",
    );
    expect(traffic.length).toBeGreaterThan(300);
    const recorded = await record(world, configuration, traffic);
    const seen = new Set<string>();
    for (const [index, one] of traffic.entries()) {
      const told = toldOf(one);
      const { end, rows, upstream } = await explain(told, configuration, {
        keys,
        address: one.address,
      });
      const { stage, code } = JSON.parse(`{${recorded[index]?.members}}`) as typeof end;
      const about = `${one.id} ${one.method} ${one.path}`;
      expect({ stage: end.stage, code: end.code }, about).toEqual({ stage, code });
      expect(upstream !== undefined, about).toBe(stage === "upstream");
      const decided = rows.filter(({ verdict }) =>
        ["refused", "answered", "failed"].includes(verdict),
      );
      expect(
        decided.map((row) => [row.stage, row.code]),
        about,
      ).toEqual(stage === "upstream" ? [] : [[stage, code]]);
      seen.add(stage);
    }
    expect([...seen].sort((a, b) => (a < b ? -1 : 1))).toEqual([
      "authorization",
      "contract",
      "headers",
      "identity",
      "kill-switch",
      "router",
      "sources",
      "upstream",
    ]);
  });

  test("lists the stages in the order of the poster", async () => {
    const tools = {
      clock: SYSTEM_CLOCK,
      limitStore: new MemoryLimitStore(),
      sources: new SourceMemory(),
      keys,
    };
    const generation = await prepareGeneration(configuration, tools);
    for (const { path } of trafficOf(world, 200)) {
      const { head, body, response } = generation.find(path)?.value ?? generation.unmatched;
      const order = [...new Set([...head, ...body, ...response].map(({ stage }) => stage))];
      expect(STAGES_IN_ORDER.filter((stage) => order.includes(stage))).toEqual(order);
    }
    await generation.close();
  });

  test("of a body shorter than told says that it is not whole", async () => {
    const authorization = `Bearer ${world.issuer.mint()}`;
    const headers = { authorization, "content-type": "application/json", "content-length": "9" };
    const told = readTold(
      Buffer.from(
        JSON.stringify({ method: "POST", url: "/churn/v1/predict", headers, body: "{}" }),
      ),
    );
    const { end, rows } = await explain(told, configuration, { keys });
    expect(end).toEqual({
      decision: "deny",
      status: 400,
      stage: "listener",
      code: "listener.body_incomplete",
    });
    expect(rows.find(({ verdict }) => verdict === "refused")).toMatchObject({
      stage: "listener",
      pass: "body",
      why: "2 of 9 bytes are told",
    });
  });

  test.each([
    ["a path with two readings", { url: "/a/%2e%2e/b" }, "listener.invalid_url"],
    ["a method nobody serves", { method: "TRACE", url: "/health" }, "listener.method_refused"],
    ["two hosts", { url: "/health", headers: { Host: ["a", "b"] } }, "listener.invalid_host"],
  ])("of %s says that no stage would be asked", async (_name, request, code) => {
    const told = readTold(Buffer.from(JSON.stringify(request)));
    const { end, rows } = await explain(told, configuration, { keys });
    expect(end).toMatchObject({ stage: "listener", code });
    expect(
      rows.slice(1).every(({ verdict }) => verdict === "not_asked" || verdict === "not_here"),
    ).toBe(true);
  });
});
