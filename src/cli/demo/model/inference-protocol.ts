/**
 * The Open Inference Protocol v2 (the REST part of KServe's "V2 dataplane"): metadata and inference with tensors. Each input
 * of the model is a tensor of its own, one element for each customer.
 */
import { CallError, refuseUnknown, requireObject } from "./call-error.ts";
import { CATALOGUE } from "./catalogue.ts";
import { FEATURES, type Feature } from "./features.ts";
import { readInputs } from "./prediction.ts";
import type { Predictor } from "./trees.ts";

/** Customers in one call; more would hold the only thread for longer than a caller's patience. */
const MAX_BATCH = 1024;
const CHURN_THRESHOLD = 0.5;
const NUMBER_TYPES: readonly string[] = ["FP64", "FP32", "INT64", "INT32"];

export const serverMetadata = (): object => ({
  name: "portcullis-demo-models",
  version: "1",
  extensions: [],
});

export function modelMetadata(model: string): object {
  return {
    name: model,
    versions: [...(CATALOGUE.get(model)?.versions.keys() ?? [])],
    platform: "portcullis-churn-trees",
    inputs: FEATURES.map((feature) => ({
      name: feature.name,
      datatype: datatypeOf(feature),
      shape: [-1],
    })),
    outputs: [
      { name: "probability", datatype: "FP64", shape: [-1] },
      { name: "churn", datatype: "BOOL", shape: [-1] },
    ],
  };
}

const datatypeOf = (feature: Feature): string => (feature.kind === "number" ? "FP64" : "BYTES");

export function answerInference(predictor: Predictor, body: unknown): object {
  const request = requireObject(body, "the body");
  refuseUnknown(request, ["id", "parameters", "inputs", "outputs"], "the body");
  const columns = readTensors(request["inputs"]);
  const size = columns.values().next().value?.length ?? 0;
  const probabilities = Array.from({ length: size }, (_, row) =>
    predictor.predict(
      readInputs(Object.fromEntries([...columns].map(([name, data]) => [name, data[row]]))),
    ),
  );
  const outputs = [
    { name: "probability", datatype: "FP64", shape: [size], data: probabilities },
    {
      name: "churn",
      datatype: "BOOL",
      shape: [size],
      data: probabilities.map((probability) => probability >= CHURN_THRESHOLD),
    },
  ];
  const wanted = readWanted(
    request["outputs"],
    outputs.map(({ name }) => name),
  );
  return {
    model_name: predictor.model,
    model_version: predictor.version,
    ...(typeof request["id"] === "string" && { id: request["id"] }),
    outputs: outputs.filter(({ name }) => wanted.includes(name)),
  };
}

function readTensors(value: unknown): Map<string, readonly unknown[]> {
  if (!Array.isArray(value)) throw new CallError(400, "inputs must be a list of tensors");
  const columns = new Map<string, readonly unknown[]>();
  let size: number | undefined;
  for (const item of value) {
    const tensor = requireObject(item, "a tensor");
    const feature = FEATURES.find(({ name }) => name === tensor["name"]);
    if (!feature) throw new CallError(400, "a tensor has an unknown name");
    if (columns.has(feature.name)) throw new CallError(400, `tensor ${feature.name} is repeated`);
    const data = readTensor(tensor, feature);
    size ??= data.length;
    if (data.length !== size) throw new CallError(400, "all tensors must have the same length");
    columns.set(feature.name, data);
  }
  const missing = FEATURES.find(({ name }) => !columns.has(name));
  if (missing) throw new CallError(400, `tensor ${missing.name} is missing`);
  return columns;
}

function readTensor(tensor: Record<string, unknown>, feature: Feature): readonly unknown[] {
  const { name } = feature;
  refuseUnknown(tensor, ["name", "shape", "datatype", "parameters", "data"], `tensor ${name}`);
  const { datatype, shape, data } = tensor;
  const allowed = feature.kind === "number" ? NUMBER_TYPES : ["BYTES"];
  if (typeof datatype !== "string" || !allowed.includes(datatype)) {
    throw new CallError(400, `tensor ${name} must be of datatype ${allowed.join(" or ")}`);
  }
  if (!Array.isArray(data)) throw new CallError(400, `tensor ${name} has no data`);
  const flat: unknown[] = data.flat();
  if (flat.length < 1 || flat.length > MAX_BATCH) {
    throw new CallError(400, `tensor ${name} must have 1 to ${MAX_BATCH} elements`);
  }
  if (!isShapeOf(shape, flat.length)) {
    throw new CallError(400, `tensor ${name} must have the shape [n] or [n, 1] of its data`);
  }
  return flat;
}

function isShapeOf(shape: unknown, length: number): boolean {
  if (!Array.isArray(shape) || shape[0] !== length) return false;
  return shape.length === 1 || (shape.length === 2 && shape[1] === 1);
}

function readWanted(value: unknown, names: readonly string[]): readonly string[] {
  if (value === undefined) return names;
  if (!Array.isArray(value)) throw new CallError(400, "outputs must be a list");
  return value.map((item) => {
    const { name } = requireObject(item, "an output");
    if (typeof name === "string" && names.includes(name)) return name;
    throw new CallError(400, "an output has an unknown name");
  });
}
