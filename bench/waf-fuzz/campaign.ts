/** Many made requests through one rule set: counts, keeps the worst and everything that must not be. It decides nothing by the clock. */
import { FilterSession } from "../../src/seclang/filter/filter-session.ts";
import type { Policy, PolicyOptions, RuleSet } from "../../src/seclang/index.ts";
import { faultsOf, outcomeOf } from "./judge.ts";
import type { RequestMaker } from "./mutate.ts";
import { play } from "./play.ts";

export interface Finding {
  readonly serial: number;
  readonly problem: string;
}

export interface Slow {
  readonly serial: number;
  readonly cpuMs: number;
  readonly bodyBytes: number;
}

export interface CampaignOptions {
  readonly ruleSet: RuleSet;
  readonly maker: RequestMaker;
  readonly tx?: Readonly<Record<string, string>>;
  /** CPU time for one request beyond which it is a finding. */
  readonly limitCpuMs: number;
  /** One request of so many is run with filter and folding off, too. */
  readonly compareEvery: number;
}

const SLOWEST_KEPT = 12;
const FINDINGS_KEPT = 200;
/** Running every rule on everything is slow; what filter and folding do to a value does not hang on its length. */
const COMPARED_BODY_BYTES = 6_000;
/** So large that none of the two ways of running stops early. */
const AMPLE_MICROS = 600_000_000;

export class Campaign {
  readonly findings: Finding[] = [];
  /** The worst first. */
  readonly slowest: Slow[] = [];
  requests = 0;
  compared = 0;
  refused = 0;
  matched = 0;
  readonly #options: CampaignOptions;
  readonly #policies: readonly Policy[];
  readonly #pair: readonly [Policy, Policy];

  constructor(options: CampaignOptions) {
    this.#options = options;
    const { ruleSet, tx = {} } = options;
    const policy = (more: PolicyOptions): Policy => ruleSet.policy({ tx, ...more });
    this.#policies = [
      policy({ engine: "on" }),
      policy({ engine: "detectionOnly" }),
      policy({ engine: "on", refusesUnreadable: false, fieldKind: kindOf }),
    ];
    const compared = { engine: "detectionOnly", budgetMicros: AMPLE_MICROS } as const;
    this.#pair = [policy(compared), policy({ ...compared, isOptimized: false })];
  }

  async run(serial: number): Promise<void> {
    const { ruleSet, maker, limitCpuMs, compareEvery } = this.#options;
    const request = maker.make(serial);
    const policy = this.#policies[serial % this.#policies.length] as Policy;
    const before = cpuMs();
    try {
      const played = await play(policy, request);
      const spentMs = cpuMs() - before;
      this.#note({ serial, cpuMs: spentMs, bodyBytes: request.body.length });
      if (spentMs > limitCpuMs) this.#find(serial, `${Math.round(spentMs)} ms of CPU`);
      for (const fault of faultsOf(played, ruleSet)) this.#find(serial, fault);
      if (played.report.interruption !== undefined) this.refused++;
      if (played.report.matched.length > 0) this.matched++;
      if (serial % compareEvery === 0 && request.body.length < COMPARED_BODY_BYTES)
        await this.#compare(serial);
    } catch (error) {
      this.#find(serial, `it threw ${error instanceof Error ? error.stack : String(error)}`);
    }
    this.requests++;
  }

  async #compare(serial: number): Promise<void> {
    const request = this.#options.maker.make(serial);
    const [optimized, plain] = this.#pair;
    const one = outcomeOf((await play(optimized, request)).report);
    const other = outcomeOf((await play(plain, request)).report);
    this.compared++;
    if (one !== other) this.#find(serial, `optimized ${one}\n  plain ${other}`);
  }

  #find(serial: number, problem: string): void {
    if (this.findings.length < FINDINGS_KEPT) this.findings.push({ serial, problem });
  }

  #note(slow: Slow): void {
    const least = this.slowest.at(-1);
    if (this.slowest.length === SLOWEST_KEPT && least && least.cpuMs >= slow.cpuMs) return;
    this.slowest.push(slow);
    this.slowest.sort((a, b) => b.cpuMs - a.cpuMs).splice(SLOWEST_KEPT);
  }
}

const KINDS = { q: "text", content: "prompt", model: "identifier", n: "number" } as const;

/** Some arguments are declared, as a route's schema would. */
function kindOf(name: string): (typeof KINDS)[keyof typeof KINDS] | undefined {
  const last = name.slice(name.lastIndexOf(".") + 1);
  return Object.hasOwn(KINDS, last) ? KINDS[last as keyof typeof KINDS] : undefined;
}

/** CPU time of the process: that of a thread is told in steps of milliseconds only on some machines. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Counts the filter's sessions that were ever used: all that are given back are used again. */
export function watchSessions(): { readonly seen: ReadonlySet<unknown>; stop(): void } {
  const seen = new Set<unknown>();
  const { prototype } = FilterSession;
  const reset = Reflect.get(prototype, "reset");
  prototype.reset = function resetAndTell(this: FilterSession): void {
    seen.add(this);
    reset.call(this);
  };
  return {
    seen,
    stop: () => {
      prototype.reset = reset;
    },
  };
}
