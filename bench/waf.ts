/**
 * What inspecting a request costs: our engine beside libmodsecurity in process, same rules, same requests, interleaved
 * rounds in one run on one core, every request new. Also what loading rules costs, and the dearest bodies there are.
 *
 *   node bench/waf.ts [--rounds 9] [--crs4 DIRECTORY] [--json] [--no-write]
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { has, TEST_CORE } from "./processes.ts";
import { untilQuiet } from "./stolen-time.ts";
import { compare, type Subject } from "./waf/comparison.ts";
import { buildLibmodsecurity, Libmodsecurity } from "./waf/libmodsecurity.ts";
import { measureLoads } from "./waf/loads.ts";
import { loadOurs, measureOurs, policiesOf } from "./waf/ours.ts";
import { makeRequests, PUMPS } from "./waf/requests.ts";
import { builtinRules, crs4, debianCrs, type BenchRules } from "./waf/rule-sets.ts";
import { loadTable, type PumpFigure, pumpTable, requestTable, results } from "./waf/tables.ts";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "9" },
    crs4: { type: "string", default: process.env["PORTCULLIS_CRS4"] ?? "" },
    json: { type: "boolean", default: false },
    write: { type: "boolean", default: true },
  },
  allowNegative: true,
});

const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** The rule sets that are there; says which are not. */
function ruleSets(folder: string): BenchRules[] {
  const [three, four] = [debianCrs(folder), crs4(folder, options.crs4)];
  if (!three) say("SKIPPED: Debian's modsecurity-crs is not installed");
  if (!four) say("SKIPPED: no CRS 4: name its directory with --crs4 or PORTCULLIS_CRS4");
  return [three, four, builtinRules(folder)].filter((rules) => rules !== undefined);
}

/** Of each kind of repeated piece one body of 128 KB, the better of two runs. */
async function measurePumps({ rules, ours }: Subject): Promise<PumpFigure[]> {
  const { plain } = policiesOf(ours);
  const figures: PumpFigure[] = [];
  for (const [at, request] of makeRequests("pump", PUMPS.length, 1).entries()) {
    const first = await measureOurs(plain, [request]);
    const second = await measureOurs(plain, [request]);
    const ms = Math.min(first.cpuUs, second.cpuUs) / 1000;
    figures.push({ rules, piece: PUMPS[at] as string, ms });
  }
  return figures;
}

async function run(folder: string): Promise<void> {
  const built = buildLibmodsecurity(folder);
  if ("missing" in built) say(`WITHOUT ITS YARDSTICK: ${built.missing}`);
  const sets = ruleSets(folder);
  const loads = sets.map((rules) => measureLoads(rules, folder));
  const subjects: Subject[] = [];
  for (const rules of sets) {
    const ours = loadOurs(rules.file);
    const theirs =
      "program" in built && rules.isPortable
        ? await Libmodsecurity.start({
            folder,
            program: built.program,
            rulesFile: rules.file,
            ...(has("taskset", ["--version"]) && { core: TEST_CORE }),
          })
        : undefined;
    subjects.push({ rules: rules.name, ours, ...(theirs && { theirs }) });
  }
  const rows = await compare(subjects, Number(options.rounds), untilQuiet);
  const pumps: PumpFigure[] = [];
  for (const subject of subjects) pumps.push(...(await measurePumps(subject)));
  const yardstick = subjects.find(({ theirs }) => theirs)?.theirs?.loaded.version ?? "none";
  for (const { theirs } of subjects) await theirs?.stop();
  const text = `${requestTable(rows)}\n\n${loadTable(loads)}\n\n${pumpTable(pumps)}\n`;
  console.log(text);
  if (options.json) console.log(JSON.stringify({ rows, loads, pumps }));
  if (options.write)
    writeFileSync(
      join(import.meta.dirname, "waf", "RESULTS.md"),
      results(text, { rounds: Number(options.rounds), yardstick }),
    );
}

if (has("taskset", ["--version"]))
  execFileSync("taskset", ["-a", "-p", "-c", String(TEST_CORE), String(process.pid)], {
    stdio: "ignore",
  });
const folder = mkdtempSync(join(tmpdir(), "portcullis-waf-"));
try {
  await run(folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
