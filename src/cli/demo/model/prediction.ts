/** `POST /<model>/<version>/predict`: one customer in, one probability out. Checks everything again: it trusts no gateway. */
import { CallError, refuseUnknown, requireObject } from "./call-error.ts";
import { FEATURES, type Inputs, problemWith } from "./features.ts";
import type { Predictor } from "./trees.ts";

const DEFAULT_THRESHOLD = 0.5;
const PROBABILITY_STEPS = 1_000_000;

export function answerPrediction(predictor: Predictor, body: unknown): object {
  const request = requireObject(body, "the body");
  refuseUnknown(request, ["id", "trace", "inputs", "parameters"], "the body");
  const { threshold, withProbabilities } = readParameters(request["parameters"]);
  const probability = predictor.predict(readInputs(request["inputs"]));
  const stay = Math.round((1 - probability) * PROBABILITY_STEPS) / PROBABILITY_STEPS;
  return {
    ...(request["id"] !== undefined && { id: readId(request["id"]) }),
    model: predictor.model,
    version: predictor.version,
    probability,
    churn: probability >= threshold,
    threshold,
    ...(withProbabilities && { probabilities: { stay, churn: probability } }),
    synthetic: true,
  };
}

function readId(id: unknown): string {
  if (typeof id === "string") return id;
  throw new CallError(400, "id must be a text");
}

/** All inputs, each of its kind and in its range. */
export function readInputs(value: unknown): Inputs {
  const inputs = requireObject(value, "inputs");
  refuseUnknown(
    inputs,
    FEATURES.map(({ name }) => name),
    "inputs",
  );
  for (const feature of FEATURES) {
    const problem = problemWith(feature, inputs[feature.name]);
    if (problem) throw new CallError(400, `inputs.${feature.name} ${problem}`);
  }
  return inputs as Inputs;
}

function readParameters(value: unknown): { threshold: number; withProbabilities: boolean } {
  const parameters = requireObject(value ?? {}, "parameters");
  refuseUnknown(parameters, ["threshold", "return_probabilities"], "parameters");
  const { threshold = DEFAULT_THRESHOLD, return_probabilities: both = false } = parameters;
  if (typeof threshold !== "number" || !(threshold >= 0 && threshold <= 1)) {
    throw new CallError(400, "parameters.threshold must be from 0 to 1");
  }
  if (typeof both !== "boolean") {
    throw new CallError(400, "parameters.return_probabilities must be true or false");
  }
  return { threshold, withProbabilities: both };
}
