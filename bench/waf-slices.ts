/**
 * Measures how long the engine holds the event loop at a stretch for bodies of up to 1 MB: CPU time of each stretch, the
 * best of several runs. Called as `node bench/waf-slices.ts [--rules builtin|crs:DIR]... [--only TEXT]`.
 */
import { parseArgs } from "node:util";
import type { Policy } from "../src/seclang/index.ts";
import { Inspection } from "../src/seclang/transaction/inspection.ts";
import { takeCosts, watchCosts } from "./waf/cost-places.ts";
import { largeBodies, type LargeBody } from "./waf/large-bodies.ts";
import { loadRules } from "./waf/rule-source.ts";

const TARGET_MS = 5;
const RUNS = 5;
const AMPLE_MICROS = 60_000_000;

const { values: options } = parseArgs({
  options: {
    rules: {
      type: "string",
      multiple: true,
      default: ["builtin", "crs:/usr/share/modsecurity-crs"],
    },
    only: { type: "string", default: "" },
    places: { type: "boolean", default: false },
  },
});

interface Stretch {
  readonly ms: number;
  /** Which one it was: the second reads the body, those after it are slices. */
  readonly serial: number;
  readonly where: string;
}

let stretches: Stretch[] = [];

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** All work of the engine happens inside of this method, and nothing else does. */
const measured = Reflect.get(Inspection.prototype, "measured") as (work: () => unknown) => unknown;
Inspection.prototype.measured = function watched<T>(this: Inspection, work: () => T): T {
  const before = cpuMs();
  try {
    return measured.call(this, work) as T;
  } finally {
    const ms = cpuMs() - before;
    const places = options.places ? [...takeCosts()].slice(0, 3) : [];
    const where = places.map(([place, spent]) => `${place} ${spent.toFixed(1)}`).join(", ");
    stretches.push({ ms, serial: stretches.length, where });
  }
};

async function run(policy: Policy, { type, body }: LargeBody): Promise<string> {
  stretches = [];
  const transaction = policy.transaction();
  transaction.requestHead({
    method: "POST",
    target: "/v1/predict",
    protocol: "HTTP/1.1",
    headers: [
      ["Host", "models.example"],
      ["User-Agent", "client/1.0"],
      ["Accept", "*/*"],
      ["Content-Type", type],
      ["Content-Length", String(body.length)],
    ],
    remoteAddress: "198.51.100.7",
  });
  await transaction.requestBody(body);
  const { interruption, fault } = transaction.end();
  return fault ?? String(interruption?.ruleId ?? "passes");
}

if (options.places) watchCosts();
for (const source of options.rules) {
  const policy = (await loadRules(source)).policy({ budgetMicros: AMPLE_MICROS });
  for (const body of largeBodies().filter(({ name }) => name.includes(options.only))) {
    let best: Stretch | undefined;
    let verdict = "";
    let count = 0;
    for (let at = 0; at < RUNS; at++) {
      verdict = await run(policy, body);
      const longest = stretches.reduce((one, other) => (other.ms > one.ms ? other : one));
      if (best === undefined || longest.ms < best.ms) best = longest;
      count = stretches.length;
    }
    if (best === undefined) continue;
    const mark = best.ms > TARGET_MS ? "!" : " ";
    console.log(
      `${mark} ${best.ms.toFixed(1).padStart(6)} ms  stretch ${best.serial} of ${count}  ${source}  ${body.name}  ${verdict}  ${best.where}`,
    );
  }
}
