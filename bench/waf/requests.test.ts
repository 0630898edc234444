import { describe, expect, test } from "vitest";
import { fromBytes } from "../../src/seclang/byte-string.ts";
import { parseJson } from "../../src/seclang/body/json.ts";
import { CASES, makeRequests, PROSE_FIELD, PUMPS, type BenchRequest } from "./requests.ts";

/** Short values come twice by chance: a count, a yes or no. */
const LONG_BYTES = 12;

const fieldsOf = ({ body }: BenchRequest): { name: string; value: string }[] =>
  parseJson(fromBytes(body)).fields.map(({ name, value }) => ({ name, value }));

describe("the requests of the benchmark", () => {
  test("JSON bodies have about 600 bytes and 20 fields", () => {
    for (const request of makeRequests("json", 200, 1)) {
      expect(request.body.length).toBeGreaterThan(450);
      expect(request.body.length).toBeLessThan(750);
      const { length } = fieldsOf(request);
      expect(length).toBeGreaterThanOrEqual(20);
      expect(length).toBeLessThanOrEqual(24);
    }
  });

  test("no long value comes twice", () => {
    const values = [1, 2].flatMap((seed) =>
      makeRequests("json", 400, seed).flatMap((request) =>
        fieldsOf(request)
          .map(({ value }) => value)
          // Phrases of few words, dates and house numbers are all there is of their kind.
          .filter((value) => value.length > LONG_BYTES && /\d{6}|[a-f0-9]{12}/.test(value)),
      ),
    );
    expect(values.length).toBeGreaterThan(1_000);
    expect(new Set(values).size).toBe(values.length);
  });

  test("the same seed gives the same requests, another gives others", () => {
    for (const kind of CASES) {
      expect(makeRequests(kind, 3, 7)).toEqual(makeRequests(kind, 3, 7));
      expect(makeRequests(kind, 3, 7)).not.toEqual(makeRequests(kind, 3, 8));
    }
  });

  test("each request has eight header fields", () => {
    for (const kind of CASES) expect(makeRequests(kind, 1, 1)[0]?.head.headers).toHaveLength(8);
  });

  test("prose fills one field with 8 KB, as English does it", () => {
    const [request] = makeRequests("prose", 1, 1);
    const text = fieldsOf(request as BenchRequest).find(({ name }) => name === PROSE_FIELD)?.value;
    expect(text).toHaveLength(8 * 1024);
    const share = (pattern: RegExp): number => (text?.match(pattern)?.length ?? 0) / (8 * 1024);
    expect(share(/ /g)).toBeGreaterThan(0.14);
    expect(share(/ /g)).toBeLessThan(0.2);
    expect(share(/e/gi)).toBeGreaterThan(0.08);
    expect(share(/'/g)).toBeGreaterThan(0);
  });

  test("there is a body of 128 KB for each piece that is repeated", () => {
    const lengths = makeRequests("pump", PUMPS.length, 1).map(
      (request) => fieldsOf(request).find(({ name }) => name === PROSE_FIELD)?.value.length ?? 0,
    );
    expect(Math.min(...lengths)).toBeGreaterThanOrEqual(128 * 1024);
  });
});
