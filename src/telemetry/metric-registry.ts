/**
 * Counters, gauges and histograms, and their text for Prometheus (exposition format 0.0.4). Adding to a series is an
 * addition: series are looked up once, when a route or listener is first seen. No label value may come from a caller;
 * should one family still grow past its limit, the rest is counted in one series named `overflow`.
 */
import { DEFAULT_SERIES_LIMIT } from "./config.ts";

export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export interface MetricSpec {
  /** In snake case with its base unit; counters end in `_total`. */
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

/** What a callback reads at each scrape: one number, or one for each set of label values. */
export type Readings = number | readonly (readonly [labels: readonly string[], value: number])[];

/** A value that is set or added to. */
export class ValueSeries {
  value = 0;

  add(amount = 1): void {
    this.value += amount;
  }

  set(value: number): void {
    this.value = value;
  }
}

/** Observations by upper bound. */
export class HistogramSeries {
  readonly bounds: readonly number[];
  /** Not cumulative; the last one is for what is above every bound. */
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const { bounds } = this;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] as number)) at++;
    this.counts[at] = (this.counts[at] as number) + 1;
    this.sum += value;
  }
}

/** All series of one metric. */
export class Family<Series> {
  readonly spec: MetricSpec;
  readonly #limit: number;
  readonly #create: () => Series;
  readonly #series = new Map<string, { readonly labels: string; readonly series: Series }>();
  /** How often a series had to be taken from the overflow. */
  overflows = 0;

  constructor(spec: MetricSpec, limit: number, create: () => Series) {
    this.spec = spec;
    this.#limit = limit;
    this.#create = create;
    if ((spec.labels ?? []).length === 0) this.series();
  }

  /** The series of these label values, in the order of the spec's names. Keep it: the look-up is not for every request. */
  series(...values: readonly string[]): Series {
    const names = this.spec.labels ?? [];
    if (values.length !== names.length)
      throw new Error(`${this.spec.name} has ${names.length} labels, not ${values.length}`);
    const key = values.length === 1 ? (values[0] as string) : values.join("\0");
    const known = this.#series.get(key);
    if (known) return known.series;
    if (this.#series.size < this.#limit) return this.#add(key, values);
    this.overflows++;
    return (
      this.#series.get(OVERFLOW)?.series ??
      this.#add(
        OVERFLOW,
        names.map(() => OVERFLOW),
      )
    );
  }

  #add(key: string, values: readonly string[]): Series {
    const series = this.#create();
    this.#series.set(key, { labels: labelsText(this.spec.labels ?? [], values), series });
    return series;
  }

  *[Symbol.iterator](): Iterator<readonly [labels: string, series: Series]> {
    for (const { labels, series } of this.#series.values()) yield [labels, series];
  }
}

const OVERFLOW = "overflow";

const METRIC_NAME = /^[a-z][a-z0-9_]*$/;
const LABEL_NAME = /^[a-z][a-z0-9_]*$/;
/** Label names that the format keeps for itself. */
const RESERVED_LABELS = new Set(["le", "quantile"]);

type Kind = "counter" | "gauge" | "histogram";
type Samples = (lines: string[]) => void;

interface Entry {
  readonly spec: MetricSpec;
  readonly kind: Kind;
  readonly samples: Samples;
}

export class Registry {
  readonly #entries = new Map<string, Entry>();
  readonly #families: Family<unknown>[] = [];
  readonly #seriesLimit: number;
  /** Callbacks that threw at a scrape; their metric is left out of it. */
  callbackFailures = 0;

  constructor(seriesLimit: number = DEFAULT_SERIES_LIMIT) {
    this.#seriesLimit = seriesLimit;
  }

  /** How often any metric ran out of series. */
  get overflows(): number {
    return this.#families.reduce((sum, family) => sum + family.overflows, 0);
  }

  counter(spec: MetricSpec): Family<ValueSeries> {
    return this.#values("counter", spec);
  }

  gauge(spec: MetricSpec): Family<ValueSeries> {
    return this.#values("gauge", spec);
  }

  /** `bounds` rise and are finite; the bucket above them all is added here. */
  histogram(spec: MetricSpec, bounds: readonly number[]): Family<HistogramSeries> {
    const family = new Family(spec, this.#seriesLimit, () => new HistogramSeries(bounds));
    this.#families.push(family);
    this.#define(spec, "histogram", (lines) => {
      for (const [labels, series] of family) addHistogram(lines, spec.name, labels, series);
    });
    return family;
  }

  /**
   * A metric whose values are read at each scrape. Several callbacks may feed one metric (the old and the new
   * configuration while one drains): readings of the same labels are added up. Returns how to stop.
   */
  watch(kind: "counter" | "gauge", spec: MetricSpec): (read: () => Readings) => () => void {
    const readers = new Set<() => Readings>();
    this.#define(spec, kind, (lines) => {
      for (const [labels, value] of this.#read(spec, readers))
        lines.push(`${spec.name}${braced(labels)} ${numberText(value)}`);
    });
    return (read) => {
      readers.add(read);
      return () => void readers.delete(read);
    };
  }

  /** Everything as text. Synchronous: a scrape sees one moment. */
  expose(): string {
    const lines: string[] = [];
    for (const { spec, kind, samples } of this.#entries.values()) {
      lines.push(`# HELP ${spec.name} ${escapeHelp(spec.help)}`, `# TYPE ${spec.name} ${kind}`);
      samples(lines);
    }
    lines.push("");
    return lines.join("\n");
  }

  #values(kind: "counter" | "gauge", spec: MetricSpec): Family<ValueSeries> {
    const family = new Family(spec, this.#seriesLimit, () => new ValueSeries());
    this.#families.push(family);
    this.#define(spec, kind, (lines) => {
      for (const [labels, { value }] of family)
        lines.push(`${spec.name}${braced(labels)} ${numberText(value)}`);
    });
    return family;
  }

  #read(spec: MetricSpec, readers: Iterable<() => Readings>): Map<string, number> {
    const sums = new Map<string, number>();
    for (const read of readers) {
      let readings: Readings;
      try {
        readings = read();
      } catch {
        this.callbackFailures++;
        continue;
      }
      const rows = typeof readings === "number" ? [[[], readings] as const] : readings;
      for (const [values, value] of rows.slice(0, this.#seriesLimit)) {
        const labels = labelsText(spec.labels ?? [], values);
        sums.set(labels, (sums.get(labels) ?? 0) + value);
      }
    }
    return sums;
  }

  #define(spec: MetricSpec, kind: Kind, samples: Samples): void {
    const { name, labels = [] } = spec;
    const isSound =
      METRIC_NAME.test(name) &&
      (kind !== "counter" || name.endsWith("_total")) &&
      labels.every((label) => LABEL_NAME.test(label) && !RESERVED_LABELS.has(label));
    if (!isSound) throw new Error(`metric ${name} breaks the rules of naming`);
    if (this.#entries.has(name)) throw new Error(`metric ${name} is defined twice`);
    this.#entries.set(name, { spec, kind, samples });
  }
}

function addHistogram(
  lines: string[],
  name: string,
  labels: string,
  { bounds, counts, sum }: HistogramSeries,
): void {
  const before = labels === "" ? "" : `${labels},`;
  let total = 0;
  for (let at = 0; at < counts.length; at++) {
    total += counts[at] as number;
    const bound = at < bounds.length ? numberText(bounds[at] as number) : "+Inf";
    lines.push(`${name}_bucket{${before}le="${bound}"} ${total}`);
  }
  lines.push(`${name}_sum${braced(labels)} ${numberText(sum)}`);
  lines.push(`${name}_count${braced(labels)} ${total}`);
}

const braced = (labels: string): string => (labels === "" ? "" : `{${labels}}`);

const labelsText = (names: readonly string[], values: readonly string[]): string =>
  names.map((name, i) => `${name}="${escapeLabel(values[i] ?? "")}"`).join(",");

const escapeHelp = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");

const escapeLabel = (text: string): string => escapeHelp(text).replaceAll('"', '\\"');

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
