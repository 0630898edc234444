/** Writes the model card: what the models are, how they were made, how good they are and what they must not be used for. */
import {
  areaUnderCurve,
  calibration,
  calibrationError,
  logLoss,
  type Scored,
} from "./evaluation.ts";
import { FEATURES, type Feature, type FeatureName } from "./features.ts";
import type { TrainingPlan } from "./trainer.ts";

export interface CardEntry {
  readonly version: string;
  readonly plan: TrainingPlan;
  readonly fileName: string;
  readonly sha256: string;
  readonly gains: ReadonlyMap<FeatureName, number>;
  readonly training: readonly Scored[];
  readonly test: readonly Scored[];
}

export interface Card {
  readonly notice: string;
  readonly seed: number;
  readonly trainingRows: number;
  readonly testRows: number;
  readonly neverLearned: readonly FeatureName[];
  readonly entries: readonly CardEntry[];
}

const share = (scored: readonly Scored[]): number =>
  scored.filter(({ hasChurned }) => hasChurned).length / scored.length;
const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;

export function writeCard(card: Card): string {
  return `${[...heading(card), ...quality(card), ...details(card), ...limits(card)].join("\n")}\n`;
}

function heading({ notice, seed, trainingRows, testRows, entries }: Card): string[] {
  const [first] = entries as [CardEntry];
  return [
    "# Model card: churn",
    "",
    `**${notice}**`,
    "",
    "Gradient-boosted decision trees (logistic loss, histogram splits) that estimate the probability that a customer leaves",
    "within the next quarter. Trained by this project's own program; they exist so that the gateway's demo and tests have a real",
    "model to protect. Written by `node src/cli/demo/model/train.ts`; do not edit by hand.",
    "",
    "## Data",
    "",
    `- **Synthetic.** Every row is made by \`customers.ts\` from the seed ${seed}. No row describes a real person, and the`,
    "  relations between columns (short monthly contracts, low satisfaction, support tickets, late payments and high charges",
    "  raise churn) are assumptions written down in that file.",
    `- ${trainingRows} rows for training, ${testRows} others for the test. Churn rate: ${percent(share(first.training))} and ${percent(share(first.test))}.`,
    "- Random numbers come from 32-bit integer arithmetic; `exp` and `log` are the project's own. Training again gives the same",
    "  bytes on every machine and Node version; a test does it.",
    "",
  ];
}

/** A Markdown table with aligned columns, as the formatter would leave it. */
function table(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = header.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => (row[column] as string).length)),
  );
  const line = (cells: readonly string[], filler: string): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] as number, filler)).join(" | ")} |`;
  const rule = line(
    header.map(() => "---"),
    "-",
  );
  return [line(header, " "), rule, ...rows.map((row) => line(row, " "))];
}

function quality({ entries }: Card): string[] {
  const rows = entries.map(({ version, training, test }) => [
    version,
    areaUnderCurve(training).toFixed(4),
    areaUnderCurve(test).toFixed(4),
    logLoss(test).toFixed(4),
    calibrationError(calibration(test)).toFixed(4),
  ]);
  return [
    "## Quality",
    "",
    ...table(
      ["version", "AUC, training", "AUC, test", "log loss, test", "calibration error, test"],
      rows,
    ),
    "",
    "AUC is the probability that a churner is rated above a stayer. Churn was drawn at random from each customer's probability,",
    "so no model can reach 1 on these data.",
    "",
  ];
}

function details({ entries }: Card): string[] {
  return entries.flatMap((entry) => [
    `## Version ${entry.version}`,
    "",
    `- File: \`${entry.fileName}\`, SHA-256 \`${entry.sha256}\``,
    `- ${entry.plan.treeCount} trees of depth ${entry.plan.depth}, learning rate ${entry.plan.learningRate}, ${entry.plan.features.length} features`,
    "",
    ...table(
      ["feature", "share of the gain"],
      [...entry.gains]
        .toSorted(([, left], [, right]) => right - left)
        .map(([name, gain]) => [name, percent(gain)]),
    ),
    "",
    "Calibration on the test rows, in ten groups of equal size:",
    "",
    ...table(
      ["predicted", "observed", "rows"],
      calibration(entry.test).map((row) => [
        percent(row.predicted),
        percent(row.observed),
        String(row.count),
      ]),
    ),
    "",
  ]);
}

function limits({ neverLearned }: Card): string[] {
  return [
    "## Limits",
    "",
    "- Not for decisions about people. The data are invented: on real customers the probabilities mean nothing.",
    `- ${neverLearned.map((name) => `\`${name}\``).join(" and ")} are accepted as inputs and never used. Other inputs, such as age, may still stand in`,
    "  for something protected; no fairness study was made, since there are no real groups in invented data.",
    "- Values outside the ranges below are refused by the server and by the gateway's contract.",
    "",
    "## Inputs",
    "",
    ...table(["name", "kind", "allowed", "meaning"], FEATURES.map(describeInput)),
  ];
}

function describeInput(feature: Feature): string[] {
  if (feature.kind === "category") {
    return [feature.name, "category", feature.values.join(", "), feature.text];
  }
  const kind = feature.isWhole ? "whole number" : "number";
  return [feature.name, kind, `${feature.minimum} to ${feature.maximum}`, feature.text];
}
