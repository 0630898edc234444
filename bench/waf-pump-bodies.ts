/**
 * Sends bodies of 128 KB that repeat one piece through the whole engine and prints the dearest, with where their time goes.
 * CPU time, not the clock's. Called as `node bench/waf-pump-bodies.ts [--rules builtin|crs:DIR]... [--form F]... [--rows N]`.
 */
import { parseArgs } from "node:util";
import type { Policy } from "../src/seclang/index.ts";
import { PUMPS } from "../src/seclang/regex/pumps.test-support.ts";
import { takeCosts, watchCosts } from "./waf/cost-places.ts";
import { PUMP_FORMS, pumpRequest, type PumpForm } from "./waf/pump-bodies.ts";
import type { BenchRequest } from "./waf/requests.ts";
import { loadRules } from "./waf/rule-source.ts";

const TARGET_MS = 50;
/** Enough that nothing is cut short: what a budget saves is no merit of the engine. */
const AMPLE_MICROS = 60_000_000;
const PLACES_SHOWN = 4;
/** Cheaper ones are run once. */
const WORTH_REPEATING_MS = 12;
const RUNS = 3;

interface Row {
  readonly rules: string;
  readonly form: PumpForm;
  readonly pump: string;
  readonly cpuMs: number;
  readonly verdict: string;
}

const { values: options } = parseArgs({
  options: {
    rules: {
      type: "string",
      multiple: true,
      default: ["builtin", "crs:/usr/share/modsecurity-crs"],
    },
    form: { type: "string", multiple: true, default: [...PUMP_FORMS] },
    rows: { type: "string", default: "20" },
  },
});

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

async function once(
  policy: Policy,
  request: BenchRequest,
): Promise<{ ms: number; verdict: string }> {
  const before = cpuMs();
  const transaction = policy.transaction();
  if (transaction.requestHead(request.head) === undefined)
    await transaction.requestBody(request.body);
  const { interruption, fault } = transaction.end();
  return { ms: cpuMs() - before, verdict: fault ?? String(interruption?.ruleId ?? "passes") };
}

async function cost(
  policy: Policy,
  request: BenchRequest,
): Promise<{ ms: number; verdict: string }> {
  let best = await once(policy, request);
  for (let run = 1; run < RUNS && best.ms > WORTH_REPEATING_MS; run++) {
    const again = await once(policy, request);
    if (again.ms < best.ms) best = again;
  }
  return best;
}

const policies = new Map<string, Policy>();
for (const source of options.rules)
  policies.set(source, (await loadRules(source)).policy({ budgetMicros: AMPLE_MICROS }));
const forms = PUMP_FORMS.filter((form) => options.form.includes(form));

const rows: Row[] = [];
for (const [rules, policy] of policies) {
  // The first value of each kind pays for machine code and automata that later ones find ready.
  for (const form of forms)
    for (const pump of PUMPS.slice(0, 20)) await once(policy, pumpRequest(form, pump));
  for (const form of forms) {
    for (const pump of PUMPS) {
      const { ms, verdict } = await cost(policy, pumpRequest(form, pump));
      rows.push({ rules, form, pump, cpuMs: ms, verdict });
    }
  }
}

const worst = rows.toSorted((a, b) => b.cpuMs - a.cpuMs);
watchCosts();
for (const row of worst.slice(0, Number(options.rows))) {
  const policy = policies.get(row.rules) as Policy;
  takeCosts();
  await once(policy, pumpRequest(row.form, row.pump));
  const costs = [...takeCosts()].slice(0, PLACES_SHOWN + 1);
  const where = costs.map(([place, ms]) => `${place} ${ms.toFixed(1)}`).join(", ");
  console.log(
    `${row.cpuMs.toFixed(1).padStart(7)} ms  ${row.rules}  ${row.form}  ${JSON.stringify(row.pump)}  ${row.verdict}  [${where}]`,
  );
}
const over = rows.filter(({ cpuMs: ms }) => ms > TARGET_MS);
const middle = worst[worst.length >> 1];
console.log(
  `${rows.length} bodies, ${over.length} over ${TARGET_MS} ms, worst ${worst[0]?.cpuMs.toFixed(1)} ms, median ${middle?.cpuMs.toFixed(1)} ms`,
);
process.exitCode = over.length === 0 ? 0 : 1;
