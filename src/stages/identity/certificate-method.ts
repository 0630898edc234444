/**
 * Decides on callers that bring nothing but their certificate: a table from subject alternative name to caller. The
 * chain was verified by the listener against the operator's own authority; an unverified certificate names nobody.
 */
import type { AuthenticatedIdentity } from "../../pipeline/facts.ts";
import type { PeerCertificate } from "../../pipeline/request-context.ts";
import type { Clock, Decision } from "../../pipeline/stage.ts";
import type { Challenges } from "./challenge.ts";
import type { CertificateCaller } from "./config.ts";
import { Refused } from "./refused.ts";

export interface CertificateTools {
  readonly callers: readonly CertificateCaller[];
  readonly clock: Clock;
  readonly challenges: Challenges;
}

type Accepted = { readonly verdict: "continue"; readonly learned: AuthenticatedIdentity };

const MISSING = new Refused("identity.credentials_missing", "no credential");
const UNVERIFIED = new Refused("identity.credentials_missing", "the certificate is not verified");
const UNKNOWN = new Refused("identity.credentials_missing", "the certificate names no caller");
const SEVERAL = new Refused("identity.credentials_ambiguous", "the certificate names two callers");
const EXPIRED = new Refused("identity.credentials_missing", "the certificate has expired");

export class CertificateMethod {
  readonly #tools: CertificateTools;
  readonly #bySan: ReadonlyMap<string, CertificateCaller>;
  /** One decision a certificate: the listener keeps one object for all requests of a connection. */
  readonly #decided = new WeakMap<PeerCertificate, Accepted | Refused>();

  constructor(tools: CertificateTools) {
    this.#tools = tools;
    this.#bySan = new Map(tools.callers.map((caller) => [caller.san, caller]));
  }

  /** For requests without token and key; without a table entry that fits, they are without credential. */
  decide(certificate: PeerCertificate | undefined): Decision<"identity"> {
    const { challenges, clock } = this.#tools;
    if (certificate === undefined || this.#bySan.size === 0) return challenges.refuse(MISSING);
    if (!certificate.verified) return challenges.refuse(UNVERIFIED);
    // A connection may outlive the certificate that opened it.
    if (clock.nowMs() >= certificate.expiresAtMs) return challenges.refuse(EXPIRED);
    const decided = this.#decided.get(certificate) ?? this.#match(certificate);
    return decided instanceof Refused ? challenges.refuse(decided) : decided;
  }

  #match(certificate: PeerCertificate): Accepted | Refused {
    const callers = new Set(
      certificate.subjectAltNames.flatMap((san) => this.#bySan.get(san) ?? []),
    );
    const [caller] = callers;
    const decided =
      caller === undefined
        ? UNKNOWN
        : callers.size > 1
          ? SEVERAL
          : Object.freeze({
              verdict: "continue" as const,
              learned: toIdentity(caller, certificate),
            });
    this.#decided.set(certificate, decided);
    return decided;
  }
}

function toIdentity(
  caller: CertificateCaller,
  certificate: PeerCertificate,
): AuthenticatedIdentity {
  return Object.freeze({
    method: "mtls",
    key: `mtls:${caller.caller}`,
    caller: caller.caller,
    subject: caller.san,
    tenant: caller.tenant,
    issuer: undefined,
    credentialId: certificate.thumbprintSha256,
    scopes: new Set(caller.scopes),
    permissions: new Set(caller.permissions),
    groups: new Set(caller.groups),
    roles: new Set(caller.roles),
    tier: caller.tier,
    expiresAtMs: certificate.expiresAtMs,
  });
}
