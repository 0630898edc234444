/** `portcullis waf bench`: what rules cost on this machine, with ordinary requests or a given one. It sends nothing. */
import { cpus } from "node:os";
import type { Command } from "commander";
import type { Policy, RuleSet } from "../../seclang/index.ts";
import { orUnknown } from "../ledger/exit.ts";
import { paranoiaArgument, positiveArgument } from "./arguments.ts";
import { nowMicros, Sampler, type Sampled, type TimeShare } from "./bench-profile.ts";
import { BENCH_KINDS, randomFrom, varied, type RequestMaker } from "./bench-requests.ts";
import { measure, runFor, type Measured } from "./bench-run.ts";
import { readRuleFacts } from "./rule-facts.ts";
import { loadFiles, usingRuleFiles, withRules, type RulesOption } from "./rules-option.ts";
import { readRequest, type RequestOptions } from "./told-request.ts";
import { servingPolicy, type Conditions } from "./try-request.ts";

interface BenchOptions extends RulesOption, RequestOptions, Conditions {
  readonly seconds: number;
  readonly json?: true;
}

interface BenchResult {
  readonly rules: number;
  readonly loadMs: number;
  readonly kinds: Readonly<Record<string, Measured>>;
  readonly sampled: Sampled;
}

const DEFAULT_SECONDS = 3;
const SHOWN_ROOMS = 8;
const SHOWN_RULES = 10;
/** Below it a share is noise. */
const LEAST_SHARE = 0.001;
/** Another seed for what is sampled: the values of the measured requests must be new. */
const SEEDS = { sampled: 1, measured: 2 };

export function addWafBench(waf: Command): void {
  withRules(waf.command("bench").description("Measure what rules cost with varied requests."))
    .option("--request <file>", "one request instead, its numbers varied; raw HTTP/1.1 or JSON")
    .option("--curl <command>", "the same, as a curl command line")
    .option("--paranoia <level>", "paranoia level, 1 to 4", paranoiaArgument)
    .option("--seconds <count>", "for each kind of request", positiveArgument, DEFAULT_SECONDS)
    .option("--json", "print JSON")
    .action((options: BenchOptions) => orUnknown(() => bench(options)));
}

async function bench(options: BenchOptions): Promise<void> {
  const kinds = await kindsOf(options);
  const result = await usingRuleFiles(options.rules, async (paths) => {
    const sampler = new Sampler();
    await sampler.start();
    const { set, loadMs } = loadFiles(paths);
    const policy = servingPolicy(set, options);
    await policy.warm();
    const sampled = await sample(sampler, { set, policy, paths, kinds, ...options });
    return {
      rules: set.rules.length,
      loadMs,
      sampled,
      kinds: await measureAll(policy, kinds, options),
    };
  });
  console.log(options.json ? JSON.stringify(result, undefined, 2) : textOf(result));
}

async function kindsOf(options: RequestOptions): Promise<Readonly<Record<string, RequestMaker>>> {
  const isTold = options.request !== undefined || options.curl !== undefined;
  return isTold ? { "the request": varied(await readRequest(options)) } : BENCH_KINDS;
}

interface Sampling {
  readonly set: RuleSet;
  readonly policy: Policy;
  readonly paths: readonly string[];
  readonly kinds: Readonly<Record<string, RequestMaker>>;
  readonly seconds: number;
}

async function sample(
  sampler: Sampler,
  { set, policy, paths, kinds, seconds }: Sampling,
): Promise<Sampled> {
  const random = randomFrom(SEEDS.sampled);
  const run = async (share: number): Promise<void> => {
    for (const make of Object.values(kinds))
      await runFor(policy, make, { random, seconds: seconds * share });
  };
  await run(0.25);
  const sinceMicros = nowMicros();
  await run(0.5);
  const { rulesByPattern } = readRuleFacts(paths);
  return sampler.stop(sinceMicros, { patterns: set.artefact.patterns, rulesByPattern });
}

async function measureAll(
  policy: Policy,
  kinds: Readonly<Record<string, RequestMaker>>,
  { seconds }: BenchOptions,
): Promise<Record<string, Measured>> {
  const random = randomFrom(SEEDS.measured);
  const measured: Record<string, Measured> = {};
  for (const [kind, make] of Object.entries(kinds))
    measured[kind] = await measure(policy, make, { random, seconds });
  return measured;
}

const HEADER = ["", "requests", "median us", "p99 us", "requests/s a core", "refused"];

function textOf({ rules: count, loadMs, kinds, sampled }: BenchResult): string {
  const rules = sampled.rules.filter(({ share }) => share >= LEAST_SHARE).slice(0, SHOWN_RULES);
  const rows = Object.entries(kinds).map(([kind, measured]) => [kind, ...cellsOf(measured)]);
  return [
    `${count} rules, loaded in ${Math.round(loadMs)} ms while being sampled`,
    "",
    ...table([HEADER, ...rows]),
    "",
    "where the time goes",
    ...sampled.rooms.slice(0, SHOWN_ROOMS).map(shareText),
    "",
    "rules by the time of their patterns on V8's engine",
    ...(rules.length === 0 ? ["  none took a thousandth of it"] : rules.map(shareText)),
    "",
    `warm, every value new, this process alone; ${cpus()[0]?.model ?? "unknown processor"}, Node.js ${process.version}`,
  ].join("\n");
}

function cellsOf({ requests, medianMicros, p99Micros, ...rest }: Measured): string[] {
  return [
    String(requests),
    medianMicros.toFixed(1),
    p99Micros.toFixed(1),
    String(Math.round(rest.perSecondPerCore)),
    `${((100 * rest.refused) / requests).toFixed(1)} %`,
  ];
}

const shareText = ({ of, share }: TimeShare): string =>
  `${(100 * share).toFixed(1).padStart(6)} %  ${of}`;

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = HEADER.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  "),
  );
}
