/**
 * Whom a request is counted for. Everything here comes from proof or from the socket, and nothing from a header, so that
 * a caller cannot choose to be somebody else; an address of IPv6 is its /64, which one host has all of.
 */
import { addressText, lastRead, readAddress } from "../../config/ip-text.ts";
import type { RequestContext } from "../../pipeline/request-context.ts";
import type { SubjectPart } from "./shared-config.ts";

/** The principal. Without an identity the address is the caller: nobody is ever counted as nobody. */
export function principalOf({ facts, request }: RequestContext): string {
  const { identity } = facts;
  if (identity === undefined) return `address:${networkOf(request.callerAddress)}`;
  return identity.method === "anonymous"
    ? `anonymous:${networkOf(request.callerAddress)}`
    : identity.key;
}

/**
 * One text for all requests that are alike in these parts. Values are any text, so each says its length: no two lists of
 * values give the same text. What is absent differs from every value.
 */
export function subjectOf(context: RequestContext, by: readonly SubjectPart[]): string {
  let subject = "";
  for (const part of by) {
    const value = valueOf(context, part);
    subject += value === undefined ? `${part}-;` : `${part}=${value.length}:${value};`;
  }
  return subject;
}

function valueOf(context: RequestContext, part: SubjectPart): string | undefined {
  const { route, request } = context;
  const proved = context.facts.identity;
  const identity = proved?.method === "anonymous" ? undefined : proved;
  switch (part) {
    case "identity":
      return principalOf(context);
    case "tenant":
      return identity?.tenant;
    case "caller":
      return identity?.caller;
    case "key":
      // A token's own name is new with each token: who counted by it could be had as often as tokens are.
      return identity?.method === "api_key" ? identity.credentialId : principalOf(context);
    case "address":
      return networkOf(request.callerAddress);
    case "route":
      return route.id;
    case "model":
      return route.model;
    case "version":
      return route.version;
  }
}

/** RFC 4291 section 2.5.4: every host has 2^64 addresses to call from. */
function networkOf(address: string): string {
  if (readAddress(address) !== 6) return address;
  return `${addressText(6, [lastRead[0] as number, lastRead[1] as number, 0, 0])}/64`;
}
