/** Bodies with a grammar: JSON, forms, XML and multipart around given texts, sometimes too many, too deep or twice. */
import type { ByteString } from "../../src/seclang/byte-string.ts";
import type { Random } from "../generated-pack.ts";

export interface GrammarBody {
  readonly type: ByteString;
  readonly body: ByteString;
}

/** What a body is made of. */
export interface BodyTools {
  readonly random: Random;
  /** The next text for a value. */
  readonly text: () => ByteString;
}

/** So many members of a container, seldom very many. */
function countOf(random: Random): number {
  const dice = random(1_000);
  if (dice < 950) return 1 + random(6);
  return dice < 998 ? random(80) : random(3_000);
}

const NAMES = [
  "q",
  "note",
  "model",
  "messages",
  "content",
  "__proto__",
  "constructor",
  "a.b",
  "$where",
  "",
  "x[0]",
];
const nameOf = ({ random, text }: BodyTools): ByteString =>
  random(8) === 0 ? text().slice(0, 80) : (NAMES[random(NAMES.length)] as string);

const escapeJson = (text: ByteString, { random }: BodyTools): ByteString =>
  random(6) === 0
    ? text.replace(
        /[^ ]/g,
        (byte) => String.raw`\u${byte.charCodeAt(0).toString(16).padStart(4, "0")}`,
      )
    : // oxlint-disable-next-line no-control-regex -- those that JSON does not take
      text.replace(/["\\]/g, String.raw`\$&`).replace(/[\x00-\x1f]/g, " ");

const SCALARS = [
  "null",
  "true",
  "false",
  "0",
  "-1",
  "1e999",
  "123456789012345678901234567890",
  "[]",
  "{}",
  '""',
];

function jsonValue(tools: BodyTools, depth: number): ByteString {
  const { random, text } = tools;
  const dice = random(10);
  if (dice < 5 || depth > 6) return `"${escapeJson(text(), tools)}"`;
  if (dice < 7) return SCALARS[random(SCALARS.length)] as string;
  const count = depth === 0 ? countOf(random) : 1 + random(3);
  if (dice === 7) {
    return `[${Array.from({ length: count }, () => jsonValue(tools, depth + 1)).join(",")}]`;
  }
  return jsonObject(tools, depth, count);
}

function jsonObject(tools: BodyTools, depth: number, count: number): ByteString {
  const members = Array.from(
    { length: count },
    () => `"${escapeJson(nameOf(tools), tools)}":${jsonValue(tools, depth + 1)}`,
  );
  return `{${members.join(",")}}`;
}

function json(tools: BodyTools): GrammarBody {
  const { random, text } = tools;
  const dice = random(200);
  let body = jsonObject(tools, 0, countOf(random));
  if (dice < 3) body = "[".repeat(random(200)) + body;
  else if (dice < 6) body = `{"a":`.repeat(70) + `"${escapeJson(text(), tools)}"` + "}".repeat(70);
  else if (dice < 12) body = `${body}\n${jsonObject(tools, 0, 2)}\n`;
  else if (dice < 24) {
    const inner = jsonObject(tools, 3, 2);
    body = `{"arguments":"${escapeJson(inner, tools)}","data":"${Buffer.from(inner, "latin1").toString("base64")}"}`;
  }
  const types = [
    "application/json",
    "application/json; charset=utf-8",
    "application/x-ndjson",
    "application/vnd.api+json",
  ];
  return { type: types[random(types.length)] as string, body };
}

const escapeForm = (text: ByteString, random: Random): ByteString =>
  random(5) === 0
    ? text
    : text.replace(/[^\w.-]/g, (byte) =>
        byte === " " ? "+" : `%${byte.charCodeAt(0).toString(16).padStart(2, "0")}`,
      );

function form(tools: BodyTools): GrammarBody {
  const { random, text } = tools;
  const pairs = Array.from(
    { length: countOf(random) },
    () => escapeForm(nameOf(tools), random) + (random(9) ? "=" : "") + escapeForm(text(), random),
  );
  return { type: "application/x-www-form-urlencoded", body: pairs.join("&") };
}

const escapeXml = (text: ByteString, random: Random): ByteString =>
  random(5) === 0 ? text : text.replace(/[<>&"]/g, (byte) => `&#${byte.charCodeAt(0)};`);

function element(tools: BodyTools, depth: number): ByteString {
  const { random, text } = tools;
  const content =
    depth < 6 && random(2) === 0
      ? Array.from({ length: 1 + random(3) }, () => element(tools, depth + 1)).join("")
      : escapeXml(text(), random);
  const attribute = random(3) === 0 ? ` k="${escapeXml(text(), random)}"` : "";
  return `<e${random(9)}${attribute}>${content}</e>`.replace(/<e(\d)(.*)<\/e>$/s, "<e$1$2</e$1>");
}

const PROLOGUES = [
  "",
  '<?xml version="1.0" encoding="utf-8"?>',
  "<!DOCTYPE a [<!ENTITY b 'c'>]>",
  "\xef\xbb\xbf",
  "<!-- c -->",
];

function xml(tools: BodyTools): GrammarBody {
  const { random } = tools;
  const count = random(50) === 0 ? countOf(random) : 1;
  const inner = Array.from({ length: count }, () => element(tools, 0)).join("");
  const prologue = PROLOGUES[random(PROLOGUES.length)] as string;
  const types = ["text/xml", "application/xml", "application/soap+xml"];
  return { type: types[random(types.length)] as string, body: `${prologue}<root>${inner}</root>` };
}

function multipart(tools: BodyTools): GrammarBody {
  const { random, text } = tools;
  const boundary = random(20) === 0 ? text().slice(0, 70) : "----b0undary";
  const parts = Array.from({ length: countOf(random) }, () => {
    const file = random(3) === 0 ? `; filename="${text().slice(0, 60)}"` : "";
    const extra = random(4) === 0 ? `${nameOf(tools)}: ${text().slice(0, 60)}\r\n` : "";
    const line = `Content-Disposition: form-data; name="${nameOf(tools)}"${file}\r\n`;
    return `--${boundary}\r\n${line}${extra}\r\n${text()}\r\n`;
  });
  const end = random(10) === 0 ? "" : `--${boundary}--\r\n`;
  return { type: `multipart/form-data; boundary=${boundary}`, body: parts.join("") + end };
}

const MAKERS = [json, json, json, json, form, form, xml, multipart];

/** A body of one of the grammars, still sound if the texts let it be. */
export function grammarBody(tools: BodyTools): GrammarBody {
  return (MAKERS[tools.random(MAKERS.length)] as (typeof MAKERS)[number])(tools);
}
