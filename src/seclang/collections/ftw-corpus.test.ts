/** The requests of the Core Rule Set's own tests: each goes through, and what it carries is seen. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { toBytes } from "../byte-string.ts";
import { processorOf } from "./body-processor.ts";
import { PART } from "./entry.ts";
import type { HeaderFields } from "./message.ts";
import { readRequestBody } from "./request-body.ts";
import { firstHeader, readRequestHead } from "./request-head.ts";

const CORPORA = process.env["PORTCULLIS_CORPORA"] ?? "../shared/corpora";

interface Input {
  readonly method: string;
  readonly uri: string;
  readonly version: string;
  readonly headers: HeaderFields;
  readonly data: string;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

const bytesOf = (value: unknown): string =>
  Buffer.from(Array.isArray(value) ? value.join("\r\n") : String(value ?? "")).toString("latin1");

function toInput(input: Record<string, unknown>): Input {
  const headers = isRecord(input["headers"]) ? Object.entries(input["headers"]) : [];
  return {
    method: String(input["method"] ?? "GET"),
    uri: bytesOf(input["uri"] ?? "/"),
    version: String(input["version"] ?? "HTTP/1.1"),
    headers: headers.map(([name, value]): [string, string] => [bytesOf(name), bytesOf(value)]),
    data: bytesOf(input["data"]),
  };
}

/** Every `input` of a test file, whichever of the two forms it is written in. */
function inputsOf(value: unknown): Input[] {
  if (Array.isArray(value)) return value.flatMap(inputsOf);
  if (!isRecord(value)) return [];
  const inner = Object.values(value).flatMap(inputsOf);
  return isRecord(value["input"]) ? [toInput(value["input"]), ...inner] : inner;
}

function readCorpus(folder: string): Input[] {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return files
    .filter((file) => /\.ya?ml$/.test(file))
    .flatMap((file) => inputsOf(parse(readFileSync(join(folder, file), "utf8"))));
}

function check({ method, uri, version, headers, data }: Input): void {
  const head = readRequestHead({ method, target: uri, protocol: version, headers });
  const contentType = firstHeader(headers, "content-type");
  const processor = processorOf(contentType, data.length);
  const body = readRequestBody({
    body: toBytes(data),
    processor,
    contentType,
    withBodyVariable: true,
    expandEmbedded: true,
    head,
  });
  expect(head.entries.filter(({ part }) => part === PART.requestHeaders)).toHaveLength(
    headers.length,
  );
  for (const { start, end } of body.entries) expect(end).toBeLessThanOrEqual(data.length + start);
  expect(body.entries[0]?.value).toBe(data);
  if (data !== "" && processor === "URLENCODED") expect(body.entries.length).toBeGreaterThan(2);
}

describe.each([
  ["crs-ftw-v3.3", 1277],
  ["crs-ftw", 2560],
])("the requests of %s", (name, floor) => {
  const folder = join(CORPORA, name);
  const isAbsent = !existsSync(folder);
  if (isAbsent) console.warn(`SKIPPED: no folder ${name} among the corpora`);

  test.skipIf(isAbsent)(`are all read, at least ${floor}`, { timeout: 60_000 }, () => {
    const inputs = readCorpus(folder);
    expect(inputs.length).toBeGreaterThanOrEqual(floor);
    for (const input of inputs) check(input);
  });
});
