/**
 * The section `store` of the configuration: where state is kept that outlives a request, on this machine or in a Redis that
 * replicas share, and what the link to that Redis is told. Credentials stand here by reference only.
 */
import { z } from "zod";
import { fileRef, secretRef } from "../config/secrets/reference.ts";
import type { ReferenceReader } from "../config/secrets/resolve.ts";
import { durationBetween, hostname, name } from "../config/units.ts";
import {
  DEFAULT_COMMAND_TIMEOUT_MS,
  DEFAULT_HEALTH_CHECK_INTERVAL_MS,
  DEFAULT_KEEP_ALIVE_MS,
  DEFAULT_MAX_AGE_MS,
  DEFAULT_MAX_CONNECTIONS,
  DEFAULT_PREFIX,
  type RedisServers,
  type RedisSettings,
  type RedisTls,
} from "../stores/redis/redis-settings.ts";
import { DEFAULT_REDIS_PORT, isLoopback, redisUrl, serverAddress } from "./store-address.ts";

/** One minute without the shared store; raised, replicas spend their shares unchecked for longer. */
export const DEFAULT_DEGRADED_FOR_MS = 60_000;

const DEFAULT_SENTINEL_PORT = 26_379;
const MAX_SERVERS = 64;
/** Raised, a mistake in a replica could use up the connections of a server that others share. */
const MAX_CONNECTIONS = 64;

const path = z
  .string()
  .min(1)
  .default("portcullis.db")
  .describe("SQLite file for API keys and kill switches, relative to this file.");

const embedded = z.strictObject({
  // Left out, the whole section means this kind.
  kind: z.literal("embedded").optional().default("embedded").describe("Kept on this machine."),
  path,
});

const login = {
  user: z.string().min(1).max(256).optional().describe("ACL user. Default: the server's own."),
  password: secretRef.optional().describe("Its password."),
};

const servers = (defaultPort: number) =>
  z.array(serverAddress(defaultPort)).min(1).max(MAX_SERVERS);

const tls = z
  .strictObject({
    ca: fileRef
      .optional()
      .describe("PEM file of the only authorities trusted for it. Default: the platform's."),
    certificate: fileRef
      .optional()
      .describe("PEM file of the certificate, with its chain, that the gateway shows."),
    key: secretRef.optional().describe("PEM of the private key that belongs to `certificate`."),
    serverName: hostname
      .optional()
      .describe("Name verified in the server's certificate. Default: its host."),
  })
  .refine((value) => (value.certificate === undefined) === (value.key === undefined), {
    error: "`certificate` and `key` belong together",
  });

const redis = z
  .strictObject({
    kind: z.literal("redis").describe("A Redis 7 or Valkey that replicas share."),
    path,
    url: redisUrl.optional().describe("One server: redis://host:port, with TLS rediss://."),
    sentinel: z
      .strictObject({
        name: name.describe("What the Sentinels call the primary."),
        servers: servers(DEFAULT_SENTINEL_PORT).describe("The Sentinels."),
        ...login,
      })
      .optional()
      .describe("A primary that Sentinels watch."),
    cluster: z
      .strictObject({
        servers: servers(DEFAULT_REDIS_PORT).describe("Some of its servers; others are learned."),
      })
      .optional()
      .describe("A Cluster. All keys have one hash tag, so one of its servers does the work."),
    tls: tls.optional().describe("How the servers are verified, and what they are shown."),
    ...login,
    prefix: name.default(DEFAULT_PREFIX).describe("What all keys begin with."),
    maxConnections: z
      .int()
      .min(1)
      .max(MAX_CONNECTIONS)
      .default(DEFAULT_MAX_CONNECTIONS)
      .describe("Calls share connections and leave together: more make nothing faster."),
    commandTimeout: durationBetween("10ms", "10s")
      .default(DEFAULT_COMMAND_TIMEOUT_MS)
      .describe("Longest wait for an answer; then the store counts as away."),
    healthCheckInterval: durationBetween("100ms", "1h")
      .default(DEFAULT_HEALTH_CHECK_INTERVAL_MS)
      .describe("How often silent connections are asked."),
    keepAlive: durationBetween("0s", "1h")
      .default(DEFAULT_KEEP_ALIVE_MS)
      .describe("Silence after which the system probes a connection; 0s: never."),
    maxAge: durationBetween("0s", "7d")
      .default(DEFAULT_MAX_AGE_MS)
      .describe("Age at which a connection is replaced; 0s: never."),
    degradedFor: durationBetween("0s", "1h")
      .default(DEFAULT_DEGRADED_FOR_MS)
      .describe("How long replicas spend their shares while the store is away."),
    replicas: z
      .int()
      .min(1)
      .max(10_000)
      .optional()
      .describe("How many gateways share it, for the size of each one's share."),
  })
  .refine(({ url, sentinel, cluster }) => countOf([url, sentinel, cluster]) === 1, {
    error: "needs one of `url`, `sentinel` and `cluster`, and one only",
  })
  .refine((store) => store.url === undefined || store.url.hasTls || store.tls === undefined, {
    error: "`tls` does nothing for redis://; write rediss://",
    path: ["tls"],
  });

export const storeSchema = z
  .discriminatedUnion("kind", [embedded, redis])
  .prefault({})
  .describe("Where state is kept that outlives a request.");

export type StoreSettings = z.output<typeof storeSchema>;
export type RedisStoreSettings = Extract<StoreSettings, { readonly kind: "redis" }>;

/** What the link is told. Throws `SecretError` when a reference holds nothing. */
export async function toRedisSettings(
  store: RedisStoreSettings,
  reader: ReferenceReader,
): Promise<RedisSettings> {
  const password = store.password && (await reader.readSecret(store.password));
  return {
    servers: await toServers(store, reader),
    login: { user: store.user, password },
    tls: hasTls(store) ? await toTls(store.tls ?? {}, reader) : undefined,
    prefix: store.prefix,
    maxConnections: store.maxConnections,
    commandTimeoutMs: store.commandTimeout,
    healthCheckIntervalMs: store.healthCheckInterval,
    keepAliveMs: store.keepAlive,
    maxAgeMs: store.maxAge,
  };
}

/**
 * Whether somebody between here and the servers could read along. Those of a group may name others that are anywhere, and
 * are believed: that the configured ones are on this machine says nothing of them.
 */
export const isReadableOnTheWay = (store: StoreSettings): boolean =>
  store.kind === "redis" && !hasTls(store) && (store.url === undefined || !isLoopback(store.url));

const hasTls = ({ url, tls: section }: RedisStoreSettings): boolean =>
  url === undefined ? section !== undefined : url.hasTls;

async function toServers(
  { url, sentinel, cluster }: RedisStoreSettings,
  reader: ReferenceReader,
): Promise<RedisServers> {
  if (sentinel) {
    const password = sentinel.password && (await reader.readSecret(sentinel.password));
    const { name: primary, servers: addresses, user } = sentinel;
    return { kind: "sentinel", name: primary, addresses, login: { user, password } };
  }
  if (cluster) return { kind: "cluster", addresses: cluster.servers };
  if (!url) throw new TypeError("a Redis without an address");
  return { kind: "alone", address: { host: url.host, port: url.port } };
}

async function toTls(
  section: NonNullable<RedisStoreSettings["tls"]>,
  reader: ReferenceReader,
): Promise<RedisTls> {
  const read = async (reference: typeof section.ca): Promise<string | undefined> =>
    reference && (await reader.readFile(reference)).toString("utf8");
  return {
    ca: await read(section.ca),
    certificate: await read(section.certificate),
    key: section.key && (await reader.readSecret(section.key)),
    serverName: section.serverName,
  };
}

const countOf = (values: readonly unknown[]): number =>
  values.filter((value) => value !== undefined).length;
