/**
 * The `constitution` section: which signed pack decides, whose signature makes it one, and what may happen to it. There
 * is no way to leave a route out: with the section, every route that leads to an upstream is governed.
 */
import { z } from "zod";
import { fileRef, publicRef, secretRef } from "../../config/secrets/reference.ts";
import { durationBetween, percentage } from "../../config/units.ts";
import { edgeSchema } from "./edge-config.ts";
import { webhooksSchema } from "./webhook-config.ts";

/** As many keys as a release needs signers, and their successors. Raised, a forged envelope costs that much more work. */
const KEYS_LIMIT = 16;
/**
 * Longest that break-glass may last: a quarter of an hour is enough to mend a rule. Raised, whoever gets to start it once
 * is in for that long.
 */
const MAX_BREAK_GLASS = "15m";
const MAX_BREAK_GLASS_MS = 900_000;

const statePath = (what: string): z.ZodString =>
  z.string().min(1).max(4_096).describe(`File that keeps ${what}, relative to this file.`);

const canary = z
  .strictObject({
    share: percentage
      .optional()
      .describe("Share of the callers, by a stable hash of who they are; more of it adds callers."),
    groups: z
      .array(z.string().min(1).max(256))
      .min(1)
      .optional()
      .describe("Groups whose members the candidate decides for."),
    routes: z
      .array(z.string().min(1).max(256))
      .min(1)
      .optional()
      .describe("Ids of routes that the candidate decides on."),
  })
  .refine(({ share = 0, ...named }) => share > 0 || Object.keys(named).length > 0, {
    error: "a canary for nobody",
    params: { hint: "give at least one of share, groups and routes" },
  });

const breakGlass = z.strictObject({
  maxTtl: durationBetween("1s", MAX_BREAK_GLASS)
    .default(MAX_BREAK_GLASS_MS)
    .describe("Longest that one break-glass may last."),
  state: statePath("a running break-glass over a restart").default("breakglass-state.json"),
  approvers: z
    .array(fileRef)
    .min(1)
    .max(KEYS_LIMIT)
    .optional()
    .describe(
      "Files with the Ed25519 public keys of operators: each start then needs the signature of one.",
    ),
});

/** The `constitution` section of the configuration. */
export const constitutionSchema = z
  .strictObject({
    signature: fileRef.describe("The file that is signed: pack.json, or the DSSE envelope."),
    rules: fileRef
      .optional()
      .describe("The rules that pack.json signs, in YAML. An envelope holds its own."),
    form: z
      .enum(["pack_json", "dsse"])
      .describe("Which of the two is taken; the other is refused, whatever it says."),
    keys: z
      .array(publicRef)
      .min(1)
      .max(KEYS_LIMIT)
      .describe(
        "Ed25519 public keys that may sign: PEM, or base64 of the PEM as in env:POLICY_PUBKEY_PEM_B64.",
      ),
    threshold: z
      .int()
      .min(1)
      .max(KEYS_LIMIT)
      .default(1)
      .describe("How many different keys must have signed an envelope."),
    acknowledge: z
      .array(
        z
          .string()
          .max(256)
          .regex(/^[a-z][a-z0-9_]*:\S+$/, { error: "not the name of a finding" }),
      )
      .default([])
      .describe(
        "Grave findings of `portcullis pack lint` that are meant, by name, such as open_allow:allow_public_warmup.",
      ),
    state: statePath("the highest release that was ever active").default("constitution-state.json"),
    canary: canary.optional().describe("For whom the candidate decides, once it is a canary."),
    breakGlass: breakGlass
      .optional()
      .describe("Lets operators turn the fact system.panic_mode on for a while. Default: nobody."),
    signAnswers: secretRef
      .optional()
      .describe(
        "Ed25519 private key (PKCS#8 PEM): answers the pack decided on carry X-Policy-Sign. Every answer is held whole for it, so none is streamed.",
      ),
    edge: edgeSchema.optional(),
    webhooks: webhooksSchema.optional(),
  })
  .superRefine(({ form, rules, threshold, keys }, context) => {
    const refuse = (field: string, message: string, hint: string): void =>
      context.addIssue({ code: "custom", path: [field], message, params: { hint } });
    if (form === "pack_json" && rules === undefined)
      refuse(
        "rules",
        "pack.json signs a file of rules beside it",
        'for example "file:policy.yaml"',
      );
    if (form === "dsse" && rules !== undefined)
      refuse("rules", "an envelope holds its own rules", "remove it");
    if (form === "pack_json" && threshold > 1)
      refuse("threshold", "pack.json has one signature", 'more than one needs "form: dsse"');
    if (threshold > Math.max(1, keys.length))
      refuse("threshold", "more signatures than there are keys", "list more keys, or ask for less");
  })
  .describe("The organisation's signed rules, which every request has to satisfy.");

export type ConstitutionSection = z.output<typeof constitutionSchema>;

/** What the stage is made from. */
export interface ConstitutionConfig extends ConstitutionSection {
  /** The partner whose signature counts, by id of the route. */
  readonly webhookRoutes: ReadonlyMap<string, string>;
}
