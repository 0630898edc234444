import { expect, test } from "vitest";
import { isJsonLines, processorOf } from "./body-processor.ts";

test.each([
  ["application/x-www-form-urlencoded", "URLENCODED"],
  ["APPLICATION/X-WWW-Form-Urlencoded; charset=utf-8", "URLENCODED"],
  ["multipart/form-data; boundary=x", "MULTIPART"],
  ["multipart/form-data,boundary=x", "MULTIPART"],
  ["multipart/mixed; boundary=x", "RAW"],
  ["application/json", "JSON"],
  [" application/json ;charset=utf-8", "JSON"],
  ["text/json", "JSON"],
  ["application/vnd.api+json", "JSON"],
  ["application/json-patch+json", "JSON"],
  ["application/x-ndjson", "JSON"],
  ["application/jsonl", "JSON"],
  ["text/xml", "XML"],
  ["application/xml", "XML"],
  ["application/soap+xml; charset=utf-8", "XML"],
  ["image/svg+xml", "XML"],
  ["text/plain", "RAW"],
  ["text/plain; x=application/json", "RAW"],
  ["application/jsonp", "RAW"],
  ["", "RAW"],
  [undefined, "RAW"],
])("a body of the type %j is read as %s", (contentType, processor) => {
  expect(processorOf(contentType, 5)).toBe(processor);
});

test("a type that nobody reads has no processor if there is no body", () => {
  expect(processorOf(undefined, 0)).toBe("");
  expect(processorOf(undefined)).toBe("");
  expect(processorOf("text/plain", 0)).toBe("");
  expect(processorOf("text/plain")).toBe("RAW");
  expect(processorOf("application/json", 0)).toBe("JSON");
});

test.each([
  ["application/x-ndjson; charset=utf-8", true],
  ["application/jsonlines", true],
  ["application/json", false],
  [undefined, false],
])("%j means one text a line: %j", (contentType, expected) => {
  expect(isJsonLines(contentType)).toBe(expected);
});
