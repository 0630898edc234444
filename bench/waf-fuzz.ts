/**
 * Sends mutated requests through the engine for as long as told, and prints what must not be: crashes, undefined verdicts,
 * requests that cost too much, differences between the optimized way and the plain one, memory that grows.
 * Called as `node bench/waf-fuzz.ts --rules builtin|crs:DIR [--requests N | --seconds N] [--seed N] [--only SERIAL]`.
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { Campaign, watchSessions } from "./waf-fuzz/campaign.ts";
import { growthOf, HEAP_NOISE_BYTES, heapBytes } from "./waf-fuzz/heap.ts";
import { loadMaterial } from "./waf-fuzz/material.ts";
import { RequestMaker } from "./waf-fuzz/mutate.ts";
import { play } from "./waf-fuzz/play.ts";
import { loadRules } from "./waf/rule-source.ts";

const WINDOWS = 10;
/** More sessions than policies that are used one request at a time. */
const SESSIONS_LIMIT = 16;

const { values: options } = parseArgs({
  options: {
    rules: { type: "string", default: "builtin" },
    requests: { type: "string" },
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
    from: { type: "string", default: "0" },
    only: { type: "string" },
    paranoia: { type: "string", default: "1" },
    // A budget of 50 ms is noticed by the clock, then granted once more in CPU time; compiling and collecting come on top.
    limit: { type: "string", default: "300" },
    compare: { type: "string", default: "100" },
  },
});

const CORPORA = resolve(process.env["PORTCULLIS_CORPORA"] ?? "../shared/corpora");
const rules = await loadRules(options.rules);
const material = loadMaterial(CORPORA);
const maker = new RequestMaker(material, Number(options.seed));
const tx = Object.fromEntries(
  [
    "paranoia_level",
    "executing_paranoia_level",
    "blocking_paranoia_level",
    "detection_paranoia_level",
  ].map((name) => [name, options.paranoia]),
);

if (options.only === undefined) await runAll();
else await showOne(Number(options.only));

async function showOne(serial: number): Promise<void> {
  const request = maker.make(serial);
  console.log(request.head, Buffer.from(request.body).toString("latin1"), request.response);
  const policy = rules.policy({ tx, engine: "detectionOnly" });
  await play(policy, request);
  const { report } = await play(policy, request);
  console.log({ ...report, matched: report.matched.map(({ id, hits }) => ({ id, hits })) });
}

async function runAll(): Promise<void> {
  const { messages, texts } = material;
  console.log(
    `${options.rules}: ${messages.length} messages, ${texts.length} texts, seed ${options.seed}`,
  );
  const campaign = new Campaign({
    ruleSet: rules,
    maker,
    tx,
    limitCpuMs: Number(options.limit),
    compareEvery: Number(options.compare),
  });
  const sessions = watchSessions();
  const heaps: number[] = [];
  const startedAt = performance.now();
  let serial = Number(options.from);
  for (let window = 1; window <= WINDOWS; window++) {
    serial = await runWindow(campaign, serial, { window, startedAt });
    const heap = heapBytes();
    heaps.push(heap);
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    console.log(
      `${seconds} s: ${campaign.requests} requests, ${campaign.findings.length} findings, heap ${Math.round(heap / 1e6)} MB, worst ${campaign.slowest[0]?.cpuMs} ms`,
    );
  }
  tell(campaign, {
    heaps,
    sessions: sessions.seen.size,
    seconds: (performance.now() - startedAt) / 1_000,
  });
}

/** The tenth of the campaign; answers where the next one begins. */
async function runWindow(
  campaign: Campaign,
  from: number,
  { window, startedAt }: { readonly window: number; readonly startedAt: number },
): Promise<number> {
  const endsMs = startedAt + (Number(options.seconds) * 1_000 * window) / WINDOWS;
  const count = Math.ceil(Number(options.requests) / WINDOWS);
  const isOver = (done: number): boolean =>
    options.requests === undefined ? performance.now() >= endsMs : done >= count;
  let serial = from;
  while (!isOver(serial - from)) await campaign.run(serial++);
  return serial;
}

function tell(
  campaign: Campaign,
  {
    heaps,
    sessions,
    seconds,
  }: { readonly heaps: readonly number[]; readonly sessions: number; readonly seconds: number },
): void {
  const { requests, refused, matched, compared, findings } = campaign;
  console.table(campaign.slowest);
  for (const { serial, problem } of findings) console.log(`${serial}: ${problem}`);
  const growth = growthOf(heaps);
  const problems = [
    ...(findings.length > 0 ? [`${findings.length} findings`] : []),
    ...(growth > HEAP_NOISE_BYTES ? [`the heap grew by ${growth} bytes`] : []),
    ...(sessions > SESSIONS_LIMIT ? [`${sessions} sessions were made`] : []),
  ];
  console.log(
    JSON.stringify({
      rules: options.rules,
      requests,
      refused,
      matched,
      compared,
      sessions,
      growth,
      perSecond: Math.round(requests / seconds),
      problems,
    }),
  );
  process.exitCode = problems.length > 0 ? 1 : 0;
}
