/**
 * Who calls: proves each request's identity by exactly one credential, or refuses it. It never guesses between two, never
 * passes on a request whose credential could not be checked, and never records a credential.
 */
import type { RequestContext, Route } from "../../pipeline/request-context.ts";
import type { Decision, PreparedStage, StageHandlers } from "../../pipeline/stage.ts";
import { KEY_PREFIX } from "../../stores/keys/key-format.ts";
import type { KeyStore } from "../../stores/keys/key-store.ts";
import { ApiKeyMethod } from "./api-key-method.ts";
import {
  AUTHORIZATION,
  credentialOf,
  hasTokenInQuery,
  kindOfAuthorization,
} from "./authorization-field.ts";
import { CertificateMethod } from "./certificate-method.ts";
import { Challenges } from "./challenge.ts";
import type { IdentityConfig } from "./config.ts";
import type { Issuer } from "./issuer.ts";
import { prepareIssuer, type IssuerTools } from "./prepare-issuer.ts";
import { Refused } from "./refused.ts";
import { TokenCache } from "./token-cache.ts";
import { TokenFields } from "./token-fields.ts";
import { TokenMethod } from "./token-method.ts";

export interface IdentityTools extends IssuerTools {
  /** Needed when the configuration accepts API keys. The stage does not close it. */
  readonly keys?: KeyStore | undefined;
  /** The stage of the configuration that this one replaces: keys and used tokens of the same issuers are taken over. */
  readonly previous?: PreparedStage<"identity"> | undefined;
}

type IdentityDecision = Decision<"identity">;

const SEVERAL = new Refused("identity.credentials_ambiguous", "more than one credential");
const UNKNOWN_SCHEME = new Refused(
  "identity.credentials_missing",
  "an Authorization scheme that is not accepted here",
);
const KEYS_OFF = new Refused("identity.key_invalid", "API keys are not accepted here");

/** What a reload may take over from a stage. */
const ISSUERS = new WeakMap<PreparedStage<"identity">, readonly Issuer[]>();

/** Prepares every issuer. Throws when the configuration cannot work; an issuer that is down does not stop it. */
export async function identity(
  config: IdentityConfig,
  tools: IdentityTools,
): Promise<PreparedStage<"identity">> {
  if (config.apiKeys && !tools.keys) throw new Error("API keys are accepted but there is no store");
  // First, as it may refuse: nothing is open yet that would have to be closed.
  const fields = new TokenFields(config, tools.clock);
  const issuers = await prepareIssuers(config, tools);
  const methods = new Methods(config, tools, { issuers, fields });
  const required: StageHandlers<"identity"> = { onHead: (context) => methods.decide(context) };
  const none: StageHandlers<"identity"> = { onHead: decideAnonymous };
  const stage: PreparedStage<"identity"> = {
    name: "identity",
    // A path that matches nothing asks for no credential: it is 404 for everyone.
    bind: (route: Route) => {
      if (route.upstream === undefined) return null;
      return config.routes.get(route.id) === "none" ? none : required;
    },
    close: () => closeAll(issuers),
  };
  ISSUERS.set(stage, issuers);
  return stage;
}

async function prepareIssuers(
  config: IdentityConfig,
  // Apart from the rest, which issuers keep: with it they would keep every stage before this one, and all those hold.
  { previous: replaced, ...tools }: IdentityTools,
): Promise<Issuer[]> {
  const previous = (replaced && ISSUERS.get(replaced)) ?? [];
  const preparing = Object.entries(config.issuers).map(([name, issuer]) =>
    prepareIssuer(
      name,
      issuer,
      tools,
      previous.find((one) => one.name === name),
    ),
  );
  const settled = await Promise.allSettled(preparing);
  const issuers = settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const failed = settled.find((one) => one.status === "rejected");
  if (failed) {
    closeAll(issuers);
    throw failed.reason;
  }
  return issuers;
}

function closeAll(issuers: readonly Issuer[]): void {
  for (const { keys } of issuers) keys.close();
}

function decideAnonymous({ request }: RequestContext): IdentityDecision {
  return {
    verdict: "continue",
    learned: { method: "anonymous", key: `anonymous:${request.callerAddress}` },
  };
}

/** The three ways to prove an identity, and the choice between them. */
class Methods {
  readonly #tokens: TokenMethod;
  readonly #fields: TokenFields;
  readonly #apiKeys: ApiKeyMethod | undefined;
  readonly #certificates: CertificateMethod;
  readonly #challenges: Challenges;

  constructor(
    config: IdentityConfig,
    { clock, keys }: IdentityTools,
    { issuers, fields }: { issuers: readonly Issuer[]; fields: TokenFields },
  ) {
    this.#fields = fields;
    const challenges = new Challenges(config.realm, {
      tokens: issuers.some(({ field }) => field === AUTHORIZATION),
      apiKeys: config.apiKeys !== undefined,
    });
    this.#challenges = challenges;
    this.#tokens = new TokenMethod({
      issuers,
      cache: new TokenCache(config.tokenCache.entries),
      cacheLifetimeMs: config.tokenCache.lifetime,
      clock,
      challenges,
    });
    this.#apiKeys = config.apiKeys && keys && new ApiKeyMethod({ keys, clock, challenges });
    this.#certificates = new CertificateMethod({ callers: config.certificates, clock, challenges });
  }

  /**
   * Exactly one credential: with two, the gateway and the model behind it could each believe another one. A certificate
   * beside a token is no second one, but what the token may be bound to.
   */
  decide(context: RequestContext): IdentityDecision | Promise<IdentityDecision> {
    const { headers, url } = context.request;
    const authorization = headers.get(AUTHORIZATION);
    const apiKey = headers.get("x-api-key");
    const presented = this.#fields.find(context);
    const own = presented[0];
    if (own !== undefined) {
      const isAlone = (presented[1] ?? authorization ?? apiKey) === undefined;
      return isAlone && !own.token.includes(",") && !hasTokenInQuery(url.query)
        ? this.#tokens.decide(own.token, context, own.field)
        : this.#challenges.refuse(SEVERAL);
    }
    if (authorization === undefined) {
      if (apiKey === undefined) return this.#certificates.decide(context.peer.certificate);
      if (apiKey.includes(",") || hasTokenInQuery(url.query))
        return this.#challenges.refuse(SEVERAL);
      return this.#decideApiKey(apiKey, context);
    }
    if (apiKey !== undefined || hasTokenInQuery(url.query)) return this.#challenges.refuse(SEVERAL);
    switch (kindOfAuthorization(authorization)) {
      case "bearer": {
        const credential = credentialOf(authorization);
        return credential.startsWith(KEY_PREFIX)
          ? this.#decideApiKey(credential, context)
          : this.#tokens.decide(credential, context, AUTHORIZATION);
      }
      case "api_key":
        return this.#decideApiKey(credentialOf(authorization), context);
      case "several":
        return this.#challenges.refuse(SEVERAL);
      case "unknown":
        return this.#challenges.refuse(UNKNOWN_SCHEME);
    }
  }

  #decideApiKey(text: string, context: RequestContext): IdentityDecision {
    return this.#apiKeys?.decide(text, context) ?? this.#challenges.refuse(KEYS_OFF);
  }
}
