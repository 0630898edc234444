/**
 * Requests that the rules are measured with. No value comes twice: an engine that remembers verdicts would otherwise be
 * measured by its memory. They are ordinary ones, so that no rule should refuse them.
 */
import { Buffer } from "node:buffer";
import type { HeaderFields } from "../../seclang/index.ts";
import type { EngineRequest } from "./told-request.ts";

/** A whole number from 0 to below. */
export type Random = (below: number) => number;

/** Numbers that hang on the seed alone (mulberry32). */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

export type RequestMaker = (random: Random) => EngineRequest;

const CHAT_CHARS = 2_000;
const WORDS =
  "about account afternoon although answer balance because before begin between bridge careful change colleague compare contract country decision delivery describe different distance early evening example explain finally garden history however important invoice journey kitchen language letter library market material measure meeting morning mountain never number office often opinion paragraph payment perhaps picture question quietly reason recipe remember report river sentence several simple station story summary teacher temperature though together tomorrow translate travel under usually village weather window winter without yesterday".split(
    " ",
  );

const pick = <T>(from: readonly T[], random: Random): T => from[random(from.length)] as T;
const hex = (count: number, random: Random): string =>
  Array.from({ length: count }, () => random(16).toString(16)).join("");
const phrase = (count: number, random: Random): string =>
  Array.from({ length: count }, () => pick(WORDS, random)).join(" ");

function prose(chars: number, random: Random): string {
  let text = "";
  while (text.length < chars) {
    const sentence = phrase(6 + random(12), random);
    text += `${sentence[0]?.toUpperCase()}${sentence.slice(1)}${pick([".", ".", "?", "!"], random)} `;
  }
  return text.slice(0, chars);
}

function request(target: string, json: unknown, random: Random): EngineRequest {
  const body = json === undefined ? new Uint8Array() : Buffer.from(JSON.stringify(json));
  const content: HeaderFields =
    json === undefined
      ? []
      : [
          ["Content-Type", "application/json"],
          ["Content-Length", String(body.length)],
        ];
  return {
    head: {
      method: json === undefined ? "GET" : "POST",
      target,
      protocol: "HTTP/1.1",
      headers: [
        ["Host", "inference.example.org"],
        ["User-Agent", `orders-service/${random(90)}.${random(90)}`],
        ["Accept", "application/json"],
        ...content,
        ["Authorization", `Bearer ${hex(24, random)}.${hex(120, random)}.${hex(43, random)}`],
        ["X-Request-Id", `${hex(8, random)}-${hex(4, random)}-${hex(12, random)}`],
      ],
      id: hex(16, random),
      remoteAddress: "198.51.100.7",
    },
    body,
  };
}

function features(random: Random): object {
  const item = (): object => ({
    sku: `${hex(3, random)}-${random(1_000_000)}`,
    name: phrase(2, random),
    quantity: 1 + random(40),
    price: random(90_000) / 100,
  });
  return {
    order: `ord_${hex(20, random)}`,
    placed: `20${10 + random(16)}-0${1 + random(9)}-1${random(10)}T10:2${random(10)}:00Z`,
    total: random(900_000) / 100,
    customer: { id: `cus_${hex(12, random)}`, since: 1990 + random(35), tier: phrase(1, random) },
    shipping: { street: `${random(300)} ${phrase(1, random)} road`, city: phrase(1, random) },
    items: [item(), item(), item()],
    note: phrase(8, random),
    express: random(2) === 0,
  };
}

const search = (random: Random): string =>
  `/v1/search?q=${phrase(3, random).replaceAll(" ", "+")}&page=${random(500)}&session=${hex(16, random)}&sort=${phrase(1, random)}`;

const chat = (random: Random): object => ({
  model: `assistant-${random(1_000)}`,
  temperature: random(100) / 100,
  messages: [{ role: "user", content: prose(CHAT_CHARS, random) }],
});

/** By what is said of them. */
export const BENCH_KINDS: Readonly<Record<string, RequestMaker>> = {
  "JSON, 600 bytes, 20 fields": (random) => request("/v1/score", features(random), random),
  "GET, 4 arguments": (random) => request(search(random), undefined, random),
  "chat, 2 KB of prose": (random) => request("/v1/chat/completions", chat(random), random),
};

/** Numbers of two digits and more: a lone digit may be what a rule looks for. Zeros stay, so that numbers remain such. */
const NUMBER = /\d{2,}/g;
/** What frames a message cannot be anything else. */
const KEPT: ReadonlySet<string> = new Set(["host", "content-length", "content-type"]);

/** The request with other digits in its numbers, each time others. */
export function varied({ head, body }: EngineRequest): RequestMaker {
  return (random) => {
    const vary = (text: string): string =>
      text.replace(NUMBER, (digits) => digits.replace(/[1-9]/g, () => String(1 + random(9))));
    const headers = head.headers.map(
      ([name, value]) => [name, KEPT.has(name.toLowerCase()) ? value : vary(value)] as const,
    );
    const text = vary(Buffer.from(body).toString("latin1"));
    return {
      head: { ...head, target: vary(head.target), headers },
      body: Buffer.from(text, "latin1"),
    };
  };
}
