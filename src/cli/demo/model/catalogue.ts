/** The models that the model server serves, loaded once. */
import v1 from "./churn-v1.json" with { type: "json" };
import v2 from "./churn-v2.json" with { type: "json" };
import { createPredictor, type ModelFile, type Predictor } from "./trees.ts";

export interface Served {
  readonly model: string;
  /** In order of age; the last one answers when no version is named. */
  readonly versions: ReadonlyMap<string, Predictor>;
}

const CHURN: readonly ModelFile[] = [v1 as ModelFile, v2 as ModelFile];

export const CATALOGUE: ReadonlyMap<string, Served> = new Map([
  [
    "churn",
    {
      model: "churn",
      versions: new Map(CHURN.map((file) => [file.version, createPredictor(file)])),
    },
  ],
]);

/** The predictor of a model's version; without a version its newest. */
export function findPredictor(model: string, version?: string): Predictor | undefined {
  const served = CATALOGUE.get(model);
  return version === undefined
    ? [...(served?.versions.values() ?? [])].at(-1)
    : served?.versions.get(version);
}
