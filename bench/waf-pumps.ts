/**
 * Feeds repeated strings to every pattern of a rule set and prints which pattern costs most; CPU time, not the clock's.
 * Called as `node bench/waf-pumps.ts --rules DIR`; reads rule files and nothing else.
 */
import { parseArgs } from "node:util";
import { readRuleFiles } from "../src/seclang/parse/include.ts";
import { MatcherCache } from "../src/seclang/regex/matcher-cache.ts";
import { analysePattern, type PatternFacts } from "../src/seclang/regex/pattern-facts.ts";
import { PUMPS, pumped } from "../src/seclang/regex/pumps.test-support.ts";
import { RuleMatcher, ValueTooLong } from "../src/seclang/regex/rule-matcher.ts";

/** What an attacker may send in one request. */
const TOTAL_BYTES = 131_072;
/** What it may cost one pattern. */
const TARGET_MS = 50;
const WORST_ROWS = 10;

interface Cost {
  readonly rule: string;
  readonly pump: string;
  /** Bytes of each of the values that make up the total. */
  readonly valueBytes: number;
  readonly risk: PatternFacts["risk"];
  readonly cpuMs: number;
}

const cache = new MatcherCache();

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** The argument of each `@rx`, with the id of the rule or of the head of its chain. */
function patternsIn(folder: string): { rule: string; source: string }[] {
  let rule = "";
  return readRuleFiles([`${folder}/*.conf`]).directives.flatMap((directive) => {
    if (directive.kind !== "SecRule") return [];
    const id = directive.actions.find((action) => action.name === "id");
    if (id && "value" in id && typeof id.value === "number") rule = String(id.value);
    const { name, argument } = directive.operator;
    return name === "rx" && argument !== undefined ? [{ rule, source: argument }] : [];
  });
}

function analysed(folder: string): { rule: string; facts: PatternFacts }[] {
  const patterns = patternsIn(folder);
  const before = cpuMs();
  const all = patterns.map(({ rule, source }) => ({ rule, facts: analysePattern(source) }));
  console.log(`${all.length} patterns, analysed in ${Math.round(cpuMs() - before)} ms`);
  return all;
}

function costOf(matcher: RuleMatcher, value: string): number {
  const times = Math.ceil(TOTAL_BYTES / value.length);
  const before = cpuMs();
  for (let i = 0; i < times; i++) {
    try {
      matcher.test(value);
    } catch (error) {
      if (!(error instanceof ValueTooLong)) throw error;
    }
  }
  return cpuMs() - before;
}

/** One value as long as allowed, and as many as fit of the length at which backtracking is worst. */
function costsOf({ rule, facts }: { rule: string; facts: PatternFacts }): Cost[] {
  const matcher = new RuleMatcher(facts, cache);
  matcher.warm();
  const lengths = [TOTAL_BYTES, facts.backtrackingLimitBytes].filter(
    (bytes) => bytes > 0 && bytes <= TOTAL_BYTES,
  );
  return PUMPS.flatMap((pump) =>
    lengths.map((valueBytes) => {
      // Read from a buffer, so that no time goes into putting the repeated pieces together.
      const value = Buffer.from(pumped(pump, valueBytes), "latin1").toString("latin1");
      return { rule, pump, valueBytes, risk: facts.risk, cpuMs: costOf(matcher, value) };
    }),
  );
}

function print(title: string, costs: readonly Cost[]): void {
  const worst = costs.toSorted((a, b) => b.cpuMs - a.cpuMs).slice(0, WORST_ROWS);
  console.log(title);
  console.table(worst.map((cost) => ({ ...cost, pump: JSON.stringify(cost.pump) })));
}

const { values } = parseArgs({ options: { rules: { type: "string" } } });
if (values.rules === undefined) throw new Error("usage: node bench/waf-pumps.ts --rules DIR");
const costs = analysed(values.rules).flatMap(costsOf);
const isWhole = ({ valueBytes }: Cost) => valueBytes === TOTAL_BYTES;
print(`one value of ${TOTAL_BYTES} bytes`, costs.filter(isWhole));
print(
  `${TOTAL_BYTES} bytes in values as long as backtracking may have them`,
  costs.filter((cost) => !isWhole(cost)),
);
const slowest = Math.max(...costs.map((cost) => cost.cpuMs));
console.log(
  `worst ${Math.round(slowest)} ms, target ${TARGET_MS} ms, memory ${cache.usedBytes} bytes`,
);
process.exitCode = slowest <= TARGET_MS ? 0 : 1;
