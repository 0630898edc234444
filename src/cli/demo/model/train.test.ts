import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { assert, double, property } from "fast-check";
import { describe, expect, test } from "vitest";
import { findPredictor } from "./catalogue.ts";
import { createCustomers, type Customer } from "./customers.ts";
import { areaUnderCurve, calibration, calibrationError } from "./evaluation.ts";
import { FEATURES, problemWith } from "./features.ts";
import { answerInference } from "./inference-protocol.ts";
import { exp, log } from "./portable-math.ts";
import { answerPrediction } from "./prediction.ts";
import { produceAll, SEED, TEST_ROWS, TRAINING_ROWS } from "./train.ts";
import type { Predictor } from "./trees.ts";

const committed = (name: string): string => readFileSync(join(import.meta.dirname, name), "utf8");
const VERSIONS = ["v1", "v2"];
const MAX_FILE_BYTES = 200 * 1024;

describe("training again", () => {
  const produced = produceAll();

  test.each(produced.map((file) => [file.fileName, file.text] as const))(
    "gives the committed bytes of %s",
    (name, text) => {
      expect(
        text === committed(name),
        `${name} differs: run node src/cli/demo/model/train.ts`,
      ).toBe(true);
      expect(text.length).toBeLessThan(MAX_FILE_BYTES);
    },
  );

  test("the model card names the hash of each model and says the data are synthetic", () => {
    const card = committed("MODEL_CARD.md");
    for (const name of ["churn-v1.json", "churn-v2.json"]) {
      expect(card).toContain(createHash("sha256").update(committed(name)).digest("hex"));
      expect(committed(name)).toContain('"synthetic": true');
    }
    expect(card).toContain("synthetic customers");
  });
});

describe("the models", () => {
  const unseen = createCustomers(SEED, TRAINING_ROWS + TEST_ROWS).slice(TRAINING_ROWS);
  const scoresOf = (version: string) => {
    const predictor = findPredictor("churn", version) as Predictor;
    return unseen.map(({ inputs, hasChurned }) => ({
      probability: predictor.predict(inputs),
      hasChurned,
    }));
  };

  test("v2 is better than v1 on customers neither has seen, and both are far better than chance", () => {
    const [small, better] = [areaUnderCurve(scoresOf("v1")), areaUnderCurve(scoresOf("v2"))];
    expect(small).toBeGreaterThan(0.75);
    expect(better).toBeGreaterThan(small + 0.03);
  });

  test.each(["v1", "v2"])("%s says probabilities that come true", (version) => {
    expect(calibrationError(calibration(scoresOf(version)))).toBeLessThan(0.03);
  });

  test.each(["gender", "region"] as const)("%s changes no prediction", (name) => {
    const feature = FEATURES.find((one) => one.name === name);
    const values = feature && "values" in feature ? feature.values : [];
    expect(values.length).toBeGreaterThan(1);
    for (const version of ["v1", "v2"]) {
      const predictor = findPredictor("churn", version) as Predictor;
      for (const { inputs } of unseen.slice(0, 50)) {
        const answers = values.map((value) => predictor.predict({ ...inputs, [name]: value }));
        expect(new Set(answers).size).toBe(1);
      }
    }
  });
});

describe("synthetic customers", () => {
  const customers = createCustomers(7, 2000);

  test("are all within the ranges that the contract allows", () => {
    for (const { inputs } of customers) {
      for (const feature of FEATURES) {
        expect(problemWith(feature, inputs[feature.name]), feature.name).toBeUndefined();
      }
    }
  });

  test("are the same for the same seed and others for another", () => {
    expect(createCustomers(7, 50)).toEqual(customers.slice(0, 50));
    expect(createCustomers(8, 50)).not.toEqual(customers.slice(0, 50));
  });
});

describe("the contract", () => {
  const ajv = new Ajv2020({ strict: true, allErrors: true });
  const compile = (name: string) => ajv.compile(JSON.parse(committed(name)) as object);
  const isRequest = compile("churn.request.json");
  const isResponse = compile("churn.response.json");
  const [customer] = createCustomers(3, 1) as [Customer];
  const request = {
    id: "c-1",
    trace: "t-1",
    inputs: customer.inputs,
    parameters: { threshold: 0.4, return_probabilities: true },
  };

  test("takes a customer, and the model's answer keeps it", () => {
    expect(isRequest(request), JSON.stringify(isRequest.errors)).toBe(true);
    for (const version of VERSIONS) {
      const answer = answerPrediction(findPredictor("churn", version) as Predictor, request);
      expect(isResponse(answer), JSON.stringify(isResponse.errors)).toBe(true);
    }
  });

  test("holds for the Open Inference Protocol too", () => {
    const isInferRequest = compile("churn.infer-request.json");
    const isInferResponse = compile("churn.infer-response.json");
    const inputs = FEATURES.map(({ name, kind }) => ({
      name,
      shape: [1],
      datatype: kind === "number" ? "FP64" : "BYTES",
      data: [customer.inputs[name]],
    }));
    expect(isInferRequest({ inputs }), JSON.stringify(isInferRequest.errors)).toBe(true);
    expect(isInferRequest({ inputs: inputs.slice(1) })).toBe(false);
    for (const version of VERSIONS) {
      const answer = answerInference(findPredictor("churn", version) as Predictor, { inputs });
      expect(isInferResponse(answer), JSON.stringify(isInferResponse.errors)).toBe(true);
    }
  });

  test.each([
    ["an unknown member", { ...request, admin: true }],
    ["an unknown input", { inputs: { ...customer.inputs, shoe_size: 42 } }],
    ["a missing input", { inputs: { ...customer.inputs, age: undefined } }],
    ["a text for a number", { inputs: { ...customer.inputs, age: "42" } }],
    ["a number out of range", { inputs: { ...customer.inputs, satisfaction: 6 } }],
    ["an unknown category", { inputs: { ...customer.inputs, plan: "gold" } }],
    ["a fraction of a month", { inputs: { ...customer.inputs, tenure_months: 1.5 } }],
    ["no inputs", { id: "c-1" }],
  ])("schema and server both refuse %s", (_, bad) => {
    const body = JSON.parse(JSON.stringify(bad)) as unknown;
    expect(isRequest(body)).toBe(false);
    const predictor = findPredictor("churn", "v2") as Predictor;
    expect(() => answerPrediction(predictor, body)).toThrow(/inputs|unknown/);
  });
});

describe("portable mathematics agrees with the engine's", () => {
  test("exp", () => {
    assert(
      property(double({ min: -30, max: 30, noNaN: true }), (x) => {
        expect(Math.abs(exp(x) / Math.exp(x) - 1)).toBeLessThan(1e-14);
      }),
    );
  });

  test("log", () => {
    assert(
      property(double({ min: 1e-9, max: 1e9, noNaN: true }), (x) => {
        expect(Math.abs(log(x) - Math.log(x))).toBeLessThan(1e-13);
      }),
    );
  });
});
