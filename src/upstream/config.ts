/** The configuration of one upstream. Semantic mistakes are refused here, with a position in the file; nothing is opened. */
import { validateHeaderName } from "node:http";
import { z } from "zod";
import { fileRef, secretRef } from "../config/secrets/reference.ts";
import { bytesBetween, durationBetween, hostname } from "../config/units.ts";
import { mayCarryCredential } from "./request-head.ts";

/** A model that has not answered after this long will not; raised, slow calls pile up to `connections` and `queue`. */
export const DEFAULT_TIMEOUT_MS = 30_000;
/** A handshake in one data centre takes milliseconds; raised, a dead target holds its callers that much longer. */
export const DEFAULT_CONNECT_TIMEOUT_MS = 2_000;
/** Silence within a streamed answer; raised, an upstream that went quiet holds a connection and a caller longer. */
export const DEFAULT_IDLE_TIMEOUT_MS = 60_000;
/**
 * uvicorn and Node close idle connections after 5 s. Raised above what the upstream keeps, a request can meet a
 * connection that is just being closed, and it is never sent twice.
 */
export const DEFAULT_KEEP_ALIVE_MS = 4_000;
/** Connections to each target; raised, a flood of callers reaches the model instead of the queue. */
export const DEFAULT_CONNECTIONS = 128;
/** Requests waiting for a connection; raised, each holds its whole body in memory while it waits. */
export const DEFAULT_QUEUE = 256;
/** Answers above 64 KiB are passed on as they come; raised, that much memory is held for each running answer. */
export const DEFAULT_STREAM_ABOVE_BYTES = 64 * 1024;
/** The largest answer, streamed ones too; raised, an upstream gone wrong sends for longer before it is cut off. */
export const DEFAULT_RESPONSE_LIMIT_BYTES = 1024 ** 3;
/** The header section of an answer; raised, each running call can make the gateway hold that much more. */
export const DEFAULT_RESPONSE_HEADER_LIMIT_BYTES = 32 * 1024;

const MAX_TARGETS = 64;
const MAX_WEIGHT = 100;

/** An http or https origin, in the one form that it is compared and shown in. */
const origin = z
  .string({ error: 'expected an origin, written as text such as "https://10.0.0.5:9000"' })
  .transform((text, context) => {
    const refusal = refusalOfOrigin(text);
    if (!refusal) return text;
    context.addIssue({
      code: "custom",
      message: refusal.message,
      params: { hint: refusal.hint, isSensitive: refusal.isSensitive },
      input: refusal.isSensitive ? undefined : text,
    });
    return z.NEVER;
  })
  .meta({
    unit: "an origin",
    pattern: "^https?://[^/?#@]+$",
    examples: ["https://10.0.0.5:9000"],
  });

interface OriginRefusal {
  readonly message: string;
  readonly hint: string;
  /** A password may stand in the text, so that it must not be repeated. */
  readonly isSensitive: boolean;
}

function refusalOfOrigin(text: string): OriginRefusal | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const refuse = (message: string, hint: string, isSensitive = false): OriginRefusal => ({
    message,
    hint,
    isSensitive,
  });
  if (!url || (url.protocol !== "https:" && url.protocol !== "http:"))
    return refuse("not an http or https origin", 'for example "https://10.0.0.5:9000"');
  if (url.username !== "" || url.password !== "" || text.includes("@"))
    return refuse("an origin with a user or password", "use `credential` instead", true);
  if (url.origin === text) return undefined;
  const hasMore = url.pathname !== "/" || url.search !== "" || url.hash !== "";
  return refuse(
    hasMore
      ? "an origin with a path, query or fragment"
      : "an origin that is not in its plain form",
    `write "${url.origin}"; the caller's path and query are passed on unchanged`,
  );
}

const weightedTarget = z.strictObject({
  url: origin.describe("Where the target listens: scheme, host and port."),
  weight: z
    .int()
    .min(1)
    .max(MAX_WEIGHT)
    .default(1)
    .describe("Share of requests relative to the other targets."),
});

const target = z
  .union([origin.transform((url) => ({ url, weight: 1 })), weightedTarget])
  .describe("One server of this upstream: its origin, or its origin and weight.");

const tls = z
  .strictObject({
    ca: fileRef
      .optional()
      .describe(
        "PEM file of the only authorities trusted for this upstream. Default: the platform's.",
      ),
    certificate: fileRef
      .optional()
      .describe(
        "PEM file of the certificate, with its chain, that the gateway shows to the upstream.",
      ),
    key: secretRef.optional().describe("PEM of the private key that belongs to `certificate`."),
    serverName: hostname
      .optional()
      .describe(
        "Name asked for (SNI) and verified in the upstream's certificate. Default: the target's host.",
      ),
  })
  .refine((value) => (value.certificate === undefined) === (value.key === undefined), {
    error: "`certificate` and `key` belong together",
  });

const credential = z.strictObject({
  header: z
    .string()
    .transform((text) => text.toLowerCase())
    .refine(isHeaderName, { error: "not a header name" })
    .refine(mayCarryCredential, {
      error: "a header that the gateway writes itself",
    })
    .default("authorization")
    .describe("Header field that carries the credential."),
  prefix: z
    .string()
    .regex(/^[\x20-\x7e]{0,64}$/, { error: "visible ASCII, 64 characters at most" })
    .default("")
    .describe('Text in front of the secret, such as "Bearer ".'),
  secret: secretRef.describe("The credential itself."),
});

function isHeaderName(text: string): boolean {
  try {
    validateHeaderName(text);
    return true;
  } catch {
    return false;
  }
}

/** One entry of `upstreams`. */
export const upstreamSchema = z
  .strictObject({
    targets: z
      .array(target)
      .min(1, { error: "an upstream needs at least one target" })
      .max(MAX_TARGETS)
      .refine((list) => new Set(list.map((entry) => entry.url)).size === list.length, {
        error: "a target is listed twice; use `weight`",
      })
      .describe(
        "The servers of this upstream; each request goes to the one with the fewest running requests.",
      ),
    timeout: durationBetween("1ms", "1h")
      .default(DEFAULT_TIMEOUT_MS)
      .describe("Longest time for a whole buffered answer, waiting and connecting included."),
    connectTimeout: durationBetween("1ms", "5m")
      .default(DEFAULT_CONNECT_TIMEOUT_MS)
      .describe("Longest time to open a connection, TLS handshake included."),
    headerTimeout: durationBetween("1ms", "1h")
      .optional()
      .describe("Longest time until the head of the answer. Default: `timeout`."),
    idleTimeout: durationBetween("1ms", "1h")
      .default(DEFAULT_IDLE_TIMEOUT_MS)
      .describe("Longest silence within a streamed answer or a streamed request body."),
    keepAlive: durationBetween("1ms", "10m")
      .default(DEFAULT_KEEP_ALIVE_MS)
      .describe("How long an unused connection is kept. Stay below what the upstream keeps."),
    connections: z
      .int()
      .min(1)
      .max(65_535)
      .default(DEFAULT_CONNECTIONS)
      .describe("Most connections, and so running requests, to each target."),
    queue: z
      .int()
      .min(0)
      .max(1_000_000)
      .default(DEFAULT_QUEUE)
      .describe("Most requests that wait for a connection; the next one is refused with 503."),
    tls: tls
      .optional()
      .describe("How https targets are verified, and what the gateway shows them."),
    credential: credential
      .optional()
      .describe("A credential of the gateway's own, sent with every request to this upstream."),
    responseLimit: bytesBetween("1B", "1TiB")
      .default(DEFAULT_RESPONSE_LIMIT_BYTES)
      .describe("Largest answer body, streamed answers included."),
    responseHeaderLimit: bytesBetween("1KiB", "1MiB")
      .default(DEFAULT_RESPONSE_HEADER_LIMIT_BYTES)
      .describe("Largest header section of an answer."),
    streamAbove: bytesBetween("0B", "64MiB")
      .default(DEFAULT_STREAM_ABOVE_BYTES)
      .describe(
        "Answers larger than this are passed on as they come, unless a stage must see them whole.",
      ),
  })
  .refine((value) => (value.headerTimeout ?? 0) <= value.timeout, {
    error: "`headerTimeout` is longer than `timeout`",
    path: ["headerTimeout"],
  })
  .refine((value) => value.connectTimeout <= value.timeout, {
    error: "`connectTimeout` is longer than `timeout`",
    path: ["connectTimeout"],
  })
  .refine((value) => !value.tls || value.targets.every((entry) => entry.url.startsWith("https:")), {
    error: "`tls` does nothing for an http target",
    path: ["tls"],
  });

/** All upstreams by name. */
export const upstreamsSchema = z
  .record(
    z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, { error: "not an upstream name" }),
    upstreamSchema,
  )
  .describe("The servers behind the gateway, by the name that routes and models use.");

export type UpstreamConfig = z.output<typeof upstreamSchema>;
export type UpstreamsConfig = z.output<typeof upstreamsSchema>;
