/** The parts of the section `ledger` that carry the record out of this machine: where to, how often, with what secrets. */
import { isAbsolute } from "node:path";
import { z } from "zod";
import { fileRef, secretRef } from "../../config/secrets/reference.ts";
import { duration } from "../../config/units.ts";

/** A minute: what a lost machine can at most take back unseen. Shorter ones cost a request to a store each time. */
const DEFAULT_CHECKPOINT_INTERVAL_MS = 60_000;

const interval = duration
  .default(DEFAULT_CHECKPOINT_INTERVAL_MS)
  .describe("Least time between two checkpoints.");

/** https, so that nobody on the way reads or changes it; plain http to this machine alone. */
const serviceUrl = z.string().refine(isServiceUrl, {
  error: "not an https URL without credentials (http is for loopback only)",
});

const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

const hostText = z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9.:-]{0,253}[A-Za-z0-9])?$/, {
  error: "not a host name or address",
});

const mirrorSchema = z
  .strictObject({
    endpoint: serviceUrl.describe("URL of the S3-compatible store."),
    region: z.string().min(1).default("us-east-1").describe("Region in signatures."),
    bucket: z.string().min(1).describe("Bucket."),
    addressing: z
      .enum(["path", "virtual_host"])
      .default("path")
      .describe("`path`: MinIO, R2 and most others. `virtual_host`: the bucket is in the name."),
    accessKeyId: secretRef.describe("Access key id."),
    secretAccessKey: secretRef.describe("Secret access key."),
    sessionToken: secretRef.optional().describe("Session token of temporary credentials."),
    prefix: z.string().default("ledger").describe("Before each key."),
    lock: z
      .strictObject({
        mode: z.enum(["compliance", "governance"]).describe("Mode of the object lock."),
        retain: duration.describe("How long nobody may change or delete an object."),
      })
      .optional()
      .describe("Object lock; the bucket must have been made with it."),
    verify: z
      .enum(["read", "head"])
      .default("read")
      .describe("`read` reads each upload back; `head` believes the store's checksum."),
    checkpointInterval: interval,
    timeout: duration.default(900_000).describe("Longest time for one upload."),
    ca: fileRef.optional().describe("PEM file of authorities, instead of the system's."),
    keepUntilMirrored: z
      .boolean()
      .default(true)
      .describe("Retention deletes nothing that is not mirrored."),
  })
  .describe("Closed segments and checkpoints in an S3-compatible store.");

const hookSchema = z
  .strictObject({
    program: z
      .string()
      .refine(isAbsolute, { error: "name an absolute path" })
      .describe("Called as PROGRAM ... segment FILE, and PROGRAM ... checkpoint FILE."),
    arguments: z.array(z.string()).default([]).describe("Stand before those two."),
    timeout: duration.default(300_000).describe("Longest time for one call."),
    checkpointInterval: interval,
  })
  .describe("A program of the operator's that takes closed segments and checkpoints.");

const witnessesSchema = z
  .strictObject({
    interval,
    each: z
      .record(
        z.string(),
        z.strictObject({
          url: serviceUrl.describe("Where add-checkpoint is asked."),
          keys: z.array(z.string()).min(1).describe("Its verifier keys (C2SP vkey)."),
          timeout: duration.default(10_000).describe("For one question."),
          ca: fileRef.optional().describe("PEM file of authorities."),
        }),
      )
      .describe("Witnesses by name."),
  })
  .describe("Witnesses (C2SP tlog-witness) that cosign what continues what they saw before.");

const kinds = z.array(z.string()).min(1).optional().describe("Kinds of lines. Default: all.");

const syslogSchema = z
  .strictObject({
    host: hostText.describe("Receiver, over TLS (RFC 5425): a name or an address."),
    port: z.int().min(1).max(65_535).default(6514).describe("Its port."),
    serverName: z.string().optional().describe("Name in its certificate. Default: host."),
    ca: fileRef.optional().describe("PEM file of authorities, instead of the system's."),
    certificate: fileRef.optional().describe("PEM file of the gateway's own certificate."),
    key: fileRef.optional().describe("PEM file of its private key."),
    facility: z.int().min(0).max(23).default(13).describe("RFC 5424; 13 is log audit."),
    kinds,
    checkpointInterval: interval,
  })
  .refine(({ certificate, key }) => (certificate === undefined) === (key === undefined), {
    error: "certificate and key belong together",
  })
  .describe("Every line to a SIEM as syslog (RFC 5424).");

const otlpSchema = z
  .strictObject({
    url: serviceUrl.describe('Such as "https://collector.example:4318/v1/logs".'),
    headers: z
      .record(z.string().regex(HEADER_NAME, "not a header name"), secretRef)
      .default({})
      .describe("Headers for the collector, as references to secrets."),
    kinds,
    checkpointInterval: interval,
    timeout: duration.default(10_000).describe("For one batch."),
  })
  .describe("Every line to a SIEM as OpenTelemetry logs.");

/** Fields of the section `ledger`. */
export const outwardFields = {
  mirror: mirrorSchema.optional(),
  hook: hookSchema.optional(),
  witnesses: witnessesSchema.optional(),
  syslog: syslogSchema.optional(),
  otlp: otlpSchema.optional(),
  stdout: z
    .strictObject({ checkpointInterval: interval })
    .optional()
    .describe("Checkpoints as lines of JSON on standard output."),
};

const outwardSchema = z.object(outwardFields);
export type OutwardSettings = z.output<typeof outwardSchema>;

function isServiceUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, hostname: host } = new URL(text);
  if (username !== "" || password !== "") return false;
  return protocol === "https:" || (protocol === "http:" && LOOPBACK.has(host));
}

const LOOPBACK: ReadonlySet<string> = new Set(["127.0.0.1", "[::1]", "localhost"]);
