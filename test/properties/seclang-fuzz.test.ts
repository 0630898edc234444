/**
 * Mutated requests through the engine with the rule sets at hand: none may crash it, be judged without a verdict, be judged
 * otherwise than without filter and folding, or leave anything behind. `bench/waf-fuzz.ts` does the same for hours.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { Campaign, watchSessions } from "../../bench/waf-fuzz/campaign.ts";
import { growthOf, HEAP_NOISE_BYTES, heapBytes } from "../../bench/waf-fuzz/heap.ts";
import { loadMaterial } from "../../bench/waf-fuzz/material.ts";
import { RequestMaker } from "../../bench/waf-fuzz/mutate.ts";
import { loadRules } from "../../bench/waf/rule-source.ts";

const CORPORA =
  process.env["PORTCULLIS_CORPORA"] ?? resolve(import.meta.dirname, "../../../shared/corpora");
if (!existsSync(CORPORA)) console.warn("ONLY A FEW REQUESTS TO START FROM: set PORTCULLIS_CORPORA");
const CRS = "/usr/share/modsecurity-crs";
if (!existsSync(CRS)) console.warn("SKIPPED: no modsecurity-crs");

/** About a minute for all of them. */
const WINDOWS = 8;
const WINDOW_REQUESTS = 1_500;
const SEED = 20_261_122;
/** One request of so many, and few are long: without the filter each takes some milliseconds. */
const COMPARE_EVERY = 60;
/** A campaign has one request under way at a time, through five policies of which four have a filter. */
const SESSIONS_LIMIT = 5;

describe("mutated requests", () => {
  test.each([
    ["builtin", "1"],
    [`crs:${CRS}`, "2"],
  ])(
    "through %s do no harm",
    async (source, level) => {
      if (source !== "builtin" && !existsSync(CRS)) return;
      const campaign = new Campaign({
        ruleSet: await loadRules(source),
        maker: new RequestMaker(loadMaterial(CORPORA), SEED),
        tx: {
          blocking_paranoia_level: level,
          paranoia_level: level,
          executing_paranoia_level: level,
        },
        limitCpuMs: Infinity,
        compareEvery: COMPARE_EVERY,
      });
      const sessions = watchSessions();
      const heaps: number[] = [];
      for (let serial = 0; serial < WINDOWS * WINDOW_REQUESTS;) {
        await campaign.run(serial++);
        if (serial % WINDOW_REQUESTS === 0) heaps.push(heapBytes());
      }
      sessions.stop();
      expect(campaign.findings).toEqual([]);
      expect(campaign.compared).toBeGreaterThan((WINDOWS * WINDOW_REQUESTS) / COMPARE_EVERY / 2);
      expect(campaign.refused).toBeGreaterThan(campaign.requests / 10);
      expect(sessions.seen.size).toBeLessThanOrEqual(SESSIONS_LIMIT);
      expect(growthOf(heaps)).toBeLessThan(HEAP_NOISE_BYTES);
    },
    600_000,
  );
});
