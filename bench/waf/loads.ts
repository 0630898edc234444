/** What loading a rule set costs, cold and from the cache on disk, each time in a fresh process. */
import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import type { LoadFigures } from "./load-once.ts";
import type { BenchRules } from "./rule-sets.ts";
import { median } from "./statistics.ts";

/** Each form so often; the median counts. */
const REPEATS = 3;

export interface LoadRow {
  readonly rules: string;
  readonly cold: LoadFigures;
  readonly cached: LoadFigures;
}

export function measureLoads(rules: BenchRules, folder: string): LoadRow {
  const cold: LoadFigures[] = [];
  const cached: LoadFigures[] = [];
  for (let i = 0; i < REPEATS; i += 1) {
    const cache = mkdtempSync(join(folder, "cache-"));
    cold.push(loadOnce(rules, cache));
    cached.push(loadOnce(rules, cache));
  }
  return { rules: rules.name, cold: middle(cold), cached: middle(cached) };
}

function loadOnce(rules: BenchRules, cache: string): LoadFigures {
  const script = join(import.meta.dirname, "load-once.ts");
  const printed = execFileSync(process.execPath, ["--expose-gc", script, rules.file, cache], {
    encoding: "utf8",
  });
  return JSON.parse(printed) as LoadFigures;
}

function middle(figures: readonly LoadFigures[]): LoadFigures {
  const of = (key: keyof LoadFigures): number => median(figures.map((each) => each[key]));
  return {
    wallMs: of("wallMs"),
    cpuMs: of("cpuMs"),
    keptMiB: of("keptMiB"),
    rssMiB: of("rssMiB"),
    warmKeptMiB: of("warmKeptMiB"),
    warmRssMiB: of("warmRssMiB"),
  };
}
