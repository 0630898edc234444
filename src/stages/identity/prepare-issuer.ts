/** Makes an issuer of its configuration: reads its secret or fetches its first keys. A local mistake stops the start. */
import { createSecretKey } from "node:crypto";
import type { FileRef, SecretRef } from "../../config/secrets/reference.ts";
import type { Secret } from "../../config/secrets/secret.ts";
import type { Clock } from "../../pipeline/stage.ts";
import type { Algorithm } from "./algorithms.ts";
import { AUTHORIZATION } from "./authorization-field.ts";
import { ClaimMapping } from "./claim-mapping.ts";
import {
  DEFAULT_DOCUMENT_LIMIT_BYTES,
  type FetchOptions,
  type ReachRules,
} from "./guarded-fetch.ts";
import type { Issuer } from "./issuer.ts";
import type { IssuerConfig } from "./issuer-config.ts";
import { loadByDiscovery, loadFromUrl, type LoadKeys } from "./key-loader.ts";
import { digestBits, importKeySet, symmetricKeySet } from "./key-set.ts";
import { fixedKeys, RefreshingKeys, type KeyNotice, type KeySource } from "./key-source.ts";
import { ReplayMemory } from "./replay-memory.ts";

type Environment = "development" | "staging" | "production";

export interface IssuerTools {
  readonly clock: Clock;
  readonly environment: Environment;
  /** Reads a file that the configuration names; relative paths are relative to the configuration file. */
  readFile(reference: FileRef): Promise<Buffer>;
  readSecret(reference: SecretRef): Promise<Secret>;
  /** Told when keys were loaded, left out or could not be had. */
  notice?(notice: KeyNotice): void;
}

/** Fewer different bytes than this in a secret of 32 or more is a repeated word, not a random value. */
const MIN_DISTINCT_BYTES = 10;

/**
 * Throws, with a text for the operator, when the configuration itself cannot work. A key server that does not answer
 * is no such case: the issuer is made, answers 503, and goes on trying.
 */
export async function prepareIssuer(
  name: string,
  config: IssuerConfig,
  tools: IssuerTools,
  previous?: Issuer,
): Promise<Issuer> {
  const keySourceId = printKeySource(config);
  const isSame = previous?.keySourceId === keySourceId;
  return {
    name,
    keySourceId,
    identifier: config.issuer,
    field: config.header ?? AUTHORIZATION,
    algorithms: new Set(config.algorithms),
    headerParameters: new Set(config.headerParameters),
    rules: {
      audience: new Set(config.audience),
      clockSkewMs: config.clockSkew,
      maxLifetimeMs: config.maxLifetime,
      types: new Set(config.typ.map((type) => (type === "JWT" ? "jwt" : type))),
      requiredClaims: config.requiredClaims,
    },
    mapping: new ClaimMapping(
      {
        name,
        identifier: config.issuer,
        authMethod: config.authMethod,
        rpId: config.rpId,
        isLegacy: config.legacy,
      },
      config.claims,
    ),
    // Taken over, or a reload would let every token be used once more.
    replays: config.singleUse
      ? ((isSame ? previous.replays : undefined) ?? new ReplayMemory())
      : undefined,
    keys: await prepareKeys({ name, config, tools }, isSame ? previous.keys : undefined),
  };
}

/** Where the keys of an issuer come from, for comparing with another configuration; holds no secret. */
function printKeySource({ issuer, discovery, jwksUrl, jwks, secret }: IssuerConfig): string {
  return JSON.stringify([issuer, discovery, jwksUrl, jwks, secret]);
}

interface Preparing {
  readonly name: string;
  readonly config: IssuerConfig;
  readonly tools: IssuerTools;
}

async function prepareKeys(
  { name, config, tools }: Preparing,
  previous: KeySource | undefined,
): Promise<KeySource> {
  if (config.secret !== undefined)
    return sharedSecret(await tools.readSecret(config.secret), {
      name,
      algorithms: config.algorithms,
    });
  const keys = new RefreshingKeys({
    issuerName: name,
    clock: tools.clock,
    load: await keyLoader(name, config, tools),
    read: (document) => importKeySet(document, config.algorithms),
    refreshMs: config.refresh.every,
    cooldownMs: config.refresh.cooldown,
    staleLimitMs: config.refresh.staleIfError,
    notice: (notice) => tools.notice?.(notice),
  });
  // A key server that is down during a reload must not take away the keys that were good until then.
  await keys.start(previous instanceof RefreshingKeys ? previous.kept : undefined);
  if (config.jwks !== undefined && keys.failure !== undefined) {
    keys.close();
    throw new Error(`issuer ${name}: the key file cannot be used`, { cause: keys.failure });
  }
  return keys;
}

async function keyLoader(
  name: string,
  config: IssuerConfig,
  tools: IssuerTools,
): Promise<LoadKeys> {
  const { jwks } = config;
  if (jwks !== undefined) return () => tools.readFile(jwks);
  if (tools.environment === "production" && config.allowInsecure)
    throw new Error(`issuer ${name}: allowInsecure is refused in production`);
  const options: FetchOptions = {
    rules: reachRules(config, tools.environment),
    timeoutMs: config.refresh.timeout,
    limitBytes: DEFAULT_DOCUMENT_LIMIT_BYTES,
    ca: config.ca && (await tools.readFile(config.ca)).toString("utf8"),
  };
  if (config.jwksUrl !== undefined) return loadFromUrl(config.jwksUrl, options);
  const monotonicMs = () => tools.clock.monotonicMs();
  return loadByDiscovery({ issuer: config.issuer, url: config.discovery, monotonicMs }, options);
}

/** Loopback needs no declaration on a developer's machine, where an identity provider runs next to the gateway. */
function reachRules(config: IssuerConfig, environment: Environment): ReachRules {
  const isProduction = environment === "production";
  return {
    mayUsePrivate: config.allowPrivateNetwork,
    mayUseLoopback: config.allowPrivateNetwork || !isProduction,
    plainHttp: isProduction ? "never" : config.allowInsecure ? "anywhere" : "loopback",
  };
}

interface SecretUse {
  readonly name: string;
  readonly algorithms: readonly Algorithm[];
}

function sharedSecret(secret: Secret, { name, algorithms }: SecretUse): KeySource {
  const bytes = secret.revealBytes();
  try {
    const needed = Math.max(...algorithms.map(digestBits));
    // In every environment: a token forged with a guessed secret is indistinguishable from a real one.
    if (bytes.length * 8 < needed)
      throw new Error(
        `issuer ${name}: the secret has ${bytes.length * 8} bits, ${algorithms.join()} needs ${needed}`,
      );
    if (new Set(bytes).size < MIN_DISTINCT_BYTES)
      throw new Error(`issuer ${name}: the secret repeats a few characters; make a random one`);
    return fixedKeys(symmetricKeySet(createSecretKey(bytes), algorithms));
  } finally {
    bytes.fill(0);
  }
}
