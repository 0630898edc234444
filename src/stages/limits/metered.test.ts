/** What answers say they cost: whole ones, headers and event streams, and everything that cannot be read. */
import { describe, expect, test } from "vitest";
import { EventMeter, meterBody, meterHeader, type Metered } from "./metered.ts";

const JSON_HEADERS = ["content-type", "application/json; charset=utf-8"];
const PATH = ["usage", "total_tokens"];

describe("a field of a JSON answer", () => {
  const cases: readonly (readonly [body: string, metered: Metered])[] = [
    ['{"usage":{"total_tokens":312}}', 312],
    ['{"usage":{"total_tokens":0}}', 0],
    ['{"usage":{"total_tokens":1.2}}', 2],
    ['{"usage":{"total_tokens":1e300}}', 1_000_000_000_000],
    ['{"usage":{}}', "missing"],
    ['{"usage":null}', "missing"],
    ['{"usage":{"total_tokens":null}}', "missing"],
    ['{"total_tokens":5}', "missing"],
    ["[]", "missing"],
    ['"usage"', "missing"],
    ["", "missing"],
    ['{"usage":{"total_tokens":-1}}', "unreadable"],
    ['{"usage":{"total_tokens":"312"}}', "unreadable"],
    ['{"usage":{"total_tokens":[312]}}', "unreadable"],
    ['{"usage":{"total_tokens":1e999}}', "unreadable"],
    ['{"usage":{"total_tokens":312}', "unreadable"],
  ];
  test.each(cases)("%s is %s", (body, metered) => {
    expect(meterBody(JSON_HEADERS, Buffer.from(body), PATH)).toBe(metered);
  });

  test("is not looked for in what an object inherits", () => {
    const body = Buffer.from("{}");
    expect(meterBody(JSON_HEADERS, body, ["constructor", "length"])).toBe("missing");
    expect(meterBody(JSON_HEADERS, body, ["__proto__"])).toBe("missing");
  });

  test("may stand in an array", () => {
    const body = Buffer.from('{"choices":[{"cost":1},{"cost":9}]}');
    expect(meterBody(JSON_HEADERS, body, ["choices", "1", "cost"])).toBe(9);
  });

  test.each([
    ["in a content coding", ["content-type", "application/json", "content-encoding", "gzip"]],
    ["of another type", ["content-type", "text/plain"]],
    ["of no type", []],
  ])("cannot be read in an answer %s", (_, headers) => {
    const body = Buffer.from('{"usage":{"total_tokens":312}}');
    expect(meterBody(headers, body, PATH)).toBe("unreadable");
  });
});

describe("a header", () => {
  test.each<readonly [string, Metered]>([
    ["12", 12],
    [" 12 ", 12],
    ["0.1", 1],
    ["", "unreadable"],
    ["-1", "unreadable"],
    ["1e3", "unreadable"],
    ["12, 13", "unreadable"],
    ["Infinity", "unreadable"],
  ])("%j is %s", (text, metered) => {
    expect(meterHeader(["x-cost", text], "x-cost")).toBe(metered);
  });

  test("that is not there is missing", () => {
    expect(meterHeader([], "x-cost")).toBe("missing");
  });
});

const usage = (units: number): string => `{"usage":{"total_tokens":${units}}}`;

/** The stream in pieces of this many bytes. */
function meterPieces(text: string, bytes: number): EventMeter {
  const meter = new EventMeter(PATH);
  const whole = Buffer.from(text);
  for (let at = 0; at < whole.length; at += bytes) meter.read(whole.subarray(at, at + bytes));
  return meter;
}

describe("an event stream", () => {
  const cases: readonly (readonly [name: string, text: string, metered: Metered])[] = [
    ["one event", `data: ${usage(7)}\n\n`, 7],
    ["the last of several", `data: ${usage(7)}\n\ndata: ${usage(9)}\n\ndata: [DONE]\n\n`, 9],
    ["a smaller last one", `data: ${usage(9)}\n\ndata: ${usage(7)}\n\n`, 7],
    ["nulls behind it", `data: ${usage(9)}\n\ndata: {"usage":null}\n\n`, 9],
    ["other fields and comments", `: hi\nevent: done\nid: 1\ndata:${usage(7)}\nretry: 5\n\n`, 7],
    ["carriage returns", `data: ${usage(7)}\r\rdata: x\r\r`, 7],
    ["both line ends", `data: ${usage(7)}\r\n\r\ndata: x\r\n\r\n`, 7],
    ["data over lines", 'data: {"usage":\ndata: {"total_tokens": 7}}\n\n', 7],
    ["an event without its end", `data: ${usage(7)}`, 7],
    [
      "text that looks like it",
      `data: {"text":"\\"usage\\":{\\"total_tokens\\":9}"}\n\n`,
      "missing",
    ],
    ["letters of several bytes", `data: {"text":"€€€"}\n\ndata: ${usage(7)}\n\n`, 7],
    ["nothing of it", 'data: {"text":"hi"}\n\n', "missing"],
    ["broken JSON that names it", 'data: {"usage":{"total_tokens":\n\n', "unreadable"],
    ["an event too long to hold", `data: ${"x".repeat(70_000)}\n\n`, "unreadable"],
    [
      "one behind an event too long",
      `data: ${"x".repeat(70_000)}\nid: 1\n\ndata: ${usage(7)}\n\n`,
      7,
    ],
    ["many lines too long together", `${"data: xxxxxxxxx\n".repeat(9_000)}\n`, "unreadable"],
  ];
  describe.each([1, 2, 7, 100_000])("in pieces of %i bytes", (bytes) => {
    test.each(cases)("%s", (_, text, metered) => {
      expect(meterPieces(text, bytes).end()).toBe(metered);
    });
  });

  test("that breaks off has what was said until then", () => {
    expect(meterPieces(`data: ${usage(7)}\n\ndata: ${usage(9)}`, 3).units).toBe(7);
    expect(meterPieces("data: {}\n\n", 3).units).toBeUndefined();
  });

  test("that had to be held whole is read as well", () => {
    const headers = ["content-type", "text/event-stream; charset=utf-8"];
    expect(meterBody(headers, Buffer.from(`data: ${usage(7)}\n\n`), PATH)).toBe(7);
  });
});
