/**
 * Where our engine and libmodsecurity disagree: the attack strings and benign bodies of the corpora, in a field, a query
 * and a header, under the same rules. It prints rules that only one of the two saw; each line is a question, not a fault.
 *
 *   node bench/waf/differential.ts [--rules crs3|crs4] [--crs4 DIRECTORY] [--limit 2000]
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { buildLibmodsecurity, Libmodsecurity, type Matched } from "./libmodsecurity.ts";
import { loadOurs, matchOurs, policiesOf } from "./ours.ts";
import type { BenchRequest } from "./requests.ts";
import { crs4, debianCrs } from "./rule-sets.ts";

const { values: options } = parseArgs({
  options: {
    rules: { type: "string", default: "crs3" },
    crs4: { type: "string", default: process.env["PORTCULLIS_CRS4"] ?? "" },
    limit: { type: "string", default: "2000" },
  },
});
const CORPORA = resolve(process.env["PORTCULLIS_CORPORA"] ?? "../shared/corpora");
/** Examples shown of each rule that only one engine saw. */
const SHOWN = 3;

interface Sample {
  readonly name: string;
  readonly request: BenchRequest;
}

function sample(
  name: string,
  { target = "/", json, header }: { target?: string; json?: unknown; header?: string },
): Sample {
  const body = json === undefined ? new Uint8Array() : Buffer.from(JSON.stringify(json));
  const headers: [string, string][] = [
    ["Host", "inference.example.org"],
    ["User-Agent", "retail-client/1.4"],
    ["Accept", "application/json"],
    ...(header === undefined ? [] : ([["X-Note", header]] as [string, string][])),
    ...(json === undefined
      ? []
      : ([
          ["Content-Type", "application/json"],
          ["Content-Length", String(body.length)],
        ] as [string, string][])),
  ];
  const head = {
    method: json === undefined ? "GET" : "POST",
    target,
    protocol: "HTTP/1.1",
    headers,
    remoteAddress: "198.51.100.7",
  };
  return { name, request: { head, body } };
}

function rowsOf<Row>(file: string): Row[] {
  const path = join(CORPORA, file);
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Row);
}

function samples(): Sample[] {
  const attacks = rowsOf<{ id: string; payload: string }>("attacks/payloads.jsonl");
  const bodies = rowsOf<{ id: string; body: unknown }>("benign/bodies.jsonl");
  const prompts = rowsOf<{ id: string; text: string }>("benign/prompts.jsonl");
  // A header cannot hold these, and a server would refuse it first.
  const isHeader = (text: string): boolean => /^[\x20-\x7e]+$/.test(text) && text.trim() === text;
  return [
    ...attacks.flatMap(({ id, payload }) => [
      sample(`json ${id}`, { json: { q: payload } }),
      sample(`query ${id}`, { target: `/?q=${encodeURIComponent(payload)}` }),
      ...(isHeader(payload) ? [sample(`header ${id}`, { header: payload })] : []),
    ]),
    ...bodies.map(({ id, body }) => sample(`body ${id}`, { json: body })),
    ...prompts.map(({ id, text }) => sample(`prompt ${id}`, { json: { q: text } })),
  ].slice(0, Number(options.limit));
}

/** By rule: the samples in which only one side has it. */
function onlyIn(left: readonly Matched[], right: readonly Matched[]): Map<number, number[]> {
  const found = new Map<number, number[]>();
  for (const [at, { rules }] of left.entries()) {
    for (const rule of new Set(rules)) {
      if (right[at]?.rules.includes(rule)) continue;
      found.set(rule, [...(found.get(rule) ?? []), at]);
    }
  }
  return found;
}

function print(title: string, found: Map<number, number[]>, all: readonly Sample[]): void {
  console.log(title);
  const byRule = [...found].toSorted(([, a], [, b]) => b.length - a.length);
  for (const [rule, places] of byRule) {
    const names = places.slice(0, SHOWN).map((at) => all[at]?.name);
    console.log(`  ${rule}: ${places.length} (${names.join(", ")})`);
  }
}

const folder = mkdtempSync(join(tmpdir(), "portcullis-differential-"));
try {
  const built = buildLibmodsecurity(folder);
  const rules = options.rules === "crs4" ? crs4(folder, options.crs4) : debianCrs(folder);
  if ("missing" in built || !rules) {
    console.error(`SKIPPED: ${"missing" in built ? built.missing : "the rules are not there"}`);
    process.exitCode = 2;
  } else {
    const rulesFile = rules.file;
    const theirs = await Libmodsecurity.start({ folder, program: built.program, rulesFile });
    const all = samples();
    const requests = all.map(({ request }) => request);
    const right = await theirs.match(requests);
    const left = await matchOurs(policiesOf(loadOurs(rules.file)).plain, requests);
    await theirs.stop();
    const same = left.filter(({ status }, at) => (status === 0) === (right[at]?.status === 0));
    console.log(`${all.length} requests, ${same.length} with the same verdict`);
    print("only ours:", onlyIn(left, right), all);
    print("only libmodsecurity:", onlyIn(right, left), all);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
