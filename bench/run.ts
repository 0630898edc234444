/**
 * `npm run bench`: measures Portcullis with everything on beside a bare Node proxy and nginx, interleaved in one run, each
 * on the same pinned core with the load on the other. Compare CPU per request and the ratios; requests per second are a
 * lower bound where the load's core is full.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import undici from "undici/package.json" with { type: "json" };
import { loadCandidate } from "./governed.ts";
import { has, load, LOAD_CORE, stop, stopAll, usage } from "./processes.ts";
import type { LoadOrder, LoadReport } from "./load.ts";
import { NOISY_SHARE, readStolen, stolenSince, untilQuiet } from "./stolen-time.ts";
import { idleConnections, millionRequests } from "./soak.ts";
import {
  PATH,
  prepareConfiguration,
  startBareProxy,
  startNginx,
  startPortcullis,
  startStub,
  type Subject,
} from "./subjects.ts";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "5" },
    soak: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    write: { type: "boolean", default: true },
  },
  allowNegative: true,
});
const CONNECTIONS = 64;
/** Windows measured for one row, at most. */
const ATTEMPTS = 3;
/** Until the code is compiled and connections to the model are open. */
const WARM_UP_SECONDS = 3;
const BODY_FILE = join(import.meta.dirname, "body.json");

interface Row {
  readonly subject: string;
  readonly round: number;
  readonly requestsPerSecond: number;
  readonly cpuUs: number;
  readonly p99Us: number;
  readonly oneP50Us: number;
  readonly oneP99Us: number;
  readonly rssMiB: number;
  readonly bad: number;
  /** Share of time that the host took away meanwhile, 0 to 1. */
  readonly stolen: number;
}

const say = (text: string): void => void process.stderr.write(`${text}\n`);

async function measure(
  name: string,
  subject: Subject,
  round: number,
  headers: readonly string[],
): Promise<Row> {
  const order = { port: subject.port, path: PATH, headers, bodyFile: BODY_FILE };
  const one = await load({
    ...order,
    connections: 1,
    seconds: Math.min(2, Number(options.seconds)),
  });
  const { many, cpuUs, rssMiB, stolen } = await calmest(subject, order);
  const row: Row = {
    subject: name,
    round,
    requestsPerSecond: many.requests / many.seconds,
    cpuUs,
    p99Us: many.p99Us,
    oneP50Us: one.p50Us,
    oneP99Us: one.p99Us,
    rssMiB,
    stolen,
    bad: many.bad + one.bad,
  };
  say(
    `${round} ${row.subject.padEnd(26)} ${row.requestsPerSecond.toFixed(0).padStart(7)}/s ${row.cpuUs.toFixed(1).padStart(7)} us CPU/request` +
      `  p99 ${(row.p99Us / 1000).toFixed(1)} ms  one connection p50 ${row.oneP50Us} p99 ${row.oneP99Us} us  bad ${row.bad}  stolen ${(row.stolen * 100).toFixed(0)} %`,
  );
  return row;
}

interface Window {
  readonly many: LoadReport;
  readonly cpuUs: number;
  readonly rssMiB: number;
  readonly stolen: number;
}

/** Measured again while the host takes time away, and the window that lost least is kept. */
async function calmest(
  { pid }: Subject,
  order: Omit<LoadOrder, "connections" | "seconds">,
): Promise<Window> {
  let best: Window | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    await untilQuiet();
    const stolenBefore = readStolen();
    const before = usage(pid);
    const many = await load({
      ...order,
      connections: CONNECTIONS,
      seconds: Number(options.seconds),
    });
    const { cpuUs, rssMiB } = usage(pid);
    const stolen = stolenSince(stolenBefore);
    if (!best || stolen < best.stolen)
      best = { many, rssMiB, stolen, cpuUs: (cpuUs - before.cpuUs) / many.requests };
    if (best.stolen <= NOISY_SHARE) break;
  }
  return best as Window;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

const rows: Row[] = [];
const of = (name: string, pick: (row: Row) => number): number[] =>
  rows.filter((row) => row.subject === name).map(pick);

/** Median over rounds of a/b within the same round, with its range: noise of the machine cancels out. */
function ratio(
  a: string,
  b: string,
  pick: (row: Row) => number,
): { median: number; low: number; high: number } {
  const below = of(b, pick);
  const ratios = of(a, pick).map((value, i) => value / (below[i] ?? Number.NaN));
  return { median: median(ratios), low: Math.min(...ratios), high: Math.max(...ratios) };
}

/** As deployed: nothing but the serving thread held to one core. */
const FREE = "Portcullis, threads free";
const FREE_LEDGER = "Portcullis with its ledger, threads free";

const GOVERNED = "Portcullis under a constitution";
const SHADOWED = "Portcullis with a candidate in shadow";

/** What is compared, in order. Each round starts every process anew: one start may be luckier with memory than another. */
interface Contender {
  readonly name: string;
  start(): Promise<Subject>;
}

function contenders(folder: string, stubPort: number): Contender[] {
  const all: Contender[] = [
    { name: "bare Node proxy", start: () => startBareProxy(stubPort) },
    { name: "Portcullis, everything on", start: () => startPortcullis(folder, "portcullis.yaml") },
    { name: "Portcullis with its ledger", start: () => startPortcullis(folder, "ledger.yaml") },
    { name: GOVERNED, start: () => startPortcullis(folder, "governed.yaml") },
    { name: SHADOWED, start: () => startShadowed(folder) },
    { name: FREE, start: () => startPortcullis(folder, "portcullis.yaml", "free") },
    { name: FREE_LEDGER, start: () => startPortcullis(folder, "ledger.yaml", "free") },
  ];
  if (has("nginx"))
    all.push({ name: "nginx, plain proxy", start: () => startNginx(folder, stubPort) });
  else say("SKIPPED: nginx is not installed, so it is not measured");
  return all;
}

async function startShadowed(folder: string): Promise<Subject> {
  const subject = await startPortcullis(folder, "governed.yaml");
  await loadCandidate(folder);
  return subject;
}

async function startWarm(contender: Contender, headers: readonly string[]): Promise<Subject> {
  const subject = await contender.start();
  const { port } = subject;
  const order = { port, path: PATH, headers, bodyFile: BODY_FILE, connections: CONNECTIONS };
  await load({ ...order, seconds: WARM_UP_SECONDS });
  return subject;
}

const folder = mkdtempSync(join(tmpdir(), "portcullis-bench-"));
try {
  const stubPort = await startStub(LOAD_CORE);
  const token = prepareConfiguration(folder, stubPort);
  const headers = [`authorization: Bearer ${token}`];
  const compared = contenders(folder, stubPort);
  for (let round = 1; round <= Number(options.rounds); round++) {
    for (const contender of round % 2 ? compared : [...compared].reverse()) {
      const subject = await startWarm(contender, headers);
      rows.push(await measure(contender.name, subject, round, headers));
      await stop(subject.child);
    }
  }
  let soak: object | undefined;
  if (options.soak) {
    const ours = await startPortcullis(folder, "portcullis.yaml");
    soak = {
      ...(await millionRequests(ours, { path: PATH, headers, bodyFile: BODY_FILE })),
      ...(await idleConnections(ours)),
    };
  }
  report(
    compared.map(({ name }) => name),
    soak,
  );
} finally {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
}

function report(names: readonly string[], soak: object | undefined): void {
  const [bare, ours, withLedger] = names as [string, string, string];
  const nginx = names.find((name) => name.startsWith("nginx"));
  const kept = ratio(FREE_LEDGER, FREE, (row) => row.requestsPerSecond);
  const cpuBare = ratio(ours, bare, (row) => row.cpuUs);
  const figures = {
    cpu_ratio_bare_node: round2(cpuBare.median),
    cpu_ratio_bare_node_range: [round2(cpuBare.low), round2(cpuBare.high)],
    rps_ratio_bare_node: round2(ratio(ours, bare, (row) => row.requestsPerSecond).median),
    ledger_throughput_kept: round2(kept.median),
    ledger_throughput_kept_range: [round2(kept.low), round2(kept.high)],
    ledger_throughput_kept_one_core: round2(
      ratio(withLedger, ours, (row) => row.requestsPerSecond).median,
    ),
    ledger_cpu_ratio: round2(ratio(withLedger, ours, (row) => row.cpuUs).median),
    constitution_cpu_ratio: round2(ratio(GOVERNED, ours, (row) => row.cpuUs).median),
    shadow_throughput_kept: round2(
      ratio(SHADOWED, GOVERNED, (row) => row.requestsPerSecond).median,
    ),
    shadow_cpu_ratio: round2(ratio(SHADOWED, GOVERNED, (row) => row.cpuUs).median),
    cpu_us_bare_node: round2(median(of(bare, (row) => row.cpuUs))),
    cpu_us_portcullis: round2(median(of(ours, (row) => row.cpuUs))),
    added_p50_us: Math.round(
      median(of(ours, (row) => row.oneP50Us)) - median(of(bare, (row) => row.oneP50Us)),
    ),
    added_p99_us: Math.round(
      median(of(ours, (row) => row.oneP99Us)) - median(of(bare, (row) => row.oneP99Us)),
    ),
    ...(nginx && { cpu_ratio_nginx: round2(ratio(ours, nginx, (row) => row.cpuUs).median) }),
    bad: rows.reduce((sum, row) => sum + row.bad, 0),
    ...soak,
  };
  const table = [
    "| subject | requests/s | CPU us/request | p99 ms at 64 | p50 us at 1 | p99 us at 1 | RSS MiB | bad | stolen % |",
    "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ...names.map((name) => {
      const middle = (pick: (row: Row) => number, digits = 0): string =>
        median(of(name, pick)).toFixed(digits);
      return `| ${name} | ${middle((r) => r.requestsPerSecond)} | ${middle((r) => r.cpuUs, 1)} | ${middle((r) => r.p99Us / 1000, 1)} | ${middle((r) => r.oneP50Us)} | ${middle((r) => r.oneP99Us)} | ${middle((r) => r.rssMiB)} | ${of(name, (r) => r.bad).reduce((a, b) => a + b, 0)} | ${middle((r) => r.stolen * 100)} |`;
    }),
  ].join("\n");
  if (options.write)
    writeFileSync(join(import.meta.dirname, "RESULTS.md"), results(table, figures));
  console.log(table);
  for (const [name, value] of Object.entries(figures))
    console.log(`${name}: ${JSON.stringify(value)}`);
  if (options.json) console.log(JSON.stringify(figures));
}

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}

function results(table: string, figures: object): string {
  const nginx = has("nginx") ? versionOf("nginx", ["-v"]) : "not installed";
  return `# Benchmark results

Written by \`npm run bench${options.soak ? " -- --soak" : ""}\`; do not edit. ${options.rounds} rounds of ${options.seconds} s, interleaved A B C, C B A, ${CONNECTIONS}
connections. Each subject runs on core 0; the load generator and the model (120 bytes of JSON) share core 1. The request is
\`bench/body.json\` (20 features) with an ES256 token that the gateway has seen before. Portcullis runs every stage: sources, identity,
grants, five limits, strict JSON, request and response schema, security headers, access log to a file, metrics. With its ledger,
each decision is also on disk before its answer (\`durability: group\`); under a constitution, a signed pack of nine bits decides too,
and in shadow a second one is evaluated beside it. Pinned, all threads of a process share core 0; "threads free"
holds only the serving thread there, and the ledger's has what the load leaves of core 1. Every process is started anew in each round.
Medians; ratios are taken within a round. "stolen" is the share of time that the host of this virtual machine took away meanwhile;
windows that lost more than ${NOISY_SHARE * 100} % were measured again, up to ${ATTEMPTS} times, and the calmest counts.

${table}

\`\`\`json
${JSON.stringify(figures, null, 2)}
\`\`\`

Node ${process.version}, undici ${undici.version}, ${nginx}; ${cpus()[0]?.model ?? "unknown processor"}, ${cpus().length} cores, ${new Date().toISOString().slice(0, 10)}.
Requests per second are a lower bound where core 1 is full (it is, beside nginx): compare CPU per request.
`;
}

function versionOf(command: string, args: readonly string[]): string {
  return execFileSync("sh", ["-c", `${command} ${args.join(" ")} 2>&1`], {
    encoding: "utf8",
  }).trim();
}
