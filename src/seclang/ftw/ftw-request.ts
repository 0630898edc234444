/**
 * The bytes that a test's request has on the wire, completed and encoded as the suite's usual sender (go-ftw) does it;
 * what is broken on purpose it must never mend.
 */
import type { ByteString } from "../byte-string.ts";
import type { FtwInput } from "./ftw-test.ts";

const FORM = "application/x-www-form-urlencoded";

export function wireBytes(input: FtwInput): ByteString {
  if (input.wholeRequest !== undefined) return input.wholeRequest;
  const headers = [...input.headers];
  const body = completeBody(input, headers);
  if (input.isCompleted) completeHeaders(input, body, headers);
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  return `${input.method} ${input.uri} ${input.version}\r\n${lines.join("")}\r\n${body}`;
}

type Headers = (readonly [name: ByteString, value: ByteString])[];

function valuesOf(headers: Headers, lowerName: string): ByteString[] {
  return headers.filter(([name]) => name.toLowerCase() === lowerName).map(([, value]) => value);
}

function completeBody(input: FtwInput, headers: Headers): ByteString {
  let body = input.data ?? "";
  if (body !== "" && input.isCompleted) {
    const types = valuesOf(headers, "content-type");
    if (types.length === 0) headers.push(["Content-Type", FORM]);
    const isForm = types.length === 0 || types.some((type) => type.toLowerCase() === FORM);
    if (isForm) body = encodeForm(body);
  }
  const isMultipart = valuesOf(headers, "content-type").some((type) =>
    type.toLowerCase().includes("multipart/form-data;"),
  );
  // YAML blocks end lines with LF alone; lines that are written out with CRLF stay.
  return isMultipart ? body.replace(/(?<!\r)\n/g, "\r\n") : body;
}

/** Without an anchor on the whole, as the sender has it: `POSTING` counts, too. */
const TAKES_BODY = /^POST|PUT|PATCH|DELETE$/;

function completeHeaders(
  { method, sendsZeroLength }: FtwInput,
  body: ByteString,
  headers: Headers,
): void {
  if (valuesOf(headers, "connection").length === 0) headers.push(["Connection", "close"]);
  if (valuesOf(headers, "content-length").length > 0) return;
  if (body !== "" || (sendsZeroLength && TAKES_BODY.test(method)))
    headers.push(["Content-Length", `${body.length}`]);
}

/** Data that decoding would change is taken for encoded already. */
function encodeForm(data: ByteString): ByteString {
  if (data.includes("+") || data.includes("%")) return data;
  return data
    .replace(/&$/, "")
    .split("&")
    .map((pair) => {
      const equals = pair.indexOf("=");
      if (equals === -1) return encodePart(pair);
      return `${encodePart(pair.slice(0, equals))}=${encodePart(pair.slice(equals + 1))}`;
    })
    .join("&");
}

function encodePart(text: ByteString): ByteString {
  return text.replace(/[^A-Za-z0-9_.~-]/g, (byte) =>
    byte === " " ? "+" : `%${byte.charCodeAt(0).toString(16).padStart(2, "0").toUpperCase()}`,
  );
}
