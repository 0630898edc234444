/**
 * Decides on API keys. Every failure ends in the same answer after the same comparison: a caller must not learn whether
 * a key exists, is revoked, or is merely used from the wrong place.
 */
import { hash, timingSafeEqual } from "node:crypto";
import { CidrSet } from "../../config/cidr.ts";
import { cidr } from "../../config/units.ts";
import type { AuthenticatedIdentity } from "../../pipeline/facts.ts";
import type { RequestContext } from "../../pipeline/request-context.ts";
import type { Clock, Decision } from "../../pipeline/stage.ts";
import { parseKey } from "../../stores/keys/key-format.ts";
import type { KeyRecord, KeyStore, StoredKey } from "../../stores/keys/key-store.ts";
import type { Challenges } from "./challenge.ts";
import { Refused } from "./refused.ts";

export interface ApiKeyTools {
  readonly keys: KeyStore;
  readonly clock: Clock;
  readonly challenges: Challenges;
}

/** What is made of a stored key once, at its first use after each change. */
interface PreparedKey {
  readonly decision: { readonly verdict: "continue"; readonly learned: AuthenticatedIdentity };
  readonly addresses: CidrSet | undefined;
}

const MALFORMED = new Refused("identity.key_malformed", "not the form of a key, or a typing error");
const UNKNOWN = new Refused("identity.key_unknown", "no key with this id");
const WRONG_SECRET = new Refused("identity.key_invalid", "wrong secret");
const REVOKED = new Refused("identity.key_revoked", "the key is revoked");
const EXPIRED = new Refused("identity.key_expired", "the key has expired");
const TOO_EARLY = new Refused("identity.key_invalid", "the key is not valid yet");
const WRONG_PLACE = new Refused("identity.key_invalid", "not from one of the key's networks");

/** Compared with when there is no such key. No secret hashes to it, as it is not a hash of anything known. */
const NO_SECRET = Buffer.alloc(32);

export class ApiKeyMethod {
  readonly #tools: ApiKeyTools;
  /** The store gives a new object for every change of a key, which is what makes this memo safe. */
  readonly #prepared = new WeakMap<StoredKey, PreparedKey>();

  constructor(tools: ApiKeyTools) {
    this.#tools = tools;
  }

  /** Throws a `Fault` when the store cannot be trusted to be up to date. */
  decide(text: string, context: RequestContext): Decision<"identity"> {
    const { challenges, clock, keys } = this.#tools;
    const parts = parseKey(text);
    if (!parts) return challenges.refuse(MALFORMED);
    const stored = keys.find(parts.id);
    const presented = hash("sha256", parts.secret, "buffer");
    const isRight = timingSafeEqual(presented, stored?.secretSha256 ?? NO_SECRET);
    if (!stored) return challenges.refuse(UNKNOWN);
    if (!isRight) return challenges.refuse(WRONG_SECRET);
    const nowMs = clock.nowMs();
    const prepared = this.#prepared.get(stored) ?? this.#prepare(stored);
    const refused = findUnusable(stored.record, nowMs) ?? findMisplaced(prepared, context);
    if (refused) return challenges.refuse(refused);
    keys.touch(parts.id, nowMs);
    return prepared.decision;
  }

  #prepare(stored: StoredKey): PreparedKey {
    const { record } = stored;
    const prepared: PreparedKey = {
      decision: Object.freeze({ verdict: "continue", learned: toIdentity(record) }),
      addresses:
        record.addresses.length > 0
          ? new CidrSet(record.addresses.map((network) => cidr.parse(network)))
          : undefined,
    };
    this.#prepared.set(stored, prepared);
    return prepared;
  }
}

function findUnusable(record: KeyRecord, nowMs: number): Refused | undefined {
  if (record.revokedAtMs !== undefined) return REVOKED;
  if (nowMs >= record.expiresAtMs) return EXPIRED;
  return record.notBeforeMs !== undefined && nowMs < record.notBeforeMs ? TOO_EARLY : undefined;
}

function findMisplaced(
  { addresses }: PreparedKey,
  { request }: RequestContext,
): Refused | undefined {
  return addresses === undefined || addresses.has(request.callerAddress) ? undefined : WRONG_PLACE;
}

function toIdentity(record: KeyRecord): AuthenticatedIdentity {
  return Object.freeze({
    method: "api_key",
    key: `key:${record.principal}`,
    caller: record.owner,
    subject: record.name,
    tenant: record.tenant,
    issuer: undefined,
    credentialId: record.id,
    scopes: new Set(record.scopes),
    permissions: new Set(record.permissions),
    groups: new Set(record.groups),
    roles: new Set(record.roles),
    tier: record.tier,
    expiresAtMs: record.expiresAtMs,
  });
}
