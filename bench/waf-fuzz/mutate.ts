/** Makes the fuzzer's next request: a known one or one with a grammar, then damaged. The same seed and serial give the same bytes. */
import type { ByteString } from "../../src/seclang/byte-string.ts";
import type { RequestHead, ResponseHead } from "../../src/seclang/collections/message.ts";
import type { Random } from "../generated-pack.ts";
import { randomFor } from "../waf/requests.ts";
import { grammarBody } from "./bodies.ts";
import type { Material, Message } from "./material.ts";

export interface FuzzRequest {
  readonly head: RequestHead;
  readonly body: Uint8Array;
  readonly response: FuzzResponse | undefined;
}

export interface FuzzResponse {
  readonly head: ResponseHead;
  readonly body: Uint8Array;
  /** Given piece by piece, as an event stream is. */
  readonly isStream: boolean;
}

/** Of a body after all mutations: some are inspected in slices, none takes seconds to make. */
const LONGEST_BODY_BYTES = 200_000;
const PUMPED_BYTES = 40_000;
const INTERESTING = [
  "\0",
  "\xff",
  "\r\n",
  "\n",
  "%",
  "%u00",
  "&",
  "=",
  "<",
  '"',
  "'",
  "\\",
  "{",
  "[",
  "--",
  "/*",
  "\xc3\x28",
  "\xed\xa0\x80",
];
const METHODS = [
  "GET",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "HEAD",
  "TRACE",
  "get",
  "",
  "A B",
  "\xff",
];
const PROTOCOLS = ["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "", "SIP/2.0"];
const TYPES = [
  "application/json",
  "application/x-www-form-urlencoded",
  "text/xml",
  "multipart/form-data; boundary=",
  "multipart/mixed",
  "application/json; charset=utf-7",
  "text/plain",
  "",
  "a/b; charset=;;",
  "application/octet-stream",
];
const HEADERS = [
  "Cookie",
  "Range",
  "Content-Length",
  "Transfer-Encoding",
  "Referer",
  "X-Forwarded-For",
  "User-Agent",
  "Host",
  "Accept-Charset",
  "x.y_z",
  "",
];
const ANSWER_TYPES = [
  "text/html",
  "application/json",
  "text/plain; charset=utf-8",
  "image/png",
  "text/event-stream",
];

export class RequestMaker {
  readonly #material: Material;
  readonly #seed: number;

  constructor(material: Material, seed: number) {
    this.#material = material;
    this.#seed = seed;
  }

  make(serial: number): FuzzRequest {
    const random = randomFor(Math.imul(this.#seed, 0x9e37_79b1) + serial);
    const text = (): ByteString => mutatedText(pick(this.#material.texts, random), random);
    const base = pick(this.#material.messages, random);
    const message = random(5) < 2 ? regrown(base, { random, text }) : base;
    const body = random(3) === 0 ? message.body : this.#damaged(message.body, random);
    const head = random(3) === 0 ? message.head : damagedHead(message.head, { random, text });
    return {
      head: { ...head, id: String(serial), remoteAddress: `192.0.2.${random(16)}` },
      body: bytesOf(body),
      response: random(5) === 0 ? responseOf({ random, text }) : undefined,
    };
  }

  #damaged(body: ByteString, random: Random): ByteString {
    let text = body;
    for (let left = 1 + random(4); left > 0; left--) {
      const other = random(4) === 0 ? pick(this.#material.messages, random).body : undefined;
      text = other === undefined ? mutated(text, random) : spliced(text, other, random);
    }
    return text.slice(0, LONGEST_BODY_BYTES);
  }
}

interface Tools {
  readonly random: Random;
  readonly text: () => ByteString;
}

function pick<T>(items: readonly T[], random: Random): T {
  return items[random(items.length)] as T;
}

const bytesOf = (text: ByteString): Uint8Array => Buffer.from(text, "latin1");

/** Most texts stay short: what many requests may hold together is tested by their number, not by their length. */
function mutatedText(text: ByteString, random: Random): ByteString {
  const short = text.length > 300 && random(20) !== 0 ? text.slice(0, 300) : text;
  return random(3) === 0 ? mutated(short, random) : short;
}

function regrown(base: Message, tools: Tools): Message {
  const { type, body } = grammarBody(tools);
  const headers = base.head.headers.filter(([name]) => name.toLowerCase() !== "content-type");
  return { head: { ...base.head, headers: [...headers, ["Content-Type", type]] }, body };
}

function spliced(text: ByteString, other: ByteString, random: Random): ByteString {
  return text.slice(0, random(text.length + 1)) + other.slice(random(other.length + 1));
}

/** One change: bytes flipped, taken, repeated, put in; very seldom one piece over and over. */
function mutated(text: ByteString, random: Random): ByteString {
  const at = random(text.length + 1);
  const end = Math.min(text.length, at + 1 + random(12));
  const [before, piece, after] = [text.slice(0, at), text.slice(at, end), text.slice(end)];
  switch (random(8)) {
    case 0:
      return before + after;
    case 1:
      return before + String.fromCharCode(random(256)) + text.slice(at + 1);
    case 2:
      return before + pick(INTERESTING, random) + text.slice(at);
    case 3:
      return before + piece + piece + text.slice(end);
    case 4:
      return before + pick(INTERESTING, random).repeat(1 + random(8)) + after;
    case 5:
      return random(4) === 0 ? before : after + before;
    case 6:
      return before + pumped(piece, random) + after;
    default:
      return random(2) === 0
        ? text
            .toUpperCase()
            .replaceAll("\u039c", "\xb5")
            .replaceAll("\u0178", "\xff")
            .replace(/[^\0-\xff]/g, "")
        : encodeURIComponent(before) + after;
  }
}

function pumped(piece: ByteString, random: Random): ByteString {
  const dice = random(200);
  const bytes = dice === 0 ? PUMPED_BYTES : dice < 20 ? 1 + random(2_000) : 1 + random(100);
  return piece === "" ? "" : piece.repeat(Math.ceil(bytes / piece.length));
}

function damagedHead(head: RequestHead, tools: Tools): RequestHead {
  const { random, text } = tools;
  const headers = head.headers.map(([name, value]) => [name, value] as [string, string]);
  let { method, target, protocol } = head;
  switch (random(8)) {
    case 0:
      method = pick(METHODS, random);
      break;
    case 1:
      protocol = pick(PROTOCOLS, random);
      break;
    case 2:
      target = mutated(target, random);
      break;
    case 3:
      target = `${target}${target.includes("?") ? "&" : "?"}q=${encodedIn(text(), random)}`;
      break;
    case 4:
      headers.push(["Content-Type", pick(TYPES, random)]);
      break;
    case 5:
      headers.push([pick(HEADERS, random), text().slice(0, 2_000)]);
      break;
    case 6:
      if (random(30) === 0) for (let i = random(400); i > 0; i--) headers.push([`x-${i}`, "1"]);
      else headers.push(["Cookie", `a=${encodedIn(text(), random)}; b; =c;;`]);
      break;
    default: {
      const field = headers[random(headers.length + 1)];
      if (field !== undefined) field[random(2)] = mutated(field[random(2)] ?? "", random);
    }
  }
  return { ...head, method, target, protocol, headers };
}

function encodedIn(text: ByteString, random: Random): ByteString {
  if (random(3) === 0) return text;
  return text.replace(/[^\w]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

function responseOf({ random, text }: Tools): FuzzResponse {
  const type = pick(ANSWER_TYPES, random);
  const isStream = type === "text/event-stream";
  const lines = Array.from({ length: 1 + random(isStream ? 12 : 4) }, text);
  return {
    head: {
      status: [200, 200, 404, 500, 302, 0, 999][random(7)] as number,
      protocol: "HTTP/1.1",
      headers: [
        ["Content-Type", type],
        ["Server", text().slice(0, 100)],
      ],
    },
    body: bytesOf(isStream ? lines.map((line) => `data: ${line}\n\n`).join("") : lines.join("\n")),
    isStream,
  };
}
