/** The JSON Schemas (2020-12) of a prediction's request and response: the contract that the gateway holds both sides to. */
import { FEATURES, type Feature } from "./features.ts";

const DIALECT = "https://json-schema.org/draft/2020-12/schema";
/** Long enough for any correlation name; longer ones would only bloat logs. */
const ID = { type: "string", minLength: 1, maxLength: 128 };
const PROBABILITY = { type: "number", minimum: 0, maximum: 1 };

export function requestSchema(): object {
  const inputs = Object.fromEntries(FEATURES.map((feature) => [feature.name, schemaOf(feature)]));
  return {
    $schema: DIALECT,
    title: "Request for one churn prediction (demo model, trained on synthetic customers)",
    type: "object",
    additionalProperties: false,
    required: ["inputs"],
    properties: {
      id: { ...ID, description: "Comes back in the answer." },
      trace: { ...ID, description: "The caller's own correlation; ignored." },
      inputs: {
        type: "object",
        additionalProperties: false,
        required: FEATURES.map(({ name }) => name),
        properties: inputs,
      },
      parameters: {
        type: "object",
        additionalProperties: false,
        properties: {
          threshold: { ...PROBABILITY, description: "From this probability on, churn is true." },
          return_probabilities: {
            type: "boolean",
            description: "Adds the probabilities of both outcomes.",
          },
        },
      },
    },
  };
}

export function responseSchema(): object {
  return {
    $schema: DIALECT,
    title: "One churn prediction (demo model, trained on synthetic customers)",
    type: "object",
    additionalProperties: false,
    required: ["model", "version", "probability", "churn", "threshold", "synthetic"],
    properties: {
      id: ID,
      model: { const: "churn" },
      version: { enum: ["v1", "v2"] },
      probability: PROBABILITY,
      churn: { type: "boolean" },
      threshold: PROBABILITY,
      probabilities: {
        type: "object",
        additionalProperties: false,
        required: ["stay", "churn"],
        properties: { stay: PROBABILITY, churn: PROBABILITY },
      },
      synthetic: { const: true },
    },
  };
}

const SHAPE = { type: "array", minItems: 1, maxItems: 2, items: { type: "integer", minimum: 1 } };
/** Customers in one call through the gateway; the body limit of the demo's routes is reached soon after. */
const MAX_BATCH = 64;

/** Open Inference Protocol v2: one tensor for each input. */
export function inferRequestSchema(): object {
  const listOf = (items: object): object => ({
    type: "array",
    minItems: 1,
    maxItems: MAX_BATCH,
    items,
  });
  const tensorOf = (
    kind: Feature["kind"],
    datatypes: readonly string[],
    items: object,
  ): object => ({
    type: "object",
    additionalProperties: false,
    required: ["name", "shape", "datatype", "data"],
    properties: {
      name: { enum: FEATURES.filter((one) => one.kind === kind).map(({ name }) => name) },
      shape: SHAPE,
      datatype: { enum: datatypes },
      data: listOf(items),
    },
  });
  return {
    $schema: DIALECT,
    title: "Open Inference Protocol request for churn (demo model, trained on synthetic customers)",
    type: "object",
    additionalProperties: false,
    required: ["inputs"],
    properties: {
      id: ID,
      inputs: {
        type: "array",
        minItems: FEATURES.length,
        maxItems: FEATURES.length,
        items: {
          oneOf: [
            tensorOf("number", ["FP64", "FP32", "INT64", "INT32"], { type: "number" }),
            tensorOf("category", ["BYTES"], { type: "string", maxLength: 64 }),
          ],
        },
      },
      outputs: {
        type: "array",
        minItems: 1,
        maxItems: 2,
        items: {
          type: "object",
          additionalProperties: false,
          required: ["name"],
          properties: { name: { enum: ["probability", "churn"] } },
        },
      },
    },
  };
}

export function inferResponseSchema(): object {
  const outputOf = (name: string, datatype: string, items: object): object => ({
    type: "object",
    additionalProperties: false,
    required: ["name", "shape", "datatype", "data"],
    properties: {
      name: { const: name },
      shape: SHAPE,
      datatype: { const: datatype },
      data: { type: "array", maxItems: MAX_BATCH, items },
    },
  });
  return {
    $schema: DIALECT,
    title: "Open Inference Protocol answer of churn (demo model, trained on synthetic customers)",
    type: "object",
    additionalProperties: false,
    required: ["model_name", "model_version", "outputs"],
    properties: {
      id: ID,
      model_name: { const: "churn" },
      model_version: { enum: ["v1", "v2"] },
      outputs: {
        type: "array",
        minItems: 1,
        maxItems: 2,
        items: {
          oneOf: [
            outputOf("probability", "FP64", PROBABILITY),
            outputOf("churn", "BOOL", { type: "boolean" }),
          ],
        },
      },
    },
  };
}

function schemaOf(feature: Feature): object {
  const { text: description } = feature;
  if (feature.kind === "category") return { enum: feature.values, description };
  const { minimum, maximum } = feature;
  return { type: feature.isWhole ? "integer" : "number", minimum, maximum, description };
}
