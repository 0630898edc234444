/** Which processor reads a body when no rule chose one. It must never say that a type holds nothing to read: what nobody knows is RAW. */
import type { ByteString } from "../byte-string.ts";
import { lowercase } from "../transformations/letter-case.ts";

/** REQBODY_PROCESSOR. RAW bodies are seen as REQUEST_BODY only; the empty name stands for no body at all. */
export type BodyProcessor = "URLENCODED" | "JSON" | "XML" | "MULTIPART" | "RAW" | "";

const JSON_TYPE = /^(?:application|text)\/(?:[^/]*\+)?(?:x-)?(?:json|ndjson|jsonl|jsonlines)$/;
const JSON_LINES = /^(?:application|text)\/(?:x-)?(?:ndjson|jsonl|jsonlines|json-lines)$/;
const XML_TYPE = /^(?:application|text|image)\/(?:[^/]*\+)?xml$/;

/** Type and subtype in lower case, without parameters. */
function mediaType(contentType: ByteString): ByteString {
  return lowercase(/^[\t ]*([^;,\t ]*)/.exec(contentType)?.[1] ?? "");
}

/** One JSON text a line. */
export function isJsonLines(contentType: ByteString | undefined): boolean {
  return contentType !== undefined && JSON_LINES.test(mediaType(contentType));
}

/** The processor for a Content-Type header; `bodyLength` is undefined while the body is not known. */
export function processorOf(
  contentType: ByteString | undefined,
  bodyLength?: number,
): BodyProcessor {
  const type = mediaType(contentType ?? "");
  if (type === "application/x-www-form-urlencoded") return "URLENCODED";
  if (type === "multipart/form-data") return "MULTIPART";
  if (JSON_TYPE.test(type) || JSON_LINES.test(type)) return "JSON";
  if (XML_TYPE.test(type)) return "XML";
  return bodyLength === 0 || (bodyLength === undefined && type === "") ? "" : "RAW";
}
