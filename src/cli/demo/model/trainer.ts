/**
 * Gradient-boosted trees for a yes-or-no answer: logistic loss, second-order leaf values, splits found on histograms (after
 * XGBoost, Chen and Guestrin 2016, sections 2.2 and 3.3). Deterministic: no random number, no engine-dependent function.
 */
import type { Customer } from "./customers.ts";
import { featureNamed, type FeatureName } from "./features.ts";
import { log, logistic } from "./portable-math.ts";
import { leafOf, type ModelFeature, NEVER_RIGHT, toNumbers, type Tree } from "./trees.ts";

export interface TrainingPlan {
  readonly features: readonly FeatureName[];
  readonly treeCount: number;
  readonly depth: number;
  readonly learningRate: number;
}

export interface Trained {
  readonly baseLogOdds: number;
  readonly features: readonly ModelFeature[];
  readonly trees: readonly Tree[];
  /** How much of the loss each feature's splits took away, as shares of 1. */
  readonly gains: ReadonlyMap<FeatureName, number>;
}

const MAX_BINS = 48;
/** Keeps leaves of few customers near zero (lambda in the paper). */
const LEAF_SHRINKAGE = 4;
/** A side of a split holds at least this much of the second derivative: about 60 undecided customers. */
const MIN_SIDE_WEIGHT = 15;
/** Leaf values are rounded to this before the next tree is grown, so that the file says exactly what was trained. */
const LEAF_STEPS = 10_000;

interface Column {
  /** Ascending; a value's bin is the first whose edge is not below it. */
  readonly edges: readonly number[];
  readonly bins: Uint8Array;
}

interface Split {
  readonly feature: number;
  readonly bin: number;
  readonly gain: number;
}

export function train(customers: readonly Customer[], plan: TrainingPlan): Trained {
  const features = plan.features.map((name) => describeFeature(name, customers));
  const rows = customers.map(({ inputs }) => toNumbers(inputs, features));
  const columns = features.map((_, index) => createColumn(rows.map((row) => row[index] as number)));
  const share = customers.filter(({ hasChurned }) => hasChurned).length / customers.length;
  const baseLogOdds = roundLeaf(log(share / (1 - share)));
  const logOdds = new Float64Array(rows.length).fill(baseLogOdds);
  const gains = Array.from({ length: features.length }, () => 0);
  const trees: Tree[] = [];
  for (let i = 0; i < plan.treeCount; i++) {
    const slopes = derivatives(customers, logOdds);
    const tree = growTree(columns, slopes, plan, gains);
    rows.forEach((row, at) => (logOdds[at] = (logOdds[at] as number) + leafOf(tree, row)));
    trees.push(tree);
  }
  const total = gains.reduce((sum, gain) => sum + gain, 0);
  const shares = plan.features.map((name, at) => [name, (gains[at] as number) / total] as const);
  return { baseLogOdds, features, trees, gains: new Map(shares) };
}

const roundLeaf = (value: number): number => Math.round(value * LEAF_STEPS) / LEAF_STEPS;

/** Categories are ordered by churn rate, which makes the best two-way division of them a cut in that order. */
function describeFeature(name: FeatureName, customers: readonly Customer[]): ModelFeature {
  const feature = featureNamed(name);
  if (feature?.kind !== "category") return { name };
  const rate = (value: string): number => {
    const having = customers.filter(({ inputs }) => inputs[name] === value);
    return having.filter(({ hasChurned }) => hasChurned).length / Math.max(1, having.length);
  };
  const rates = new Map(feature.values.map((value) => [value, rate(value)]));
  const order = feature.values.toSorted(
    (left, right) => (rates.get(left) as number) - (rates.get(right) as number),
  );
  return { name, order };
}

function createColumn(values: readonly number[]): Column {
  const sorted = values.toSorted((left, right) => left - right);
  const edges = new Set<number>();
  for (let bin = 1; bin <= MAX_BINS; bin++) {
    edges.add(sorted[Math.ceil((bin * sorted.length) / MAX_BINS) - 1] as number);
  }
  const list = [...edges];
  const bins = Uint8Array.from(values, (value) => list.findIndex((edge) => value <= edge));
  return { edges: list, bins };
}

interface Slopes {
  readonly first: Float64Array;
  readonly second: Float64Array;
}

/** First and second derivative of the logistic loss with respect to each customer's log odds. */
function derivatives(customers: readonly Customer[], logOdds: Float64Array): Slopes {
  const first = new Float64Array(customers.length);
  const second = new Float64Array(customers.length);
  customers.forEach(({ hasChurned }, at) => {
    const probability = logistic(logOdds[at] as number);
    first[at] = probability - (hasChurned ? 1 : 0);
    second[at] = probability * (1 - probability);
  });
  return { first, second };
}

function growTree(
  columns: readonly Column[],
  slopes: Slopes,
  plan: TrainingPlan,
  gains: number[],
): Tree {
  const inner = 2 ** plan.depth - 1;
  const feature = Array.from({ length: inner }, () => 0);
  const atMost = Array.from({ length: inner }, () => NEVER_RIGHT);
  let groups: Uint32Array[] = [Uint32Array.from(slopes.first, (_, at) => at)];
  for (let node = 0; node < inner;) {
    const below: Uint32Array[] = [];
    for (const group of groups) {
      const split = findSplit(columns, slopes, group);
      if (split) {
        const column = columns[split.feature] as Column;
        feature[node] = split.feature;
        atMost[node] = column.edges[split.bin] as number;
        gains[split.feature] = (gains[split.feature] as number) + split.gain;
        below.push(group.filter((row) => (column.bins[row] as number) <= split.bin));
        below.push(group.filter((row) => (column.bins[row] as number) > split.bin));
      } else below.push(group, new Uint32Array());
      node++;
    }
    groups = below;
  }
  return { feature, atMost, leaf: groups.map((group) => leafValue(slopes, group, plan)) };
}

function leafValue(slopes: Slopes, group: Uint32Array, plan: TrainingPlan): number {
  const [first, second] = sumOf(slopes, group);
  // "+ 0" turns a negative zero, which JSON cannot carry, into zero.
  return roundLeaf((-plan.learningRate * first) / (second + LEAF_SHRINKAGE)) + 0;
}

function sumOf(slopes: Slopes, group: Uint32Array): [first: number, second: number] {
  let first = 0;
  let second = 0;
  for (const row of group) {
    first += slopes.first[row] as number;
    second += slopes.second[row] as number;
  }
  return [first, second];
}

const score = (first: number, second: number): number =>
  (first * first) / (second + LEAF_SHRINKAGE);

/** The best division of these customers, or undefined; of equals the first feature and lowest edge win. */
function findSplit(
  columns: readonly Column[],
  slopes: Slopes,
  group: Uint32Array,
): Split | undefined {
  const [first, second] = sumOf(slopes, group);
  let best: Split | undefined;
  columns.forEach((column, feature) => {
    const sums = histogram(column, slopes, group);
    let leftFirst = 0;
    let leftSecond = 0;
    for (let bin = 0; bin < column.edges.length - 1; bin++) {
      leftFirst += sums[2 * bin] as number;
      leftSecond += sums[2 * bin + 1] as number;
      if (leftSecond < MIN_SIDE_WEIGHT || second - leftSecond < MIN_SIDE_WEIGHT) continue;
      const gain =
        score(leftFirst, leftSecond) +
        score(first - leftFirst, second - leftSecond) -
        score(first, second);
      if (gain > (best?.gain ?? 0)) best = { feature, bin, gain };
    }
  });
  return best;
}

/** First and second derivative summed for each bin, side by side. */
function histogram(column: Column, slopes: Slopes, group: Uint32Array): Float64Array {
  const sums = new Float64Array(2 * column.edges.length);
  for (const row of group) {
    const at = 2 * (column.bins[row] as number);
    sums[at] = (sums[at] as number) + (slopes.first[row] as number);
    sums[at + 1] = (sums[at + 1] as number) + (slopes.second[row] as number);
  }
  return sums;
}
