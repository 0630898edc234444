/**
 * Decides on bearer tokens. A token seen in the last minute is answered at once from the cache; any other is read,
 * matched to its issuer, verified and mapped, synchronously unless the issuer's keys are still on their way.
 */
import { hash } from "node:crypto";
import type { RequestContext } from "../../pipeline/request-context.ts";
import type { Clock, Decision } from "../../pipeline/stage.ts";
import type { Challenges } from "./challenge.ts";
import { DEFAULT_TOKEN_LIMIT_BYTES, readClaims, readCompactToken } from "./compact-token.ts";
import { findUnfitHeader, verifyToken, type Issuer, type SoundToken } from "./issuer.ts";
import { quote, Refused } from "./refused.ts";
import type { TokenCache, VerifiedToken } from "./token-cache.ts";

export interface TokenTools {
  readonly issuers: readonly Issuer[];
  readonly cache: TokenCache;
  readonly cacheLifetimeMs: number;
  readonly clock: Clock;
  readonly challenges: Challenges;
}

type IdentityDecision = Decision<"identity">;

const WRONG_FIELD = new Refused(
  "identity.issuer_unknown",
  "tokens of this issuer come in another header field",
);
const WRONG_CERTIFICATE = new Refused(
  "identity.token_invalid",
  "bound to another certificate than the connection's",
);

export class TokenMethod {
  readonly #tools: TokenTools;
  readonly #issuers: ReadonlyMap<string, Issuer>;

  constructor(tools: TokenTools) {
    this.#tools = tools;
    this.#issuers = new Map(tools.issuers.map((issuer) => [issuer.identifier, issuer]));
  }

  /**
   * On a token that came in this field. A decision, or a promise of one while keys are fetched. Throws a `Fault` when they
   * cannot be had.
   */
  decide(
    token: string,
    context: RequestContext,
    field: string,
  ): IdentityDecision | Promise<IdentityDecision> {
    if (token.length > DEFAULT_TOKEN_LIMIT_BYTES)
      return this.#refuse(new Refused("identity.token_malformed", "larger than 16 KB"));
    // The digest, not the token: a cache of live credentials would be worth stealing from a heap dump.
    const digest = hash("sha256", token, "base64url");
    const known = this.#recall(digest);
    const presented = { token, digest, context, field, mayWait: true };
    return known ? this.#accept(known, presented) : this.#decideAnew(presented);
  }

  #recall(digest: string): VerifiedToken | undefined {
    const { cache, clock } = this.#tools;
    const known = cache.get(digest);
    if (known === undefined) return undefined;
    const isCurrent =
      clock.monotonicMs() < known.freshUntilMs &&
      clock.nowMs() < known.validUntilMs &&
      known.generation === known.keys.generation;
    if (isCurrent) return known;
    cache.delete(digest);
    return undefined;
  }

  #decideAnew(presented: Attempt): IdentityDecision | Promise<IdentityDecision> {
    const judged = this.#verify(presented);
    if (judged instanceof Promise) return judged.then(() => this.#decideAgain(presented));
    return judged instanceof Refused ? this.#refuse(judged) : this.#accept(judged, presented);
  }

  /** After the keys have arrived. Another request with the same token may have been first: then it is in the cache. */
  #decideAgain(presented: Attempt): IdentityDecision | Promise<IdentityDecision> {
    const known = this.#recall(presented.digest);
    if (known) return this.#accept(known, presented);
    return this.#decideAnew({ ...presented, mayWait: false });
  }

  #verify({
    token: text,
    digest,
    field,
    mayWait,
  }: Attempt): VerifiedToken | Refused | Promise<void> {
    const token = readCompactToken(text);
    if (token instanceof Refused) return token;
    const claims = readClaims(token.payload);
    if (claims instanceof Refused) return claims;
    // The issuer is chosen by exact text among those configured, before any key is looked for or fetched.
    const { iss } = claims;
    const issuer = typeof iss === "string" ? this.#issuers.get(iss) : undefined;
    if (!issuer) return unknownIssuer(iss);
    if (issuer.field !== field) return WRONG_FIELD;
    const unfit = findUnfitHeader(issuer, token);
    if (unfit) return unfit;
    const { keyId } = token.header;
    const { generation } = issuer.keys;
    const key = issuer.keys.lookup(keyId, mayWait);
    if (key instanceof Promise) return key;
    if (key === undefined)
      return new Refused(
        "identity.token_invalid",
        keyId === undefined ? "no kid" : `unknown kid ${quote(keyId)}`,
      );
    const nowMs = this.#tools.clock.nowMs();
    const sound = verifyToken(issuer, { token, claims, key, nowMs });
    return sound instanceof Refused ? sound : this.#remember(digest, issuer, { sound, generation });
  }

  #remember(
    digest: string,
    issuer: Issuer,
    { sound, generation }: { sound: SoundToken; generation: number },
  ): VerifiedToken {
    const { cache, cacheLifetimeMs, clock } = this.#tools;
    const verified: VerifiedToken = {
      decision: Object.freeze({ verdict: "continue", learned: sound.identity }),
      field: issuer.field,
      keys: issuer.keys,
      generation,
      validUntilMs: sound.validUntilMs,
      freshUntilMs: clock.monotonicMs() + cacheLifetimeMs,
      boundTo: sound.boundTo,
    };
    if (!issuer.replays) cache.set(digest, verified);
    return verified;
  }

  #accept(token: VerifiedToken, { context: { peer }, field }: Attempt): IdentityDecision {
    // The cache knows a token by its bytes alone: where it came from is looked at each time.
    if (token.field !== field) return this.#refuse(WRONG_FIELD);
    if (token.boundTo !== undefined && token.boundTo !== peer.certificate?.thumbprintSha256)
      return this.#refuse(WRONG_CERTIFICATE);
    return token.decision;
  }

  #refuse(refused: Refused): IdentityDecision {
    return this.#tools.challenges.refuse(refused);
  }
}

interface Attempt {
  readonly token: string;
  readonly digest: string;
  readonly context: RequestContext;
  readonly field: string;
  readonly mayWait: boolean;
}

function unknownIssuer(iss: unknown): Refused {
  return typeof iss === "string"
    ? new Refused("identity.issuer_unknown", `issuer ${quote(iss)} is not configured`)
    : new Refused("identity.token_invalid", "iss is missing or not a text");
}
