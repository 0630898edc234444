/** The `telemetry` section: its defaults and what it refuses. */
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { logTarget, telemetrySchema } from "./config.ts";

test("nothing written means: info to standard output, metrics, no traces", () => {
  expect(telemetrySchema.parse({})).toEqual({
    log: { level: "info", destination: "stdout" },
    metrics: {
      durationBuckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      seriesLimit: 2_000,
    },
  });
});

test("traces take their defaults once there is a collector", () => {
  expect(
    telemetrySchema.parse({ traces: { otlp: "http://127.0.0.1:4318/v1/traces" } }).traces,
  ).toEqual({
    otlp: "http://127.0.0.1:4318/v1/traces",
    sampling: { ratio: 0.1, followCaller: false },
    headers: {},
  });
});

const collector = { otlp: "https://otlp.example/v1/traces" };

describe("refused", () => {
  test.each<[string, unknown]>([
    ["an unknown key", { logs: {} }],
    ["an unknown level", { log: { level: "verbose" } }],
    ["a destination that is no reference", { log: { destination: "/var/log/x" } }],
    ["a destination with a NUL", { log: { destination: "file:a\0b" } }],
    ["bounds that do not rise", { metrics: { durationBuckets: [1, 1] } }],
    ["a bound of zero", { metrics: { durationBuckets: [0, 1] } }],
    ["no room for series", { metrics: { seriesLimit: 0 } }],
    ["a collector of another protocol", { traces: { otlp: "ftp://x/v1/traces" } }],
    ["a collector with credentials in its URL", { traces: { otlp: "https://u:p@x/v1/traces" } }],
    ["a ratio above one", { traces: { ...collector, sampling: { ratio: 1.1 } } }],
    [
      "a header that is a secret itself",
      { traces: { ...collector, headers: { "x-key": "s3cret" } } },
    ],
    ["a header name that is none", { traces: { ...collector, headers: { "x key": "env:A" } } }],
  ])("%s", (_, section) => {
    const result = telemetrySchema.safeParse(section);
    expect(result.success).toBe(false);
    expect(JSON.stringify(result.error?.issues)).not.toMatch(/s3cret|u:p@/);
  });
});

test("the log's path is taken from the configuration's directory", () => {
  expect(logTarget("stdout", "/etc/portcullis")).toBe("stdout");
  expect(logTarget("file:log/gateway.log", "/etc/portcullis")).toEqual({
    path: "/etc/portcullis/log/gateway.log",
  });
  expect(logTarget("file:/var/log/gateway.log", "/etc/portcullis")).toEqual({
    path: "/var/log/gateway.log",
  });
});

test("every field is described in the JSON Schema", () => {
  const schema = z.toJSONSchema(telemetrySchema, { io: "input" });
  const missing: string[] = [];
  const walk = (node: unknown, at: string): void => {
    for (const [name, field] of Object.entries(
      (node as { properties?: object }).properties ?? {},
    )) {
      const isSection = "properties" in (field as object);
      if (!isSection && !("description" in (field as object))) missing.push(`${at}/${name}`);
      walk(field, `${at}/${name}`);
    }
  };
  walk(schema, "");
  expect(missing).toEqual([]);
});
