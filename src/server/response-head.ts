/** Header fields of an answer as they may go on the wire: nothing meant for another connection, no length but our own. */
import type { GatewayResponse, HeaderList } from "../pipeline/response.ts";

/** RFC 9110 section 7.6.1, RFC 9113 section 8.2.2: what the upstream's connection meant for us ends here. */
const CONNECTION_FIELDS = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authentication-info",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

/** The fields that go on, as a new flat list. `content-length` is left out: whoever sends the body declares it. */
export function endToEndFields(headers: HeaderList): string[] {
  const fields: string[] = [];
  let named: Set<string> | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (name === "content-length") continue;
    if (!CONNECTION_FIELDS.has(name)) fields.push(name, headers[i + 1] as string);
    else if (name === "connection") named = optionsOf(headers[i + 1] as string, named);
  }
  return named === undefined ? fields : withoutNamed(fields, named);
}

function optionsOf(value: string, known = new Set<string>()): Set<string> {
  for (const option of value.split(",")) known.add(option.trim().toLowerCase());
  return known;
}

function withoutNamed(fields: string[], named: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2)
    if (!named.has(fields[i] as string)) kept.push(fields[i] as string, fields[i + 1] as string);
  return kept;
}

/** The length an upstream declared for a body we only pass on; undefined when it declared none that can be held to. */
export function declaredLength(headers: HeaderList): number | undefined {
  let declared: string | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== "content-length") continue;
    if (declared !== undefined && declared !== headers[i + 1]) return undefined;
    declared = headers[i + 1];
  }
  return declared !== undefined && /^\d{1,15}$/.test(declared) ? Number(declared) : undefined;
}

/** RFC 9110 section 6.4.1: answers that never have content, whatever their fields say. */
export function isWithoutContent(method: string, response: GatewayResponse): boolean {
  return method === "HEAD" || response.status === 204 || response.status === 304;
}
