/** Replay of what the firewall decided: no body is on record, so its word is taken as recorded, for as long as it has one. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { replayAll, type Difference, type ReplayCounts } from "./replay-report.ts";
import {
  createTrafficWorld,
  record,
  UNCOUNTED,
  type Recorded,
  type Traffic,
  type TrafficWorld,
} from "./replay-traffic.test-support.ts";
import { Replay } from "./replay.ts";

const RULE =
  'SecRule REQUEST_HEADERS:User-Agent "@contains attack" "id:1001,phase:1,deny,status:404,t:none"\n';
const WAF = { rules: ["file:rules.conf"] };

let world: TrafficWorld;
let recorded: readonly Recorded[];

beforeAll(async () => {
  world = createTrafficWorld();
  writeFileSync(join(world.folder, "rules.conf"), RULE);
  const configuration = await world.read((settings) => ({ ...settings, ...UNCOUNTED, waf: WAF }));
  recorded = await record(world, configuration, ["attack/1", "probe/1"].map(healthBy));
});

afterAll(() => world.close());

const healthBy = (agent: string): Traffic => ({
  id: agent,
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

async function replayed(
  waf: object | undefined,
): Promise<{ counts: ReplayCounts; differences: Difference[] }> {
  const configuration = await world.read((settings) => ({
    ...settings,
    ...UNCOUNTED,
    ...(waf && { waf }),
  }));
  const replay = await Replay.open(configuration);
  const differences: Difference[] = [];
  const lines = recorded.map(({ members }, seq) => ({
    kind: "decision",
    value: {
      seq,
      ts: "2026-11-22T12:00:00.000000Z",
      ...(JSON.parse(`{${members}}`) as object),
    },
  }));
  const onDifference = (difference: Difference): void => void differences.push(difference);
  const counts = await replayAll({ replay, lines, onDifference });
  await replay.close();
  return { counts, differences };
}

test("under the same configuration every decision is the same", async () => {
  expect(recorded.map(({ members }) => /"code":"([^"]+)"/.exec(members)?.[1])).toEqual([
    "waf.blocked",
    "ok",
  ]);
  const { counts, differences } = await replayed(WAF);
  expect(differences).toEqual([]);
  expect(counts).toMatchObject({ compared: 2, agreed: 2 });
});

test("without a firewall what it refused passes it, and nobody knows how that would end", async () => {
  const { differences } = await replayed(undefined);
  expect(differences).toMatchObject([{ requestId: "attack/1", stage: "waf" }]);
});

test("with the firewall off what it refused passes it", async () => {
  const { differences } = await replayed({ ...WAF, mode: "off" });
  expect(differences).toMatchObject([{ requestId: "attack/1", stage: "waf" }]);
});
