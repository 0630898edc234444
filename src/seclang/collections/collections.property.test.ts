/** What holds for every message: no throw, a bounded output, and every range a slice of what was sent. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expandEmbedded } from "../body/embedded.ts";
import { DEFAULT_BODY_LIMITS } from "../body/parsed-body.ts";
import { fromBytes } from "../byte-string.ts";
import type { BodyProcessor } from "./body-processor.ts";
import { PART } from "./entry.ts";
import { readRequestBody } from "./request-body.ts";
import { readRequestHead } from "./request-head.ts";

const PROCESSORS: readonly BodyProcessor[] = ["URLENCODED", "JSON", "XML", "MULTIPART", "RAW", ""];

/** Pieces that mean something to one of the readers, so that random bodies get further than one byte. */
const PIECES = [
  ...'{}[]":,=&%+;<>/?#\\ \r\n\t\0\xff-01ae'.split(""),
  '{"a":',
  "null",
  "%41",
  "\\u0041",
  "<a b='",
  "</a>",
  "<![CDATA[",
  "&lt;",
  "--B",
  "--B--",
  'Content-Disposition: form-data; name="a"; filename="b"\r\n\r\n',
  "eyJhIjoxMjM0NTY3ODl9",
  '"{\\"a\\":[1]}"',
  "\xc3\xa5",
];
const text = fc.oneof(
  fc.array(fc.constantFrom(...PIECES), { maxLength: 60 }).map((pieces) => pieces.join("")),
  fc.json().map((json) => fromBytes(new TextEncoder().encode(json))),
  fc.uint8Array({ maxLength: 200 }).map(fromBytes),
);
const header = fc.tuple(
  fc.constantFrom("Host", "cookie", "Cookie", "Authorization", "X-A", ""),
  text,
);

describe("any request head", () => {
  test("is read, each header and its name once, in order", () => {
    fc.assert(
      fc.property(text, text, fc.array(header, { maxLength: 5 }), (method, target, headers) => {
        const parts = readRequestHead({ method, target, protocol: "HTTP/1.1", headers });
        const values = parts.entries.filter(({ part }) => part === PART.requestHeaders);
        expect(values.map(({ name, value }) => [name, value])).toEqual(headers);
        expect(parts.variables.get("REQBODY_ERROR")).toBe("0");
        expect(parts.expandedFrom).toBeLessThanOrEqual(parts.entries.length);
        // Line, raw URI, URI, path, base name, query, fragment, and names twice.
        const sent = method.length + target.length + headers.flat().join("").length;
        const seen = parts.entries.reduce((sum, entry) => sum + entry.value.length, 0);
        expect(seen).toBeLessThanOrEqual(9 * sent + 2 * "HTTP/1.1".length + 8);
      }),
      { numRuns: 400 },
    );
  });
});

describe("any request body", () => {
  test("is read by every processor, and every range is a slice of it", () => {
    fc.assert(
      fc.property(text, fc.constantFrom(...PROCESSORS), fc.boolean(), (body, processor, flag) => {
        const bytes = Uint8Array.from(body, (unit) => unit.charCodeAt(0));
        const limits = { fields: 20 };
        const parts = readRequestBody({
          body: bytes,
          processor,
          contentType: "multipart/form-data; boundary=B",
          limits,
          withBodyVariable: flag,
          expandEmbedded: true,
          fieldKind: (name) => (name.endsWith("a") ? "prompt" : "number"),
        });
        expect(parts.variables.size).toBeGreaterThan(15);
        expect([...parts.members.values()].flat().length).toBeLessThan(4 * body.length + 1);
        // A multipart body has headers and files besides its fields.
        expect(parts.entries.length).toBeLessThanOrEqual(
          4 * limits.fields + 1 + (processor === "MULTIPART" ? body.length : 0),
        );
        for (const entry of parts.entries) {
          const isPlaced = entry.start >= 0 && entry.start <= entry.end && entry.end <= body.length;
          expect(isPlaced || (entry.start === -1 && entry.end === -1)).toBe(true);
          expect(entry.part & (entry.part - 1)).toBe(0);
        }
      }),
      { numRuns: 1500 },
    );
  });

  test("is looked into wherever the reader of embedded texts would find something", () => {
    fc.assert(
      fc.property(fc.oneof(text, fc.base64String({ minLength: 8 })), (value) => {
        const body = new TextEncoder().encode(JSON.stringify({ v: value }));
        const { entries, expandedFrom } = readRequestBody({
          body,
          processor: "JSON",
          withBodyVariable: false,
          expandEmbedded: true,
        });
        const [entry] = entries;
        if (entry === undefined) throw new Error("the value is missing");
        const inner = expandEmbedded(entry, DEFAULT_BODY_LIMITS).fields;
        const found = entries.slice(expandedFrom).filter(({ part }) => part === PART.argsPost);
        expect(found.map(({ name }) => name)).toEqual(inner.map(({ name }) => name));
      }),
      { numRuns: 600 },
    );
  });
});
