/**
 * What an operator may say about the firewall: for the whole gateway, and for one route. It must never load the engine:
 * a configuration without a `waf` section costs nothing of it.
 */
import { z } from "zod";
import { fileRef } from "../../config/secrets/reference.ts";
import { bytesBetween, durationBetween } from "../../config/units.ts";
import { exclusionSchema, fieldPath } from "./exclusion-config.ts";

/** CPU time of one transaction. Raised, one request may take that much of the core from all others. */
const DEFAULT_BUDGET_MS = 50;
/**
 * Bytes of one value: a scan of one is the smallest piece of work. Raised, a value of repeated pieces holds up everybody
 * else for that much longer than 5 ms.
 */
const DEFAULT_VALUE_LIMIT_BYTES = 262_144;
/** Fields of one request, as many as the contract takes members by default. Each is a round of all rules. */
const DEFAULT_FIELD_LIMIT = 10_000;
/** Each is compiled and tested at load. */
const MAX_RULE_SOURCES = 16;
const MAX_EXCLUSIONS = 1_000;
const MAX_FIELDS = 256;

const SOURCE = /^(?:builtin|(?:crs|file):.{1,4096})$/;

const ruleSource = z.string().regex(SOURCE, {
  error: 'not a rule source: write "builtin", "crs:DIRECTORY-OR-ARCHIVE" or "file:PATH-OR-GLOB"',
});

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, {
  error: "not a SHA-256: 64 hexadecimal digits in lower case",
});

const rules = z
  .array(
    z.union([
      ruleSource,
      z.strictObject({
        source: ruleSource.describe("`crs:DIRECTORY` or `crs:ARCHIVE.tar.gz`."),
        sha256: sha256.describe(
          "What it must hash to: the archive, or the `sha256sum` lines of `rules` and `plugins` in a directory.",
        ),
      }),
    ]),
  )
  .min(1)
  .max(MAX_RULE_SOURCES)
  .describe(
    "Where rules come from, in order: `builtin`, `crs:` with a directory or release archive of the Core Rule Set, `file:` with a path or glob of SecLang files.",
  );

const mode = z
  .enum(["enforce", "detect", "off"])
  .describe(
    "`detect` records what would have been refused and lets it pass; `off` inspects nothing.",
  );
const paranoia = z
  .int()
  .min(1)
  .max(4)
  .describe("Paranoia level of Core Rule Set and built-in rules. Default: the rules' own, 1.");
const points = z.int().min(1).max(10_000);
const threshold = z
  .strictObject({
    inbound: points.optional().describe("Points at which a request is refused. Default 5."),
    outbound: points.optional().describe("Points at which an answer is refused. Default 4."),
  })
  .describe("Anomaly scores at which the rules refuse.");
const prompts = z
  .enum(["off", "score", "block"])
  .describe(
    "What rules for prompts do with what they find in fields that hold prompts: nothing, count points that refuse nothing, or refuse.",
  );
const budget = durationBetween("1ms", "10s").describe("CPU time of one request and its answer.");
const onBudget = z
  .enum(["deny", "mark"])
  .describe(
    "What becomes of a request that is over its budget. `mark` lets it pass with the rest of it unread, and records it.",
  );
const sampling = z.number().min(0).max(1).describe("Share of requests that is inspected.");
const bodyLimit = bytesBetween("1KiB", "64MiB").describe(
  "Largest body that is inspected; larger ones are refused with 413. Default: the route's own limit.",
);
const valueLimit = bytesBetween("1KiB", "64MiB").describe(
  "Longest single value that is inspected; a body with a longer one is refused. Images in data URLs need more.",
);
const fieldLimit = z
  .int()
  .min(1)
  .max(1_000_000)
  .describe(
    "Most fields that are inspected; a body with more is refused. Elements of arrays count.",
  );
const responses = z
  .enum(["off", "on"])
  .describe(
    "Whether answers are inspected too. They are then held whole up to `contract.responseLimit`; event streams are not held.",
  );

const fields = z
  .record(fieldPath, z.enum(["prompt", "identifier", "number", "text"]))
  .refine((named) => Object.keys(named).length <= MAX_FIELDS, {
    error: `more than ${MAX_FIELDS} fields`,
  })
  .describe(
    "Kinds of fields by path, such as `json.messages.*.content: prompt`; they go before what the request schema says.",
  );

const reputation = z
  .strictObject({
    addresses: z
      .array(fileRef)
      .max(64)
      .default([])
      .describe("Files of networks that are refused, one a line."),
    userAgents: z
      .array(fileRef)
      .max(64)
      .default([])
      .describe(
        "Files of words, one a line; a User-Agent that holds one of them, in any case, is refused.",
      ),
  })
  .describe("Lists of known-bad callers, read again when the files change.");

/** The root's `waf` section. */
export const wafSchema = z
  .strictObject({
    mode: mode.default("enforce"),
    rules: rules.default(["builtin"]),
    paranoia: paranoia.optional(),
    threshold: threshold.prefault({}),
    prompts: prompts.default("score"),
    budget: budget.default(DEFAULT_BUDGET_MS),
    onBudget: onBudget.default("deny"),
    sampling: sampling.default(1),
    bodyLimit: bodyLimit.optional(),
    valueLimit: valueLimit.default(DEFAULT_VALUE_LIMIT_BYTES),
    fieldLimit: fieldLimit.default(DEFAULT_FIELD_LIMIT),
    responses: responses.default("off"),
    exclusions: z
      .array(exclusionSchema)
      .max(MAX_EXCLUSIONS)
      .default([])
      .describe("What rules do not look at. One that fits no rule, route or field is a mistake."),
    reputation: reputation.prefault({}),
    cache: z
      .string()
      .min(1)
      .max(4_096)
      .optional()
      .describe(
        "Folder for compiled rules and unpacked archives, relative to this file. Without it rules are compiled at each start.",
      ),
  })
  .describe("The firewall for contents: rules over heads, bodies and answers.");

/** A route's `waf` section: what differs there. */
export const routeWafSchema = z
  .strictObject({
    mode: mode.optional(),
    rules: rules.optional(),
    paranoia: paranoia.optional(),
    threshold: threshold.optional(),
    prompts: prompts.optional(),
    budget: budget.optional(),
    onBudget: onBudget.optional(),
    sampling: sampling.optional(),
    bodyLimit: bodyLimit.optional(),
    valueLimit: valueLimit.optional(),
    fieldLimit: fieldLimit.optional(),
    responses: responses.optional(),
    fields: fields.optional(),
  })
  .describe("What the firewall does differently here.");

export type WafSection = z.output<typeof wafSchema>;
export type RouteWaf = z.output<typeof routeWafSchema>;
export type RuleSourceSetting = WafSection["rules"][number];
export type DeclaredKind = NonNullable<RouteWaf["fields"]>[string];

/** The section with a route's own laid over it. */
export interface RouteSettings extends Omit<
  WafSection,
  "exclusions" | "reputation" | "cache" | "paranoia" | "bodyLimit"
> {
  readonly paranoia: number | undefined;
  readonly bodyLimit: number | undefined;
  readonly fields: NonNullable<RouteWaf["fields"]>;
}

export function settingsOf(section: WafSection, own: RouteWaf | undefined): RouteSettings {
  return {
    mode: own?.mode ?? section.mode,
    rules: own?.rules ?? section.rules,
    paranoia: own?.paranoia ?? section.paranoia,
    threshold: { ...section.threshold, ...own?.threshold },
    prompts: own?.prompts ?? section.prompts,
    budget: own?.budget ?? section.budget,
    onBudget: own?.onBudget ?? section.onBudget,
    sampling: own?.sampling ?? section.sampling,
    bodyLimit: own?.bodyLimit ?? section.bodyLimit,
    valueLimit: own?.valueLimit ?? section.valueLimit,
    fieldLimit: own?.fieldLimit ?? section.fieldLimit,
    responses: own?.responses ?? section.responses,
    fields: own?.fields ?? {},
  };
}

/** The text of a rule source, whether a checksum stands beside it or not. */
export const sourceText = (setting: RuleSourceSetting): string =>
  typeof setting === "string" ? setting : setting.source;
