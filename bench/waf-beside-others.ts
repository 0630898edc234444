/**
 * What a request costs the engine when it does not have the processor's caches to itself, as in a gateway, where
 * parsing, cryptography and connections run between two inspections: before each request so much other memory is
 * touched. All sizes in every round, each request new.
 *
 *   node bench/waf-beside-others.ts [--rounds 5] [--requests 4000]
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Policy } from "../src/seclang/index.ts";
import { has, TEST_CORE } from "./processes.ts";
import { churn } from "./waf/json-bodies.ts";
import { loadOurs, measureOurs, policiesOf } from "./waf/ours.ts";
import { type BenchRequest, makeRequests, randomFor } from "./waf/requests.ts";
import { debianCrs } from "./waf/rule-sets.ts";
import { median, ratioOf, ratioText } from "./waf/statistics.ts";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    requests: { type: "string", default: "4000" },
  },
});

/** None; more than a first-level cache; as much as a second-level cache of this class of machine; far more. */
const TOUCHED_KIB = [0, 256, 2_048, 16_384];
const LINE_BYTES = 64;

/** Heads as in the benchmark of single requests, bodies as in that of gateways. */
function requests(count: number): BenchRequest[] {
  return makeRequests("json", count, 1).map(({ head }, serial) => ({
    head,
    body: Buffer.from(JSON.stringify(churn(randomFor(serial)))),
  }));
}

async function microsWith(
  policy: Policy,
  all: readonly BenchRequest[],
  other: Uint8Array,
): Promise<number> {
  const micros: number[] = [];
  for (const request of all) {
    for (let at = 0; at < other.length; at += LINE_BYTES) other[at] = (other[at] as number) + 1;
    micros.push((await measureOurs(policy, [request])).medianUs);
  }
  return median(micros);
}

if (has("taskset", ["--version"]))
  execFileSync("taskset", ["-a", "-p", "-c", String(TEST_CORE), String(process.pid)], {
    stdio: "ignore",
  });
const folder = mkdtempSync(join(tmpdir(), "portcullis-waf-beside-"));
try {
  const rules = debianCrs(folder);
  if (!rules) throw new Error("Debian's modsecurity-crs is not installed; nothing was measured");
  const { plain } = policiesOf(loadOurs(rules.file));
  const all = requests(Number(options.requests));
  const others = TOUCHED_KIB.map((kib) => new Uint8Array(kib * 1_024));
  for (const other of others) await microsWith(plain, all, other);
  const found = TOUCHED_KIB.map((): number[] => []);
  for (let round = 0; round < Number(options.rounds); round += 1)
    for (const [at, other] of others.entries())
      found[at]?.push(await microsWith(plain, all, other));
  const alone = found[0] ?? [];
  console.log("| KiB touched between requests | us/request, median | to none |\n|--:|--:|--:|");
  for (const [at, kib] of TOUCHED_KIB.entries()) {
    const micros = found[at] ?? [];
    console.log(`| ${kib} | ${median(micros).toFixed(0)} | ${ratioText(ratioOf(micros, alone))} |`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
