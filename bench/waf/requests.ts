/**
 * The requests that engines are measured with. Every one is new: no value of a body, query or header that a caller
 * chooses comes twice, because an engine that remembers verdicts would otherwise be measured by its memory.
 */
import type { HeaderFields, RequestHead } from "../../src/seclang/collections/message.ts";
import type { Random } from "../generated-pack.ts";
import { hex, smallJson } from "./json-bodies.ts";
import { phrase, prose } from "./prose.ts";

export interface BenchRequest {
  readonly head: RequestHead;
  readonly body: Uint8Array;
}

export const CASES = ["json", "get", "prose", "pump"] as const;
export type Case = (typeof CASES)[number];

/** Of the text in one field of a chat. */
const PROSE_BYTES = 8 * 1024;
/** Bodies that repeat one piece are as long as most gateways let a body be. */
const PUMP_BYTES = 128 * 1024;
/** The name under which the engine sees the text of `prose`. */
export const PROSE_FIELD = "json.messages.0.content";

/** Pieces that, repeated, cost a backtracking matcher most: white space, openings never closed, comments, quotes, escapes. */
export const PUMPS: readonly string[] = [
  "\n",
  "\r\n",
  " ",
  "\t ",
  "a",
  "A=",
  "(",
  "((",
  "<",
  "<a ",
  "</",
  "<!--",
  "/*",
  "/**/",
  "--",
  "-- ",
  "#\n",
  "'",
  "''",
  '"',
  '\\"',
  "\\",
  "%",
  "%25",
  "&",
  "&lt;",
  "$",
  "${",
  "$(",
  "`",
  "{",
  "{{",
  "[",
  "[[",
  "../",
  "..\\",
  "//",
  "http://",
  ";",
  ",",
  ".",
  "!",
  "!!",
  "1",
  "1,",
  "0x",
  "or ",
  " or 1",
  "and(",
  "select ",
  "union ",
  "select(",
  "0e",
  "a.",
  "a,a",
  "a b ",
  "x=x&",
  "on",
  "on=",
  "a='",
  "\u0001",
  "\u00e9",
  "\u0000",
  "=",
  "==",
  "+",
  "+'",
  "~",
  "^",
  "@",
  "@@",
  "_",
  "?",
  "??",
  "*",
  "|",
  "||",
  ":",
  "::",
];

/** Numbers that hang on the seed alone. Mulberry32: unlike a linear congruence it gives neighbouring seeds numbers that have nothing in common. */
export function randomFor(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** Eight header fields as a library in a data centre sends them. */
function headersOf(random: Random, content: HeaderFields): HeaderFields {
  const version = `${random(90)}.${random(90)}.${random(90)}`;
  return [
    ["Host", "inference.example.org"],
    ["User-Agent", `retail-client/${version} (linux; x64) undici/${version}`],
    ["Accept", `application/json, text/plain;q=0.${random(10)}`],
    ...content,
    ["Authorization", `Bearer ${hex(24, random)}.${hex(120, random)}.${hex(64, random)}`],
    ["X-Request-Id", `${hex(8, random)}-${hex(4, random)}-${hex(4, random)}-${hex(12, random)}`],
    ["traceparent", `00-${hex(32, random)}-${hex(16, random)}-01`],
  ];
}

function request(random: Random, target: string, json: unknown): BenchRequest {
  const body = json === undefined ? new Uint8Array() : Buffer.from(JSON.stringify(json));
  const content: HeaderFields =
    json === undefined
      ? [
          ["Accept-Encoding", "gzip, deflate"],
          ["Accept-Language", `en-GB,en;q=0.${random(10)}`],
        ]
      : [
          ["Content-Type", "application/json"],
          ["Content-Length", String(body.length)],
        ];
  return {
    head: {
      method: json === undefined ? "GET" : "POST",
      target,
      protocol: "HTTP/1.1",
      headers: headersOf(random, content),
      id: hex(16, random),
      remoteAddress: "198.51.100.7",
      remotePort: 40_000,
      serverAddress: "192.0.2.10",
      serverPort: 443,
    },
    body,
  };
}

function search(random: Random): BenchRequest {
  const query = new URLSearchParams({
    q: phrase(3, random),
    page: String(random(500)),
    session: hex(16, random),
    sort: `${phrase(1, random)}.desc`,
  });
  return request(random, `/churn/v2/history?${query.toString()}`, undefined);
}

function chat(random: Random, content: string): BenchRequest {
  return request(random, "/v1/chat/completions", {
    model: `assistant-${random(1_000)}`,
    temperature: random(100) / 100,
    messages: [{ role: "user", content }],
  });
}

function pump(serial: number, random: Random): BenchRequest {
  const piece = PUMPS[serial % PUMPS.length] as string;
  const text = piece.repeat(Math.ceil(PUMP_BYTES / piece.length)).slice(0, PUMP_BYTES);
  return chat(random, text);
}

const MAKERS: Record<Case, (serial: number, random: Random) => BenchRequest> = {
  json: (serial, random) => request(random, `/churn/v2/predict`, smallJson(serial, random)),
  get: (_, random) => search(random),
  prose: (_, random) => chat(random, prose(PROSE_BYTES, random)),
  pump,
};

/** So many requests of a kind; another `seed` gives others. */
export function makeRequests(kind: Case, count: number, seed: number): BenchRequest[] {
  return Array.from({ length: count }, (_, serial) =>
    MAKERS[kind](serial, randomFor(Math.imul(seed, 0x9e37_79b1) + serial)),
  );
}
