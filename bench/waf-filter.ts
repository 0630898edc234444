/**
 * What the filter of the WAF costs: median microseconds for one request, by kind of request, its patterns included. Each
 * request is new: no value of an argument was seen before, as in a gateway.
 *
 *   node bench/waf-filter.ts [--rules FOLDER] [--paranoia 1] [--rounds 300] [--only CASE] [--json]
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { toBytes } from "../src/seclang/byte-string.ts";
import { PART } from "../src/seclang/collections/entry.ts";
import { Filter } from "../src/seclang/filter/filter.ts";
import { FilterSession } from "../src/seclang/filter/filter-session.ts";
import { rulesOfFiles } from "../src/seclang/filter/rule-files.test-support.ts";
import { CASES } from "./waf-requests.ts";

const { values: options } = parseArgs({
  options: {
    rules: { type: "string", default: "/usr/share/modsecurity-crs/rules" },
    paranoia: { type: "string", default: "1" },
    rounds: { type: "string", default: "300" },
    only: { type: "string", default: "" },
    json: { type: "boolean", default: false },
  },
});

/** Requests between two readings of the clock, whose own cost must not count. */
const BATCH = 16;
const WARM_UP_ROUNDS = 150;

const { rules, chains } = rulesOfFiles(options.rules, Number(options.paranoia));
const filter = new Filter({ rules, chains });
const selection = filter.select(new Uint8Array(rules.length).fill(1));
const session = new FilterSession(selection);

const names = Object.keys(CASES).filter((name) => options.only === "" || name === options.only);
const micros = new Map(names.map((name) => [name, [] as number[]]));
const sizes = new Map<string, string>();
for (let round = -WARM_UP_ROUNDS; round < Number(options.rounds); round += 1) {
  for (const name of names) {
    const batch = Array.from({ length: BATCH }, CASES[name] ?? (() => []));
    const before = process.hrtime.bigint();
    for (const entries of batch) {
      session.scan(entries);
      session.reset();
    }
    const taken = Number(process.hrtime.bigint() - before) / 1000 / BATCH;
    if (round >= 0) micros.get(name)?.push(taken);
    const args = batch.flat().filter(({ part }) => part === PART.argsPost);
    const size = args.reduce((sum, { value }) => sum + toBytes(value).length, 0) / BATCH;
    sizes.set(name, `${(args.length / BATCH).toFixed(1)} fields of ${size.toFixed(0)} bytes`);
  }
}

const results = names.map((name) => {
  const sorted = (micros.get(name) ?? []).sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? 0;
  return { name, micros: at(0.5), best: at(0), p90: at(0.9), size: sizes.get(name) };
});
if (options.json) {
  console.log(JSON.stringify({ rules: rules.length, cpu: cpus()[0]?.model, results }));
} else {
  const memory = (filter.memoryBytes / 1e6).toFixed(1);
  console.log(
    `${rules.length} rules, ${chains.length} chains, tables of ${memory} MB, Node ${process.version}`,
  );
  for (const { name, micros: median, best, p90, size } of results) {
    console.log(
      `${name.padEnd(8)} median ${median.toFixed(1)} us, best ${best.toFixed(1)}, p90 ${p90.toFixed(1)} (${size})`,
    );
  }
}
