/** The body that belongs to a request head on a test's wire; what follows it is another request and never counts. */
import type { ByteString } from "../byte-string.ts";
import type { HeaderFields } from "../collections/message.ts";

export interface WireBody {
  /** As the server hands them on: without Content-Length when the body is chunked (RFC 9112 section 6.3). */
  readonly headers: HeaderFields;
  readonly content: ByteString;
  readonly isIncomplete: boolean;
  readonly problem: string | undefined;
}

export function readBody(headers: HeaderFields, rest: ByteString): WireBody {
  const whole = { headers, content: "", isIncomplete: false, problem: undefined };
  if (valueOf(headers, "transfer-encoding") !== undefined) {
    const content = joinChunks(rest);
    const others = headers.filter(([name]) => name.toLowerCase() !== "content-length");
    return content === undefined
      ? { ...whole, problem: "a chunked body that is not complete" }
      : { ...whole, headers: others, content };
  }
  const length = valueOf(headers, "content-length");
  if (length === undefined) return whole;
  if (!/^\d{1,15}$/.test(length))
    return { ...whole, problem: "a Content-Length that is no number" };
  const content = rest.slice(0, Number(length));
  return { ...whole, content, isIncomplete: content.length < Number(length) };
}

function valueOf(headers: HeaderFields, lowerName: string): ByteString | undefined {
  return headers.find(([name]) => name.toLowerCase() === lowerName)?.[1];
}

/** Undefined when a chunk is cut off or its size is no number. Trailers are not read. */
function joinChunks(wire: ByteString): ByteString | undefined {
  const chunks: ByteString[] = [];
  let at = 0;
  for (;;) {
    const size = /^([0-9A-Fa-f]{1,7})[^\r\n]*\r\n/.exec(wire.slice(at, at + 1_000));
    if (size === null) return undefined;
    at += size[0].length;
    const length = Number.parseInt(size[1] as string, 16);
    if (length === 0) return chunks.join("");
    if (wire.slice(at + length, at + length + 2) !== "\r\n") return undefined;
    chunks.push(wire.slice(at, at + length));
    at += length + 2;
  }
}
