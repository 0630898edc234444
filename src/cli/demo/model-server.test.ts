import { spawn } from "node:child_process";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createCustomers } from "./model/customers.ts";
import { FEATURES } from "./model/features.ts";
import { startModelServer } from "./model-server.ts";

/** The request that the published benchmark sends. */
const REQUEST = {
  id: "c-48213-2026-03-17",
  inputs: {
    age: 42,
    tenure_months: 18,
    monthly_charges: 74.35,
    total_charges: 1338.3,
    num_calls: 37,
    num_tickets: 2,
    avg_session_min: 12.75,
    days_since_login: 3,
    data_usage_gb: 41.2,
    late_payments: 1,
    discount_rate: 0.15,
    satisfaction: 3.8,
    gender: "female",
    region: "north-west",
    contract: "month-to-month",
    payment_method: "credit card",
    internet_service: "fiber optic",
    device_protection: "yes",
    paperless_billing: "yes",
    plan: "premium plus",
  },
  parameters: { threshold: 0.5, return_probabilities: true },
  trace: "a41f0c9e7b3d4a52",
};

interface Answer {
  readonly status: number;
  readonly json: Record<string, unknown>;
}

let server: Server;
let origin: string;

const originOf = (started: Server): string =>
  `http://127.0.0.1:${(started.address() as AddressInfo).port}`;

beforeAll(async () => {
  server = await startModelServer({ port: 0, delayMs: 0 });
  origin = originOf(server);
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

async function call(
  method: string,
  path: string,
  body?: unknown,
  type = "application/json",
): Promise<Answer> {
  const response = await fetch(`${origin}${path}`, {
    method,
    ...(body !== undefined && {
      body: typeof body === "string" ? body : JSON.stringify(body),
      headers: { "content-type": type },
    }),
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

describe("predict", () => {
  test.each(["v1", "v2"])(
    "%s answers the benchmark's request with a probability",
    async (version) => {
      const { status, json } = await call("POST", `/churn/${version}/predict`, REQUEST);
      expect(status).toBe(200);
      expect(json).toMatchObject({ id: REQUEST.id, model: "churn", version, synthetic: true });
      expect(json["probability"]).toBeGreaterThan(0.05);
      expect(json["probability"]).toBeLessThan(0.95);
      expect(json["churn"]).toBe((json["probability"] as number) >= 0.5);
    },
  );

  test("the threshold decides, and the probabilities add up to one", async () => {
    const strict = { ...REQUEST, parameters: { threshold: 0, return_probabilities: true } };
    const { json } = await call("POST", "/churn/v2/predict", strict);
    expect(json["churn"]).toBe(true);
    const { stay, churn } = json["probabilities"] as { stay: number; churn: number };
    expect(stay + churn).toBeCloseTo(1, 6);
  });

  test.each([
    ["an unknown version", "POST /churn/v9/predict", REQUEST, 404],
    ["no version", "POST /churn//predict", REQUEST, 404],
    ["an unknown model", "POST /fraud/v1/predict", REQUEST, 404],
    ["more path than there is", "POST /churn/v2/predict/x", REQUEST, 404],
    ["a GET", "GET /churn/v2/predict", undefined, 405],
    ["no JSON", "POST /churn/v2/predict", "{", 400],
    ["a list", "POST /churn/v2/predict", [], 400],
    ["a missing input", "POST /churn/v2/predict", { inputs: { age: 42 } }, 400],
  ])("%s is refused with a clear answer", async (_, target, body, expected) => {
    const [method, path] = target.split(" ") as [string, string];
    const { status, json } = await call(method, path, body);
    expect(status).toBe(expected);
    expect(json["error"]).toMatch(/\w+ \w+/);
  });

  test("text is refused", async () => {
    const { status } = await call(
      "POST",
      "/churn/v2/predict",
      JSON.stringify(REQUEST),
      "text/plain",
    );
    expect(status).toBe(415);
  });
});

describe("Open Inference Protocol v2", () => {
  const customers = createCustomers(11, 3).map(({ inputs }) => inputs);
  const tensors = FEATURES.map(({ name, kind }) => ({
    name,
    datatype: kind === "number" ? "FP64" : "BYTES",
    shape: [3],
    data: customers.map((inputs) => inputs[name]),
  }));
  const INFER = "/v2/models/churn/versions/v2/infer";

  test.each([
    ["/v2", { name: "portcullis-demo-models" }],
    ["/v2/health/live", { live: true }],
    ["/v2/health/ready", { ready: true }],
    ["/v2/models/churn", { name: "churn", versions: ["v1", "v2"] }],
    ["/v2/models/churn/versions/v1", { name: "churn" }],
    ["/v2/models/churn/ready", { ready: true }],
    ["/v2/models/churn/versions/v2/ready", { ready: true }],
  ])("GET %s", async (path, expected) => {
    const { status, json } = await call("GET", path);
    expect(status).toBe(200);
    expect(json).toMatchObject(expected);
  });

  test("a batch gets the probabilities that predict gives one by one", async () => {
    const { status, json } = await call("POST", INFER, { id: "batch", inputs: tensors });
    expect(status).toBe(200);
    expect(json).toMatchObject({ id: "batch", model_name: "churn", model_version: "v2" });
    const [first] = json["outputs"] as [
      { name: string; datatype: string; shape: number[]; data: number[] },
    ];
    expect(first).toMatchObject({ name: "probability", datatype: "FP64", shape: [3] });
    const single = await Promise.all(
      customers.map((inputs) => call("POST", "/churn/v2/predict", { inputs })),
    );
    expect(first.data).toEqual(single.map((one) => one.json["probability"]));
  });

  test("only the outputs asked for come back", async () => {
    const { json } = await call("POST", INFER, { inputs: tensors, outputs: [{ name: "churn" }] });
    expect(json["outputs"]).toMatchObject([{ name: "churn", datatype: "BOOL" }]);
  });

  const [age, ...others] = tensors as [(typeof tensors)[number], ...typeof tensors];
  test.each([
    ["a missing tensor", others],
    ["a repeated tensor", [age, age, ...others]],
    ["an unknown tensor", [{ ...age, name: "shoe_size" }, ...others]],
    ["a wrong datatype", [{ ...age, datatype: "BYTES" }, ...others]],
    ["a shape that is not the data's", [{ ...age, shape: [4] }, ...others]],
    ["another length", [{ ...age, shape: [1], data: [42] }, ...others]],
    ["a value out of range", [{ ...age, data: [42, 43, 7] }, ...others]],
    ["no list", "all"],
  ])("%s is refused", async (_, inputs) => {
    const { status, json } = await call("POST", INFER, { inputs });
    expect(status).toBe(400);
    expect(json["error"]).toBeTypeOf("string");
  });
});

describe("as a process", () => {
  test("says where it listens, and ends when whoever started it lets go of its stdin", async () => {
    const script = join(import.meta.dirname, "model-server.ts");
    const preload = new URL("./stop-with-parent.ts", import.meta.url).href;
    const child = spawn(process.execPath, ["--import", preload, script], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    const line = await new Promise<string>((resolve) =>
      child.stdout.once("data", (chunk) => resolve(String(chunk))),
    );
    const { port } = JSON.parse(line) as { port: number };
    expect((await fetch(`http://127.0.0.1:${port}/v2/health/live`)).status).toBe(200);
    child.stdin.end();
    expect(await ended).toBe(0);
  });

  test("a slow one waits before it answers", async () => {
    const slow = await startModelServer({ port: 0, delayMs: 150 });
    const startedAtMs = performance.now();
    await fetch(`${originOf(slow)}/v2`);
    expect(performance.now() - startedAtMs).toBeGreaterThan(140);
    slow.close();
    slow.closeAllConnections();
  });
});
