/** What an explanation tells of the firewall: of a request that never happened, and of one on record. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../pipeline/stage.ts";
import { openEmbeddedKeyStore } from "../../stores/keys/embedded-key-store.ts";
import type { KeyStore } from "../../stores/keys/key-store.ts";
import type { Configuration } from "../configuration.ts";
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

const RULE =
  'SecRule ARGS|REQUEST_HEADERS:User-Agent "@contains attack" "id:1001,phase:2,deny,t:none,msg:\'An attack\',setvar:tx.test_score=+5"\n';

let world: TrafficWorld;
let keys: KeyStore;

beforeAll(() => {
  world = createTrafficWorld();
  writeFileSync(join(world.folder, "rules.conf"), RULE);
  const path = join(world.folder, "portcullis.db");
  keys = openEmbeddedKeyStore({ path, clock: SYSTEM_CLOCK, isWatching: false });
});

afterAll(() => {
  keys.close();
  world.close();
});

const under = (mode: string): Promise<Configuration> =>
  world.read((settings) => ({
    ...settings,
    ...UNCOUNTED,
    waf: { mode, rules: ["file:rules.conf"] },
  }));

async function explained(target: string, mode = "enforce") {
  const told = readTold(Buffer.from(JSON.stringify({ method: "GET", url: target, headers: {} })));
  const { rows, end, answer } = await explain(told, await under(mode), {
    keys,
    address: "10.0.0.9",
  });
  return { end, answer, row: rows.find(({ stage }) => stage === "waf") };
}

describe("of a request that never happened", () => {
  test("that passes: what was looked at", async () => {
    const { row } = await explained("/health");
    expect(row).toMatchObject({
      verdict: "passed",
      knew: expect.stringMatching(/^head and body in \d+ us; no rule matched$/),
    });
  });

  test("that is refused: by which rule and where, and no word of that in the answer", async () => {
    const { row, end, answer } = await explained("/health?q=attack");
    expect(end).toMatchObject({ stage: "waf", code: "waf.blocked", status: 403 });
    expect(row).toMatchObject({
      verdict: "refused",
      why: expect.stringMatching(/matched 1001 An attack at ARGS:q; test_score 5$/),
    });
    expect(answer.body).not.toContain("1001");
  });

  test("that would be refused if it were not in detect mode", async () => {
    const { row } = await explained("/health?q=attack", "detect");
    expect(row).toMatchObject({
      verdict: "passed",
      knew: expect.stringMatching(/rule 1001 would have refused it$/),
    });
  });
});

describe("of a request on record", () => {
  const healthBy = (agent: string): Traffic => ({
    id: "r-1",
    method: "GET",
    path: "/health",
    headers: { "user-agent": agent },
    body: "",
    address: "10.0.0.9",
    certificate: false,
    listenerRefusal: undefined,
    wire: "whole",
    upstream: "ok",
  });
  const rowOf = async (agent: string) => {
    const [recorded] = await record(world, await under("enforce"), [healthBy(agent)]);
    const members = JSON.parse(`{${recorded?.members}}`) as object;
    const line = { seq: 0, ts: "2026-11-22T12:00:00.000000Z", ...members };
    return recordedRows(readDecision(line)).find(({ stage }) => stage === "waf");
  };

  test("that passed", async () => {
    expect(await rowOf("probe/1.0")).toMatchObject({
      verdict: "passed",
      knew: expect.stringMatching(/no rule matched/),
    });
  });

  test("that was refused", async () => {
    expect(await rowOf("attack/1.0")).toMatchObject({
      verdict: "refused",
      code: "waf.blocked",
      why: expect.stringMatching(
        /matched 1001 An attack at REQUEST_HEADERS:user-agent; test_score 5$/,
      ),
    });
  });
});
