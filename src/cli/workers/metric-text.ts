/**
 * The metrics of several processes as those of one: read from their text (exposition format 0.0.4) and put together.
 * Counters and histograms are added up; of a gauge it depends on what it says.
 */

export type MetricKind = "counter" | "gauge" | "histogram";

export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly kind: MetricKind;
  /** By name and labels as they stand in the text. */
  readonly samples: Map<string, number>;
}

export type MetricFamilies = Map<string, MetricFamily>;

/** How the gauges of processes become one: all of them together, the least, or the greatest. */
type GaugeRule = "sum" | "least" | "greatest";

/**
 * The first that fits counts; sums are for amounts. A state that is well at 1 is the least (one process in trouble is
 * trouble), and one that is grave at 1 the greatest.
 */
const GAUGE_RULES: readonly (readonly [name: RegExp, rule: GaugeRule])[] = [
  [/^process_start_time_seconds$|^process_max_fds$/, "least"],
  [/^process_open_fds$/, "greatest"],
  [/_info$/, "greatest"],
  [/_timestamp_seconds$/, "least"],
  [/^nodejs_eventloop_/, "greatest"],
  // Every process sees the same ones.
  [/^portcullis_kill_switches$/, "greatest"],
  [/_writing$|_up$|_ready$|_remaining(?:_ratio)?$/, "least"],
  [/_ratio$|_active$|_state$|_seconds$|_entries$/, "greatest"],
];

export function readMetricText(text: string): MetricFamilies {
  const families: MetricFamilies = new Map();
  let help = "";
  let family: MetricFamily | undefined;
  for (const line of text.split("\n")) {
    if (line.startsWith("# HELP ")) {
      help = line.slice(line.indexOf(" ", "# HELP ".length) + 1);
    } else if (line.startsWith("# TYPE ")) {
      const [name = "", kind = ""] = line.slice("# TYPE ".length).split(" ");
      family = { name, help, kind: kind as MetricKind, samples: new Map() };
      families.set(name, family);
    } else if (line !== "" && family) {
      const at = line.lastIndexOf(" ");
      family.samples.set(line.slice(0, at), numberOf(line.slice(at + 1)));
    }
  }
  return families;
}

/** Adds the counters and histograms of `from` to `into`; gauges are left out: they end with their process. */
export function keepCounts(into: MetricFamilies, from: MetricFamilies): void {
  for (const family of from.values()) {
    if (family.kind === "gauge") continue;
    const kept = familyIn(into, family);
    for (const [sample, value] of family.samples)
      kept.samples.set(sample, (kept.samples.get(sample) ?? 0) + value);
  }
}

export function sumOfMetrics(all: readonly MetricFamilies[]): MetricFamilies {
  const sum: MetricFamilies = new Map();
  for (const families of all)
    for (const family of families.values()) {
      const merge = family.kind === "gauge" ? MERGES[ruleOf(family.name)] : MERGES.sum;
      const { samples } = familyIn(sum, family);
      for (const [sample, value] of family.samples) {
        const before = samples.get(sample);
        samples.set(sample, before === undefined ? value : merge(before, value));
      }
    }
  return sum;
}

export function writeMetricText(families: MetricFamilies): string {
  const lines: string[] = [];
  for (const { name, help, kind, samples } of families.values()) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`);
    for (const [sample, value] of samples) lines.push(`${sample} ${textOf(value)}`);
  }
  lines.push("");
  return lines.join("\n");
}

const MERGES: Readonly<Record<GaugeRule, (a: number, b: number) => number>> = {
  sum: (a, b) => a + b,
  least: Math.min,
  greatest: Math.max,
};

const ruleOf = (name: string): GaugeRule =>
  GAUGE_RULES.find(([pattern]) => pattern.test(name))?.[1] ?? "sum";

function familyIn(families: MetricFamilies, { name, help, kind }: MetricFamily): MetricFamily {
  const known = families.get(name);
  if (known) return known;
  const family = { name, help, kind, samples: new Map<string, number>() };
  families.set(name, family);
  return family;
}

const INFINITIES: Readonly<Record<string, number>> = { "+Inf": Infinity, "-Inf": -Infinity };

const numberOf = (text: string): number => INFINITIES[text] ?? Number(text);

function textOf(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
