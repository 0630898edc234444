/**
 * The `constitution.webhooks` section: partners whose systems call us and sign what they send. A way of signing that
 * leaves out the time is refused here, whatever partner asks for it: such a delivery could be sent again for ever.
 */
import { z } from "zod";
import { fileRef, secretRef } from "../../config/secrets/reference.ts";
import { durationBetween, name } from "../../config/units.ts";

/**
 * Five minutes, as most senders advise: clocks differ and queues delay. Raised, a delivery that was caught can be held
 * back for longer before it is sent on, and every delivery is remembered for longer.
 */
const DEFAULT_TOLERANCE_MS = 300_000;
/** Two during a rotation, and two for slips. Raised, a forged delivery costs that many more checks. */
const KEYS_LIMIT = 4;

/** Fields whose value is not the sender's own text, or is a credential of ours. */
const TAKEN_FIELDS = new Set(
  "authorization proxy-authorization cookie x-api-key host content-length content-type transfer-encoding connection".split(
    " ",
  ),
);

const fieldName = z
  .string()
  .max(64)
  .regex(/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/, { error: "not a header name in lower case" })
  .refine((field) => !TAKEN_FIELDS.has(field), {
    error: "this header has a meaning of its own",
  });

const partner = z
  .strictObject({
    scheme: z
      .enum(["timestamp.body", "id.timestamp.body"], {
        error:
          'expected "timestamp.body" or "id.timestamp.body"; a signature over the body alone (sha256=...) says no time, so it could be replayed for ever',
      })
      .describe(
        "What is signed. `timestamp.body`: `t=TIME,v1=HEX` in one header. `id.timestamp.body`: Standard Webhooks, three headers, `v1,BASE64` (HMAC) or `v1a,BASE64` (Ed25519).",
      ),
    algorithm: z
      .enum(["hmac-sha256", "ed25519"])
      .default("hmac-sha256")
      .describe("The only signature that is accepted from this partner."),
    secrets: z
      .array(secretRef)
      .min(1)
      .max(KEYS_LIMIT)
      .optional()
      .describe(
        "Shared secrets for hmac-sha256, several while one replaces another; at least 24 bytes. Of Standard Webhooks in base64, with or without `whsec_`; else the text as it is.",
      ),
    keys: z
      .array(fileRef)
      .min(1)
      .max(KEYS_LIMIT)
      .optional()
      .describe("Files with the partner's public keys for ed25519: PEM, or `whpk_` and base64."),
    signatureHeader: fieldName.default("webhook-signature").describe("Where the signature stands."),
    timestampHeader: fieldName
      .optional()
      .describe("Of id.timestamp.body: where the time stands. Default: webhook-timestamp."),
    idHeader: fieldName
      .optional()
      .describe("Of id.timestamp.body: where the delivery's id stands. Default: webhook-id."),
    tolerance: durationBetween("1s", "1h")
      .default(DEFAULT_TOLERANCE_MS)
      .describe(
        "How far the signed time may be from ours, either way. So long each delivery is remembered, and refused the second time.",
      ),
  })
  .superRefine((one, context) => {
    const refuse = (field: string, message: string, hint?: string) =>
      context.addIssue({ code: "custom", path: [field], message, params: { hint } });
    const [needed, foreign] =
      one.algorithm === "ed25519" ? (["keys", "secrets"] as const) : (["secrets", "keys"] as const);
    if (one[needed] === undefined) refuse(needed, `${one.algorithm} needs ${needed}`);
    if (one[foreign] !== undefined)
      refuse(foreign, `${one.algorithm} does not use ${foreign}`, `write ${needed} instead`);
    const fields = ["timestampHeader", "idHeader"] as const;
    if (one.scheme === "timestamp.body")
      for (const field of fields)
        if (one[field] !== undefined) refuse(field, "timestamp.body has all in one header");
    const { timestampHeader = "webhook-timestamp", idHeader = "webhook-id" } = one;
    if (new Set([one.signatureHeader, timestampHeader, idHeader]).size < 3)
      refuse("signatureHeader", "two of the headers are the same");
  });

export type WebhookPartner = z.output<typeof partner>;

/** The section `constitution.webhooks`. */
export const webhooksSchema = z
  .strictObject({
    partners: z
      .record(name, partner)
      .default({})
      .describe("Partners by the name that routes give in `webhook`."),
  })
  .describe("Systems that call us and sign what they send.");

export type WebhooksConfig = z.output<typeof webhooksSchema>;

/** On one route: the partner whose signature makes `webhook.verified` true. */
export const routeWebhookSchema = name.describe(
  "Partner of `constitution.webhooks` whose signature over the body is verified here: `context.webhook.verified` of the constitution. Needs a buffered body.",
);
