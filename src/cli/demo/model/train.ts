/**
 * Trains the churn models from the seed and writes the model files, their contract and the model card beside itself:
 * `node src/cli/demo/model/train.ts`. The same bytes come out each time, on every machine.
 */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  inferRequestSchema,
  inferResponseSchema,
  requestSchema,
  responseSchema,
} from "./contract-schemas.ts";
import { createCustomers, type Customer } from "./customers.ts";
import { FEATURES, type FeatureName } from "./features.ts";
import { type CardEntry, writeCard } from "./model-card.ts";
import { train, type TrainingPlan } from "./trainer.ts";
import { createPredictor, type ModelFile } from "./trees.ts";

export const SEED = 20_261_122;
export const TRAINING_ROWS = 12_000;
export const TEST_ROWS = 4_000;
const NOTICE =
  "Trained on synthetic customers made by a program. It knows nothing about real people: for demonstration only.";

/** Protected or standing in for something protected: the contract takes them, the models never see them. */
const NEVER_LEARNED: readonly FeatureName[] = ["gender", "region"];

const PLANS: Readonly<Record<string, TrainingPlan>> = {
  v1: {
    features: ["tenure_months", "monthly_charges", "num_tickets", "contract", "plan"],
    treeCount: 20,
    depth: 2,
    learningRate: 0.3,
  },
  v2: {
    features: FEATURES.map(({ name }) => name).filter((name) => !NEVER_LEARNED.includes(name)),
    treeCount: 120,
    depth: 3,
    learningRate: 0.1,
  },
};

export interface Produced {
  readonly fileName: string;
  readonly text: string;
}

/** Everything training writes: the model files, the schemas of their contract, the card that names the hashes. */
export function produceAll(): Produced[] {
  const customers = createCustomers(SEED, TRAINING_ROWS + TEST_ROWS);
  const forTraining = customers.slice(0, TRAINING_ROWS);
  const forTest = customers.slice(TRAINING_ROWS);
  const entries: CardEntry[] = [];
  const files: Produced[] = [];
  for (const [version, plan] of Object.entries(PLANS)) {
    const { gains, ...trained } = train(forTraining, plan);
    const file: ModelFile = {
      format: "portcullis-churn-trees/1",
      notice: NOTICE,
      synthetic: true,
      model: "churn",
      version,
      ...trained,
    };
    const fileName = `churn-${version}.json`;
    const text = toText(file);
    const sha256 = createHash("sha256").update(text).digest("hex");
    const scored = { training: scoreAll(file, forTraining), test: scoreAll(file, forTest) };
    entries.push({ version, plan, fileName, sha256, gains, ...scored });
    files.push({ fileName, text });
  }
  const card = writeCard({
    notice: NOTICE,
    seed: SEED,
    trainingRows: TRAINING_ROWS,
    testRows: TEST_ROWS,
    neverLearned: NEVER_LEARNED,
    entries,
  });
  return [
    ...files,
    { fileName: "churn.request.json", text: toText(requestSchema()) },
    { fileName: "churn.response.json", text: toText(responseSchema()) },
    { fileName: "churn.infer-request.json", text: toText(inferRequestSchema()) },
    { fileName: "churn.infer-response.json", text: toText(inferResponseSchema()) },
    { fileName: "MODEL_CARD.md", text: card },
  ];
}

function scoreAll(file: ModelFile, customers: readonly Customer[]) {
  const predictor = createPredictor(file);
  return customers.map(({ inputs, hasChurned }) => ({
    probability: predictor.predict(inputs),
    hasChurned,
  }));
}

const LINE_WIDTH = 100;

/** JSON with short lists on one line: readable in a diff, and as the formatter would leave it. */
function toText(file: object): string {
  const spaced = JSON.stringify(file, undefined, 2);
  const shortened = spaced.replaceAll(/\[[^[\]{}]*\]/g, (list, at: number) => {
    const items = list.slice(1, -1).trim();
    const line = `[${items.split(/\s*\n\s*/).join(" ")}]`;
    const column = at - spaced.lastIndexOf("\n", at) - 1;
    return column + line.length < LINE_WIDTH ? line : list;
  });
  return `${shortened}\n`;
}

if (import.meta.main ?? process.argv[1] === import.meta.filename) {
  for (const { fileName, text } of produceAll()) {
    writeFileSync(join(import.meta.dirname, fileName), text);
    console.log(`${fileName}: ${text.length} bytes`);
  }
}
