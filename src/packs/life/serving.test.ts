/** What one request is told: a candidate that is broken in a way nobody foresaw must not be felt while it is in shadow. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { packContext } from "../fields.ts";
import { CanaryDraw } from "./canary-share.ts";
import { loadPack, type KeptPack } from "./loaded-pack.ts";
import { PackFiles } from "./pack-files.ts";
import { NOBODY, PackFolder, START_MS } from "./pack-folder.test-support.ts";
import { Serving } from "./serving.ts";
import { ShadowCounts } from "./shadow-counts.ts";

let folder: PackFolder;
let active: KeptPack;

beforeEach(async () => {
  folder = new PackFolder();
  folder.write({ release: 1 });
  const { trust, acknowledged } = folder.options();
  const source = await new PackFiles(folder.files).readActive();
  active = loadPack(source, {}, { trust, acknowledged, nowMs: START_MS });
});
afterEach(() => folder.remove());

const NOBODY_KNOWN = packContext({ "system.panic_mode": false });

/** The same pack with an evaluator that throws: what a bug would do. */
const broken = (): KeptPack => {
  const fail = (): never => {
    throw new Error("a bug");
  };
  const evaluator = { decide: fail, trace: fail, readsField: () => true };
  return { ...active, loaded: { ...active.loaded, evaluator } };
};

test("a candidate in shadow that throws is counted, and the active pack decides", () => {
  const kept = broken();
  const counts = new ShadowCounts(active.loaded, kept.loaded, START_MS);
  const serving = new Serving(active, { kept, stage: "next", draw: undefined, counts });
  const verdict = serving.decide(NOBODY_KNOWN, START_MS / 1_000, NOBODY);
  expect(verdict).toMatchObject({ stage: "active", decision: { effect: "deny" } });
  expect(verdict.shadow).toBeUndefined();
  expect(counts.report()).toMatchObject({ evaluated: 0, failed: 1 });
});

test("a canary that throws refuses those in its share, and nobody else", () => {
  const kept = broken();
  const draw = new CanaryDraw({ routes: ["route-7"] }, kept.loaded.blake3);
  const counts = new ShadowCounts(active.loaded, kept.loaded, START_MS);
  const serving = new Serving(active, { kept, stage: "canary", draw, counts });
  const atSec = START_MS / 1_000;
  expect(() => serving.decide(NOBODY_KNOWN, atSec, { ...NOBODY, route: "route-7" })).toThrow(
    "a bug",
  );
  expect(serving.decide(NOBODY_KNOWN, atSec, NOBODY).stage).toBe("active");
});

test("counts keep so many kinds of disagreement apart, and the rest together", () => {
  const { loaded } = active;
  const decision = loaded.evaluator.decide(NOBODY_KNOWN, START_MS / 1_000);
  const counts = new ShadowCounts(loaded, loaded, START_MS);
  for (let at = 0; at < 300; at += 1)
    counts.compare(decision, { ...decision, output: `deny_${at}` }, START_MS / 1_000, undefined);
  const report = counts.report();
  expect(report.pairs.length).toBe(256);
  expect(report.otherPairs).toBe(44);
  expect(report).toMatchObject({ evaluated: 300, agreed: 0, opened: 0, closed: 0 });
});
