/** Status line, header fields and body of an answer to what rules see in phases 3 and 4. It must never join or drop a field. */
import { parseJson, parseNdjson } from "../body/json.ts";
import { type ByteString, fromBytes } from "../byte-string.ts";
import { isJsonLines, processorOf } from "./body-processor.ts";
import { Entry, PART } from "./entry.ts";
import type { ResponseHead } from "./message.ts";
import { LazyParts, type Parts } from "./parts.ts";
import { firstHeader } from "./request-head.ts";
import { type VariableReaders, VariableTable } from "./variable-table.ts";

const HEAD_VARIABLES: VariableReaders<ResponseHead> = new Map([
  ["RESPONSE_STATUS", ({ status }: ResponseHead) => String(status)],
  ["RESPONSE_PROTOCOL", ({ protocol }: ResponseHead) => protocol],
  ["RESPONSE_CONTENT_TYPE", ({ headers }) => firstHeader(headers, "content-type") ?? ""],
  ["RESPONSE_CONTENT_LENGTH", ({ headers }) => firstHeader(headers, "content-length") ?? ""],
]);

const BODY_VARIABLES: VariableReaders<ByteString> = new Map([
  ["RESPONSE_CONTENT_LENGTH", (text) => String(text.length)],
]);

/** Reads status and header fields. */
export function readResponseHead(head: ResponseHead): Parts {
  const entries: Entry[] = [];
  for (const [name, value] of head.headers) {
    entries.push(new Entry(PART.responseHeaders, name, value));
    entries.push(new Entry(PART.responseHeadersNames, name, name));
  }
  return new LazyParts({ entries, variables: new VariableTable(HEAD_VARIABLES, head) });
}

/** Reads a body, or what is buffered of it. RESPONSE_ARGS are made of JSON only when a rule asks for them. */
export function readResponseBody(options: {
  readonly body: Uint8Array;
  readonly contentType?: ByteString | undefined;
}): Parts {
  const { body, contentType } = options;
  const text = fromBytes(body);
  const range = { start: 0, end: text.length };
  return new LazyParts({
    entries: [new Entry(PART.responseBody, "", text, range)],
    variables: new VariableTable(BODY_VARIABLES, text),
    members: () => {
      if (processorOf(contentType, text.length) !== "JSON") return new Map();
      const { fields } = (isJsonLines(contentType) ? parseNdjson : parseJson)(text);
      return new Map([["RESPONSE_ARGS", fields]]);
    },
  });
}
