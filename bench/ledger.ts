/**
 * What the ledger costs: durable entries a second with callers that wait for each, how long they wait, CPU for an entry,
 * how long a start takes behind a ledger of 1 GB, and how fast that verifies. Writes to a directory of its own, and
 * removes it.
 *
 *   node bench/ledger.ts [--json] [--seconds 10] [--callers 64] [--start-bytes 1000000000] [--directory DIR]
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openLedger, type LedgerOptions } from "../src/ledger/ledger.ts";
import { createSigningKeyPem } from "../src/ledger/signing-key.ts";
import { verifyLedger } from "../src/ledger/verify/verify-ledger.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    seconds: { type: "string", default: "10" },
    callers: { type: "string", default: "64" },
    "start-bytes": { type: "string", default: "1000000000" },
    directory: { type: "string", default: tmpdir() },
  },
});

const WARM_UP_MS = 2_000;
const MAX_SAMPLES = 8_000_000;
const signingKeyPem = createSigningKeyPem();

function optionsFor(directory: string): LedgerOptions {
  return {
    directory,
    origin: "bench.example",
    signingKeyPem,
    sign: "checkpoint",
    writer: "portcullis/bench",
    segment: { limitBytes: 64 * 1024 * 1024, maxAgeMs: 3_600_000, isCompressed: false },
    group: { maxWaitMs: 10, maxEntries: 256 },
    onEvent: (event) => {
      if (event.kind === "failed" || event.kind === "housekeeping_failed")
        throw new Error(event.message);
    },
  };
}

/** Members of a decision as the gateway writes them, 600 bytes. */
function decision(serial: number): string {
  const id = serial.toString(16).padStart(12, "0");
  const text =
    `"kind":"decision","request_id":"req_01J9Z3${id}","trace_id":"4bf92f3577b34da6a3ce${id}",` +
    `"who":{"method":"jwt","caller":"svc-${serial % 97}","subject":"user-${serial % 1013}","tenant":"acme"},` +
    `"method":"POST","path":"/v1/models/{model}/predict","route":"predict","model":"fraud","version":"3",` +
    `"decision":"allow","status":200,"config":"b3:5f1d7a84db00d2fce00b31a7fc73224f","facts":{"listener":"public",` +
    `"http":"1.1","secure":true,"address":"203.0.113.0/24","content_length":512},"limits":[{"name":"tenant","limit":1000,"remaining":${serial % 1000},"reset_s":12}],` +
    `"upstream":{"name":"fraud","attempts":1,"us":2310},"latency_us":`;
  return text + String(2_800 + (serial % 100)).padStart(600 - text.length, "1");
}

const samplesUs = new Float64Array(MAX_SAMPLES);

async function measureAppends(directory: string): Promise<Record<string, number>> {
  const ledger = await openLedger(optionsFor(directory));
  const callers = Number(values.callers);
  let count = 0;
  let isMeasuring = false;
  const over = new AbortController();
  let serial = 0;
  const caller = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const startedAt = performance.now();
      serial += 1;
      await ledger.append(decision(serial));
      if (!isMeasuring) continue;
      samplesUs[count % MAX_SAMPLES] = (performance.now() - startedAt) * 1_000;
      count += 1;
    }
  };
  const all = Promise.all(Array.from({ length: callers }, caller));
  await sleep(WARM_UP_MS);
  isMeasuring = true;
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  await sleep(Number(values.seconds) * 1_000);
  const elapsedMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpu);
  isMeasuring = false;
  over.abort();
  await all;
  await ledger.close();
  const sorted = samplesUs.subarray(0, Math.min(count, MAX_SAMPLES)).sort();
  const quantileMs = (share: number): number =>
    (sorted[Math.floor(sorted.length * share)] ?? 0) / 1_000;
  return {
    callers,
    entriesPerSecond: Math.round((count * 1_000) / elapsedMs),
    p50Ms: round(quantileMs(0.5)),
    p99Ms: round(quantileMs(0.99)),
    p999Ms: round(quantileMs(0.999)),
    cpuUsPerEntry: round((user + system) / count),
    userUsPerEntry: round(user / count),
  };
}

async function measureStart(directory: string): Promise<Record<string, number>> {
  const targetBytes = Number(values["start-bytes"]);
  const ledger = await openLedger(optionsFor(directory));
  let serial = 0;
  while (bytesIn(directory) < targetBytes) {
    const appended: Promise<number>[] = [];
    for (let index = 0; index < 8_192; index += 1)
      appended.push(ledger.append(decision((serial += 1))));
    await Promise.all(appended);
  }
  await ledger.close();
  const startedAt = performance.now();
  const again = await openLedger(optionsFor(directory));
  const startMs = performance.now() - startedAt;
  await again.close();
  return {
    startBytes: bytesIn(directory),
    startMs: Math.round(startMs),
    ...(await measureVerify(directory)),
  };
}

async function measureVerify(directory: string): Promise<Record<string, number>> {
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const { isProven, lines } = await verifyLedger(directory);
  const elapsedMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpu);
  if (!isProven) throw new Error("the ledger of the benchmark does not verify");
  return {
    verifiedLines: lines,
    verifiedPerSecond: Math.round((lines * 1_000) / elapsedMs),
    verifiedPerCpuSecond: Math.round((lines * 1_000_000) / (user + system)),
  };
}

function bytesIn(directory: string): number {
  return readdirSync(directory)
    .filter((name) => name.endsWith(".ndjson"))
    .reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function sleep(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

const root = mkdtempSync(join(values.directory, "portcullis-bench-"));
try {
  const report = {
    node: process.version,
    cpu: cpus()[0]?.model ?? "",
    entryBytes: Buffer.byteLength(decision(1)),
    ...(await measureAppends(join(root, "appends"))),
    ...(Number(values["start-bytes"]) > 0 ? await measureStart(join(root, "start")) : {}),
  };
  if (values.json) console.log(JSON.stringify(report));
  else console.table(report);
} finally {
  rmSync(root, { recursive: true, force: true });
}
