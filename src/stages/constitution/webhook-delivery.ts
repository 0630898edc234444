/**
 * Reads what a signed delivery says of itself in its header fields, by its partner's scheme. It judges no signature; what
 * could be read in two ways it refuses.
 */
import type { WebhookPartner } from "./webhook-config.ts";

export interface Delivery {
  /** When it was signed, seconds since the epoch. */
  readonly seconds: number;
  /** ASCII text that is signed before the body. */
  readonly prefix: string;
  /** Any of them may hold; each of the algorithm's length. */
  readonly signatures: readonly Buffer[];
}

type Shape = Pick<
  WebhookPartner,
  "scheme" | "algorithm" | "signatureHeader" | "timestampHeader" | "idHeader"
>;

/** Two during the sender's own rotation, and two for slips. Raised, a forged delivery costs that many more checks. */
const SIGNATURES_LIMIT = 4;
/** Canonical whole seconds, up to the year 33658. */
const SECONDS = /^[1-9]\d{0,11}$/;
/** Without a dot: it would make two splits of one signed text. */
const ID = /^[A-Za-z0-9_:~+=/-]{1,256}$/;
const HEX = /^[0-9a-f]+$/i;

const SIGNATURE_BYTES = { "hmac-sha256": 32, ed25519: 64 } as const;
/** How Standard Webhooks marks a signature of each algorithm; both schemes use it. */
const LABEL = { "hmac-sha256": "v1", ed25519: "v1a" } as const;

/** The delivery; undefined when it is not signed at all; or, as text, why its signature cannot be read. */
export function readDelivery(
  fields: readonly string[],
  partner: Shape,
): Delivery | string | undefined {
  const signature = findOnce(fields, partner.signatureHeader);
  if (signature === undefined) return undefined;
  if (signature === REPEATED) return "the signature's header is repeated";
  switch (partner.scheme) {
    case "timestamp.body":
      return readTimestampBody(signature, partner);
    case "id.timestamp.body":
      return readIdTimestampBody(signature, fields, partner);
  }
}

const REPEATED = Symbol("repeated");

function findOnce(fields: readonly string[], name: string): string | typeof REPEATED | undefined {
  let found: string | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] !== name) continue;
    if (found !== undefined) return REPEATED;
    found = fields[i + 1];
  }
  return found;
}

/** `t=1614265330,v1=5257a8...,v1=...`; members of other names are of older schemes and count for nothing. */
function readTimestampBody(field: string, { algorithm }: Shape): Delivery | string {
  let time: string | undefined;
  const signatures: Buffer[] = [];
  for (const member of field.split(",")) {
    const equals = member.indexOf("=");
    const key = member.slice(0, Math.max(equals, 0)).trim();
    const value = member.slice(equals + 1).trim();
    if (key === "") return "a member of the signature has no name";
    if (key === "t") {
      if (time !== undefined) return "the signature has two times";
      time = value;
    } else if (key === LABEL[algorithm]) {
      const isHex = HEX.test(value) && value.length === 2 * SIGNATURE_BYTES[algorithm];
      if (!isHex) return "a signature is not hexadecimal of its length";
      signatures.push(Buffer.from(value, "hex"));
    }
  }
  return finish(time, (seconds) => `${seconds}.`, signatures);
}

/** Standard Webhooks: `v1,BASE64 v1,BASE64`, with id and time in headers of their own. */
function readIdTimestampBody(
  field: string,
  fields: readonly string[],
  { algorithm, timestampHeader, idHeader }: Shape,
): Delivery | string {
  const id = findOnce(fields, idHeader ?? "webhook-id");
  if (typeof id !== "string" || !ID.test(id)) return "the id is missing, repeated or no id";
  const time = findOnce(fields, timestampHeader ?? "webhook-timestamp");
  const signatures: Buffer[] = [];
  for (const member of field.split(" ")) {
    const comma = member.indexOf(",");
    if (member.slice(0, Math.max(comma, 0)) !== LABEL[algorithm]) continue;
    const text = member.slice(comma + 1);
    const signature = Buffer.from(text, "base64");
    const isCanonical = signature.toString("base64") === text;
    if (!isCanonical || signature.length !== SIGNATURE_BYTES[algorithm])
      return "a signature is not base64 of its length";
    signatures.push(signature);
  }
  return finish(time, (seconds) => `${id}.${seconds}.`, signatures);
}

function finish(
  time: string | typeof REPEATED | undefined,
  toPrefix: (seconds: string) => string,
  signatures: readonly Buffer[],
): Delivery | string {
  if (typeof time !== "string" || !SECONDS.test(time))
    return "the time is missing, repeated or not in whole seconds";
  if (signatures.length === 0) return "there is no signature of the partner's algorithm";
  if (signatures.length > SIGNATURES_LIMIT) return "there are too many signatures";
  return { seconds: Number(time), prefix: toPrefix(time), signatures };
}
