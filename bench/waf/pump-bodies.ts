/** Requests of one size that repeat one piece wherever a request has room for it; made to be as dear as they can be. */
import type { RequestHead } from "../../src/seclang/collections/message.ts";
import type { BenchRequest } from "./requests.ts";

export const PUMP_FORMS = [
  "json",
  "fields",
  "keys",
  "form",
  "raw form",
  "query",
  "xml",
  "part",
] as const;
export type PumpForm = (typeof PUMP_FORMS)[number];

/** What an attacker may send in one request to the gateway's inference routes. */
const TOTAL_BYTES = 131_072;
/** Longer targets are refused before the firewall sees them. */
const QUERY_BYTES = 7_000;
const FIELDS = 20;
/** As long as names may be. */
const KEY_BYTES = 500;

const hexOf = (byte: string): string => byte.charCodeAt(0).toString(16).padStart(2, "0");
const escapeJson = (text: string): string =>
  text
    .replace(/["\\]/g, String.raw`\$&`)
    .replace(/[^ -~\x80-\xff]/g, (byte) => String.raw`\u00${hexOf(byte)}`);
const escapeForm = (text: string): string => text.replace(/[^\w.-]/g, (byte) => `%${hexOf(byte)}`);
const escapeXml = (text: string): string =>
  text.replace(/[<>&]/g, (byte) => `&#${byte.charCodeAt(0)};`).replace(/[^\t\n\r -\xff]/g, " ");
/** JSON and XML take no bytes that are no UTF-8. */
const utf8Of = (text: string): string =>
  Buffer.from(text, "latin1").toString("utf8").includes("\ufffd")
    ? Buffer.from(text, "utf8").toString("latin1")
    : text;

/** As often as it fits, never cut: half an escape is none. */
const repeated = (piece: string, bytes: number): string =>
  piece.repeat(Math.floor(bytes / piece.length));

const JSON_TYPE = "application/json";
const FORM_TYPE = "application/x-www-form-urlencoded";

function fields(pump: string): string {
  const value = repeated(escapeJson(pump), TOTAL_BYTES / FIELDS);
  return `{${Array.from({ length: FIELDS }, (_, i) => `"f${i}":"${value}"`).join(",")}}`;
}

function keys(pump: string): string {
  const count = Math.floor(TOTAL_BYTES / KEY_BYTES);
  const name = repeated(escapeJson(pump), KEY_BYTES - 12);
  return `{${Array.from({ length: count }, (_, i) => `"${name}${i}":1`).join(",")}}`;
}

/** Content type and body; a query has none. */
function bodyOf(form: PumpForm, pump: string): readonly [type: string, body: string] {
  switch (form) {
    case "json":
      return [JSON_TYPE, `{"text":"${repeated(escapeJson(utf8Of(pump)), TOTAL_BYTES)}"}`];
    case "fields":
      return [JSON_TYPE, fields(utf8Of(pump))];
    case "keys":
      return [JSON_TYPE, keys(utf8Of(pump))];
    case "form":
      return [FORM_TYPE, `a=${repeated(escapeForm(pump), TOTAL_BYTES)}`];
    case "raw form":
      return [FORM_TYPE, `a=${repeated(pump, TOTAL_BYTES)}`];
    case "query":
      return ["", ""];
    case "xml":
      return ["text/xml", `<a b="c">${repeated(escapeXml(utf8Of(pump)), TOTAL_BYTES)}</a>`];
    case "part":
      return [
        "multipart/form-data; boundary=xyz",
        `--xyz\r\nContent-Disposition: form-data; name="a"\r\n\r\n${repeated(pump, TOTAL_BYTES)}\r\n--xyz--\r\n`,
      ];
  }
}

/** A body of `TOTAL_BYTES`, or a query. */
export function pumpRequest(form: PumpForm, pump: string): BenchRequest {
  const [type, text] = bodyOf(form, pump);
  const body = Buffer.from(text, "latin1");
  const isQuery = form === "query";
  const head: RequestHead = {
    method: isQuery ? "GET" : "POST",
    target: isQuery ? `/v1/search?q=${repeated(escapeForm(pump), QUERY_BYTES)}` : "/v1/predict",
    protocol: "HTTP/1.1",
    headers: [
      ["Host", "models.example"],
      ["User-Agent", "client/1.0"],
      ["Accept", "*/*"],
      ...(isQuery
        ? []
        : [["Content-Type", type] as const, ["Content-Length", String(body.length)] as const]),
    ],
    remoteAddress: "198.51.100.7",
  };
  return { head, body };
}
