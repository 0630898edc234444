/** The trained model: its file format and how it answers. Reads nothing but the inputs it is given; never learns. */
import type { FeatureName, Inputs } from "./features.ts";
import { logistic } from "./portable-math.ts";

/** A tree with all its levels filled, stored as a heap: the children of node i are 2i + 1 and 2i + 2, the leaves follow. */
export interface Tree {
  /** For each inner node the index into the model's features; a node that does not divide sends all to the left. */
  readonly feature: readonly number[];
  /** At most this goes left. For a category the value is its place in the feature's order. */
  readonly atMost: readonly number[];
  /** Log odds that each leaf adds. */
  readonly leaf: readonly number[];
}

export interface ModelFeature {
  readonly name: FeatureName;
  /** Categories in the order of their churn rate in training; absent for numbers. */
  readonly order?: readonly string[];
}

export interface ModelFile {
  readonly format: "portcullis-churn-trees/1";
  readonly notice: string;
  readonly synthetic: true;
  readonly model: string;
  readonly version: string;
  readonly baseLogOdds: number;
  readonly features: readonly ModelFeature[];
  readonly trees: readonly Tree[];
}

export interface Predictor {
  readonly model: string;
  readonly version: string;
  /** Probability of churn, rounded to six digits. The inputs must have been checked. */
  predict(inputs: Inputs): number;
}

/** Sends this a node that does not divide: every value is at most that. */
export const NEVER_RIGHT = 1e9;
const PROBABILITY_STEPS = 1_000_000;

/** The numbers a model reads, in its features' order. */
export function toNumbers(inputs: Inputs, features: readonly ModelFeature[]): number[] {
  return features.map(({ name, order }) => {
    const value = inputs[name];
    return order ? order.indexOf(value as string) : (value as number);
  });
}

export function leafOf(tree: Tree, numbers: ArrayLike<number>): number {
  const inner = tree.feature.length;
  let node = 0;
  while (node < inner) {
    const value = numbers[tree.feature[node] as number] as number;
    node = 2 * node + (value <= (tree.atMost[node] as number) ? 1 : 2);
  }
  return tree.leaf[node - inner] as number;
}

export function createPredictor(file: ModelFile): Predictor {
  return {
    model: file.model,
    version: file.version,
    predict(inputs) {
      const numbers = toNumbers(inputs, file.features);
      let logOdds = file.baseLogOdds;
      for (const tree of file.trees) logOdds += leafOf(tree, numbers);
      return Math.round(logistic(logOdds) * PROBABILITY_STEPS) / PROBABILITY_STEPS;
    },
  };
}
