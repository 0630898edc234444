/** What an explanation tells of the constitution: of a request that never happened, and of one on record. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../pipeline/stage.ts";
import { openEmbeddedKeyStore } from "../../stores/keys/embedded-key-store.ts";
import type { KeyStore } from "../../stores/keys/key-store.ts";
import { rulesOf } from "../../stages/constitution/packs.test-support.ts";
import type { Configuration } from "../configuration.ts";
import { governedBy } from "../replay/governed-settings.test-support.ts";
import { readDecision } from "../replay/replay-record.ts";
import {
  createTrafficWorld,
  record,
  UNCOUNTED,
  type Traffic,
  type TrafficWorld,
} from "../replay/replay-traffic.test-support.ts";
import { recordedRows } from "./explain-record.ts";
import { readTold } from "./explain-told.ts";
import { explain } from "./explain.ts";

const RULES = rulesOf([
  ["deny_rates", "context.req.path ENDS_WITH '/rates'"],
  ["allow_health", "context.req.path == '/health'"],
]);

const SECURE = rulesOf([["allow_secure", "context.mtls.verified"]]);

let world: TrafficWorld;
let keys: KeyStore;

beforeAll(() => {
  world = createTrafficWorld();
  const path = join(world.folder, "portcullis.db");
  keys = openEmbeddedKeyStore({ path, clock: SYSTEM_CLOCK, isWatching: false });
});

afterAll(() => {
  keys.close();
  world.close();
});

/** One at a time: its pack lies in the world's folder. */
const under = (rules: string): Promise<Configuration> =>
  world.read(() => governedBy(rules, world, UNCOUNTED));

/** `/health` asks nobody who they are. */
const health = (path: string): Traffic => ({
  id: "r-1",
  method: "GET",
  path,
  headers: {},
  body: "",
  address: "10.0.0.9",
  certificate: false,
  listenerRefusal: undefined,
  wire: "whole",
  upstream: "ok",
});

async function explained(path: string, of: Configuration) {
  const told = readTold(Buffer.from(JSON.stringify({ method: "GET", url: path, headers: {} })));
  const { rows, end } = await explain(told, of, { keys, address: "10.0.0.9" });
  return { end, row: rows.find(({ stage }) => stage === "constitution") };
}

describe("of a request that never happened", () => {
  test("that the pack allows: by which of its parts", async () => {
    const { row, end } = await explained("/health", await under(RULES));
    expect(row).toMatchObject({
      verdict: "passed",
      knew: "pack p 1: allow_health by W_allow_health",
    });
    expect(end.decision).toBe("allow");
  });

  test("that it denies: which bit failed, and no word of that in the answer", async () => {
    const { row, end } = await explained("/health", await under(SECURE));
    expect(end).toMatchObject({
      stage: "constitution",
      code: "constitution.default_deny",
      status: 403,
    });
    expect(row).toMatchObject({
      verdict: "refused",
      why: "pack p 1: default_deny by W_allow_secure; P_allow_secure is undefined",
    });
  });

  test("without a constitution there is no row of it", async () => {
    const { row } = await explained("/health", await world.read(() => UNCOUNTED));
    expect(row).toBeUndefined();
  });
});

describe("of a request on record", () => {
  const rowOf = async (path: string, rules = RULES) => {
    const [recorded] = await record(world, await under(rules), [health(path)]);
    const members = JSON.parse(`{${recorded?.members}}`) as object;
    const line = { seq: 0, ts: "2026-11-22T12:00:00.000000Z", ...members };
    return recordedRows(readDecision(line)).find(({ stage }) => stage === "constitution");
  };

  test("that passed: by which of the pack's parts", async () => {
    const row = await rowOf("/health");
    expect(row).toMatchObject({
      verdict: "passed",
      knew: "pack p 1: allow_health by W_allow_health",
    });
  });

  test("that was decided before the constitution was asked: nothing", async () => {
    expect(await rowOf("/core/rates")).toBeUndefined();
  });

  test("that it denied: which of its parts, with the bit that failed", async () => {
    const row = await rowOf("/health", SECURE);
    expect(row).toMatchObject({
      verdict: "refused",
      code: "constitution.default_deny",
      why: "pack p 1: default_deny by W_allow_secure; P_allow_secure is undefined",
    });
  });
});
