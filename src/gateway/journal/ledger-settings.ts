/** The section `ledger` of the configuration: where decisions are recorded, how durably, and what of a person is in it. */
import { z } from "zod";
import { secretRef } from "../../config/secrets/reference.ts";
import { bytesBetween, duration } from "../../config/units.ts";
import { outwardFields } from "./ledger-outward-settings.ts";

/** 64 MiB: a start reads the last segment whole, about half a second. Raised, a start takes as much longer. */
export const DEFAULT_SEGMENT_BYTES = 67_108_864;
/** One hour: what a lost disk can cost a mirror that takes closed segments only. */
export const DEFAULT_SEGMENT_AGE_MS = 3_600_000;
/** Most decisions written together. Raised, one slow write keeps more callers waiting. */
export const DEFAULT_GROUP_ENTRIES = 256;
/** Longest a decision waits for others before it is written. */
export const DEFAULT_GROUP_WAIT_MS = 10;

/** The origin of checkpoints (C2SP tlog-checkpoint): no white space, and no `+`, which separates a verifier key's parts. */
const gatewayId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/:-]{0,127}$/, {
  error: "use letters, digits and . _ / : - only, at most 128 characters",
});

/** All three: a class without a time would be kept for ever, and its segments with it. */
const retentionSchema = z.strictObject({
  decision: duration.describe("Requests that were allowed."),
  denial: duration.describe("Requests that were refused or failed."),
  administration: duration.describe("Reloads, keys, packs, kill switches."),
});

export const ledgerSchema = z
  .strictObject({
    directory: z.string().min(1).describe("Folder of this process alone, relative to this file."),
    gateway: gatewayId
      .optional()
      .describe("Name of this gateway in checkpoints. Default: the machine's host name."),
    signingKey: secretRef.describe(
      "Ed25519 private key in PEM that signs checkpoints; `portcullis ledger keygen` makes one.",
    ),
    durability: z
      .enum(["strict", "group", "async"])
      .default("group")
      .describe(
        "`strict`: on disk before the upstream is called, and again before the answer. `group`: on disk before the answer. `async`: written behind it.",
      ),
    sign: z
      .enum(["checkpoint", "entry"])
      .default("checkpoint")
      .describe("`entry` also signs every line by itself."),
    onFailure: z
      .enum(["deny", "degrade"])
      .default("deny")
      .describe(
        "When nothing can be recorded: `deny` answers 503 and calls no upstream; `degrade` goes on and counts what is lost.",
      ),
    subjects: z
      .enum(["clear", "hashed"])
      .default("clear")
      .describe("`hashed` writes callers and subjects as salted hashes, gone with their salt."),
    addresses: z
      .enum(["full", "truncated", "none"])
      .default("truncated")
      .describe("How much of a caller's address is written: `truncated` is its /24 or /48."),
    bodies: z
      .enum(["commit", "none"])
      .default("commit")
      .describe("`commit` writes salted hashes of bodies. Bodies themselves are never written."),
    group: z
      .strictObject({
        wait: duration.default(DEFAULT_GROUP_WAIT_MS).describe("Longest wait for others."),
        entries: z.int().min(1).max(4_096).default(DEFAULT_GROUP_ENTRIES).describe("Most lines."),
      })
      .prefault({})
      .describe("Decisions that are written together."),
    segment: z
      .strictObject({
        size: bytesBetween("64KiB", "1GiB")
          .default(DEFAULT_SEGMENT_BYTES)
          .describe("A new file is begun at this size,"),
        age: duration.default(DEFAULT_SEGMENT_AGE_MS).describe("or at this age."),
        compress: z.boolean().default(true).describe("Closed files are gzipped."),
      })
      .prefault({})
      .describe("Files of the ledger."),
    retention: retentionSchema
      .optional()
      .describe("How long lines are kept, by class. Default: for ever."),
    ...outwardFields,
  })
  .describe("The record of every decision. Without this section there is none.");

export type LedgerSettings = z.output<typeof ledgerSchema>;
