/**
 * Heads of requests and answers as the engine reads them: the bytes that the upstream gets, nothing repaired. Node hands
 * header fields over as latin1, so that their text is a byte string already.
 */
import type { CallerRequest } from "../../pipeline/request-context.ts";
import type { GatewayResponse, HeaderList } from "../../pipeline/response.ts";
import type { HeaderFields, RequestHead, ResponseHead } from "../../seclang/index.ts";

const PROTOCOLS = { "1.0": "HTTP/1.0", "1.1": "HTTP/1.1", "2": "HTTP/2.0" } as const;

export function toRequestHead(request: CallerRequest): RequestHead {
  const { headers, peer, callerAddress } = request;
  const fields = pairsOf(headers.fields);
  // HTTP/2 says it in `:authority`, which rules know as Host (RFC 9113 section 8.3.1).
  if (headers.get("host") === undefined) fields.push(["host", request.authority]);
  // Chunks end at the gateway, and so does the field; rules ask how a body was announced.
  if (request.contentLength === undefined && request.httpVersion !== "2")
    fields.push(["transfer-encoding", "chunked"]);
  return {
    method: request.method,
    target: request.url.target,
    protocol: PROTOCOLS[request.httpVersion],
    headers: fields,
    id: request.requestId,
    remoteAddress: callerAddress,
    remotePort: peer.port,
  };
}

/** `without` is a field in lower case that no longer describes the body. */
export function toResponseHead(
  { status, headers }: Pick<GatewayResponse, "status" | "headers">,
  without?: string,
): ResponseHead {
  const fields: HeaderFields = pairsOf(headers);
  return {
    status,
    protocol: "HTTP/1.1",
    headers: without === undefined ? fields : fields.filter(([name]) => name !== without),
  };
}

function pairsOf(flat: HeaderList): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at < flat.length; at += 2)
    pairs.push([flat[at] as string, flat[at + 1] as string]);
  return pairs;
}
