/**
 * The `WWW-Authenticate` field of every 401 (RFC 9110 section 11.6.1, RFC 6750 section 3): says which credential to
 * bring, and no more about the one that failed than the answer itself says.
 */
import { CATALOGUE, rejection } from "../../pipeline/rejection.ts";
import type { Decision } from "../../pipeline/stage.ts";
import type { IdentityCode, Refused } from "./refused.ts";

export interface AcceptedMethods {
  readonly tokens: boolean;
  readonly apiKeys: boolean;
}

export class Challenges {
  readonly #headers: Readonly<Record<IdentityCode, readonly string[]>>;

  constructor(realm: string, accepted: AcceptedMethods) {
    const codes = Object.keys(CATALOGUE).filter((code) => code.startsWith("identity."));
    this.#headers = Object.fromEntries(
      codes.map((code) => [
        code,
        Object.freeze(["www-authenticate", challengeFor(code as IdentityCode, realm, accepted)]),
      ]),
    ) as unknown as Record<IdentityCode, readonly string[]>;
  }

  /** The decision to refuse, with its challenge. */
  refuse({ code, cause }: Refused): Decision<"identity"> {
    return {
      verdict: "reject",
      rejection: rejection(code, { cause, headers: this.#headers[code] }),
    };
  }
}

function challengeFor(code: IdentityCode, realm: string, accepted: AcceptedMethods): string {
  const bearer = `Bearer realm="${realm}"`;
  const apiKey = `ApiKey realm="${realm}"`;
  // RFC 6750 section 3.1: without any credential, no error code: the caller has done nothing wrong yet.
  if (code === "identity.credentials_missing") {
    const offered = [...(accepted.tokens ? [bearer] : []), ...(accepted.apiKeys ? [apiKey] : [])];
    return offered.length > 0 ? offered.join(", ") : bearer;
  }
  if (code === "identity.credentials_ambiguous") return `${bearer}, error="invalid_request"`;
  if (code.startsWith("identity.key_")) return apiKey;
  return `${bearer}, error="invalid_token", error_description="${CATALOGUE[code].message}"`;
}
