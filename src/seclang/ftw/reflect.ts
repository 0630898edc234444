/** The answer of the suite's backend (albedo): 200 and nothing, but at `/reflect` whatever the request's JSON describes. */
import { Buffer } from "node:buffer";
import { fromBytes, toBytes, type ByteString } from "../byte-string.ts";
import type { RequestHead, ResponseHead } from "../collections/message.ts";

export interface BackendAnswer {
  readonly head: ResponseHead;
  readonly body: ByteString;
}

const EMPTY: BackendAnswer = answer(200, [], "");

/** A description that cannot be read is answered with 400, as that backend does. */
export function answerOf(request: RequestHead, body: ByteString): BackendAnswer {
  if (request.method !== "POST" || !/^\/reflect\/?(?:\?|$)/.test(request.target)) return EMPTY;
  const wanted = parseDescription(body);
  if (wanted === undefined) return answer(400, [], "invalid description");
  const headers = Object.entries(wanted.headers ?? {}).map(
    ([name, value]): [ByteString, ByteString] => [utf8(name), utf8(value)],
  );
  const content =
    wanted.body === undefined || wanted.body === ""
      ? fromBytes(Buffer.from(wanted.encodedBody ?? "", "base64"))
      : utf8(wanted.body);
  return answer(wanted.status ?? 200, headers, content);
}

function answer(
  status: number,
  headers: readonly (readonly [ByteString, ByteString])[],
  body: ByteString,
): BackendAnswer {
  const names = new Set(headers.map(([name]) => name.toLowerCase()));
  const completed = [...headers];
  if (body !== "" && !names.has("content-type")) completed.push(["Content-Type", sniffType(body)]);
  if (!names.has("content-length")) completed.push(["Content-Length", `${body.length}`]);
  return { head: { status, protocol: "HTTP/1.1", headers: completed }, body };
}

/** The types that the backend's library tells by the first bytes; the rules care for no other. */
function sniffType(body: ByteString): ByteString {
  const start = body.slice(0, 512).trimStart().toLowerCase();
  if (
    /^<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|!--)[ >]/.test(
      start,
    )
  ) {
    return "text/html; charset=utf-8";
  }
  if (start.startsWith("<?xml")) return "text/xml; charset=utf-8";
  // oxlint-disable-next-line no-control-regex -- bytes that no text holds
  if (/[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]/.test(body.slice(0, 512)))
    return "application/octet-stream";
  return "text/plain; charset=utf-8";
}

interface Description {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly encodedBody?: string;
}

function parseDescription(body: ByteString): Description | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(toBytes(body)).toString("utf8"));
    return isDescription(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isDescription(value: unknown): value is Description {
  if (typeof value !== "object" || value === null) return false;
  const {
    status = 0,
    headers = {},
    body = "",
    encodedBody = "",
  }: Record<string, unknown> = {
    ...value,
  };
  if (typeof headers !== "object" || headers === null) return false;
  const texts: unknown[] = [body, encodedBody, ...Object.values(headers)];
  return typeof status === "number" && texts.every((text) => typeof text === "string");
}

function utf8(text: string): ByteString {
  return fromBytes(Buffer.from(text, "utf8"));
}
