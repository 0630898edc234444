/**
 * The root of the configuration: the one definition from which types, checks, the editors' JSON Schema and the reference
 * come. Each section belongs to the room that reads it; only this file puts them together.
 */
import { z } from "zod";
import { fileRef } from "../config/secrets/reference.ts";
import { bindAddress, bytesBetween, cidr, slug } from "../config/units.ts";
import { listenersSchema, serverLimitsSchema } from "../server/config.ts";
import { authorizationSchema, routeAuthorizationFields } from "../stages/authorization/config.ts";
import { constitutionSchema } from "../stages/constitution/config.ts";
import { routeWebhookSchema } from "../stages/constitution/webhook-config.ts";
import { contractRouteFields, contractSchema } from "../stages/contract/config.ts";
import { headersSchema, routeCorsSchema } from "../stages/headers/config.ts";
import { identityConfig } from "../stages/identity/config.ts";
import { refineVersionPolicy, versionPolicyFields } from "../stages/kill-switch/config.ts";
import { limitsSchema } from "../stages/limits/config.ts";
import { routeLimitsSchema } from "../stages/limits/route-config.ts";
import { maskSchema } from "../stages/masking/config.ts";
import { sourcesSchema } from "../stages/sources/config.ts";
import { routeWafSchema, wafSchema } from "../stages/waf/config.ts";
import { ledgerSchema } from "./journal/ledger-settings.ts";
import { storeSchema } from "./store-settings.ts";
import { telemetrySchema } from "../telemetry/config.ts";
import { upstreamsSchema } from "../upstream/config.ts";

/** 1 MiB of request body: prompts and feature rows fit. Raised, each running request may hold that much memory. */
export const DEFAULT_BODY_BYTES = 1_048_576;

/** Far above the cores of one machine. Raised, one typing error starts that many processes. */
const MAX_WORKERS = 256;

/** What a configuration is for when it does not say. Production is never guessed: it refuses what others allow. */
export const DEFAULT_ENVIRONMENT = "development";

/** The stages an operator may put in shadow or let pass when broken, on every route or on one. */
const STAGES_WITH_MODE = [
  "kill-switch",
  "headers",
  "sources",
  "identity",
  "authorization",
  "limits",
  "constitution",
  "waf",
  "contract",
  "extraction",
  "masking",
] as const;

const stageSettings = z.strictObject({
  mode: z
    .enum(["enforce", "shadow"])
    .optional()
    .describe("`shadow` records what the stage would have decided and lets the request pass."),
  whenBroken: z
    .enum(["reject", "continue"])
    .optional()
    .describe(
      "What a fault of the stage's own means. `continue` lets requests pass unguarded, and records it.",
    ),
});

const stageModes = z
  .partialRecord(z.enum(STAGES_WITH_MODE), stageSettings)
  .describe("Modes of stages. Default: every stage enforces, and rejects when it is broken.");

const routeFields = {
  upstream: z.string().describe("Name of the upstream that serves it."),
  body: bytesBetween("0B", "1GiB")
    .default(DEFAULT_BODY_BYTES)
    .describe("Largest request body; larger ones are answered with 413."),
  bodyMode: z
    .enum(["buffer", "stream"])
    .default("buffer")
    .describe("`stream` passes the body on as it comes, uninspected; it is only counted."),
  ...routeAuthorizationFields,
  ...contractRouteFields,
  limits: routeLimitsSchema
    .optional()
    .describe("Limits that take the place of the tier's own here."),
  cors: routeCorsSchema.optional(),
  mask: maskSchema.optional(),
  waf: routeWafSchema.optional(),
  webhook: routeWebhookSchema.optional(),
  stages: stageModes.optional(),
};

const streamRefusal = {
  error: "a streamed body is not inspected, so `request` would never be checked",
  path: ["bodyMode"],
};

const method = z.enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"]);

const routeSchema = z
  .strictObject({
    id: slug.optional().describe("Name in metrics and records. Default: made from the path."),
    path: z
      .string()
      .describe(
        'Path template, such as "/core/**" or "/causal/{model:slug}/explain"; types: slug, int, uuid, string.',
      ),
    methods: z
      .array(method)
      .min(1)
      .default(["GET"])
      .describe("Methods allowed. GET brings HEAD along."),
    model: slug.optional().describe("Model name for grants and records."),
    version: slug.optional().describe("Model version for grants and records."),
    ...routeFields,
    ...versionPolicyFields,
  })
  .superRefine(refineVersionPolicy)
  .refine((route) => route.bodyMode === "buffer" || route.request === undefined, streamRefusal);

const versionSchema = z
  .strictObject({
    ...routeFields,
    ...versionPolicyFields,
    protocols: z
      .array(z.enum(["predict", "open-inference"]))
      .min(1)
      .default(["predict", "open-inference"])
      .describe(
        "`predict`: POST /MODEL/VERSION/predict. `open-inference`: the Open Inference Protocol v2 paths.",
      ),
    inferRequest: fileRef
      .optional()
      .describe("JSON Schema of Open Inference Protocol requests; `request` is for predict alone."),
    inferResponse: fileRef
      .optional()
      .describe("JSON Schema of Open Inference Protocol answers; `response` is for predict alone."),
  })
  .superRefine(refineVersionPolicy)
  .refine(
    (version) => version.bodyMode === "buffer" || version.request === undefined,
    streamRefusal,
  );

const operatorSchema = z
  .strictObject({
    bind: bindAddress
      .prefault("127.0.0.1:9457")
      .describe("Where /livez, /readyz and /metrics answer. Never a callers' address."),
    localOnly: z
      .boolean()
      .default(false)
      .describe("Answers callers on this machine alone, by the socket's other end."),
    tls: z
      .strictObject({
        certificate: fileRef.describe("PEM file of the certificate, followed by its issuers."),
        key: fileRef.describe("PEM file of its private key."),
        callersCa: fileRef
          .optional()
          .describe("PEM file of authorities; operators must then show a certificate."),
      })
      .optional()
      .describe("Needed in production off loopback."),
  })
  .describe("The operator's own listener.");

export const rootSchema = z
  .strictObject({
    version: z.literal(1).describe("Version of this format."),
    environment: z
      .enum(["development", "staging", "production"])
      .default(DEFAULT_ENVIRONMENT)
      .describe(
        "In production unsafe settings do not start; `portcullis.ENVIRONMENT.yaml` is laid over this file.",
      ),
    listeners: listenersSchema,
    operator: operatorSchema.prefault({}),
    trustedProxies: z
      .array(cidr)
      .default([])
      .describe(
        "Networks whose word on the caller's address and scheme is taken. Default: nobody's.",
      ),
    workers: z
      .union([z.literal("auto"), z.int().min(1).max(MAX_WORKERS)])
      .default(1)
      .describe(
        "Processes that serve the same listeners: a number, or `auto` for one a core. Limits hold over all of them.",
      ),
    server: z
      .strictObject({
        limits: serverLimitsSchema.prefault({}).describe("Limits of connections and heads."),
      })
      .prefault({})
      .describe("How callers' connections are served."),
    headers: headersSchema
      .prefault({})
      .describe("What answers tell browsers, and which origins may call."),
    sources: sourcesSchema.prefault({}),
    identity: identityConfig.prefault({}).describe("Who may prove who they are, and how."),
    authorization: authorizationSchema.prefault({}).describe("Who may do what."),
    limits: limitsSchema.prefault({}).describe("How much each caller may ask for."),
    constitution: constitutionSchema.optional(),
    waf: wafSchema.optional(),
    contract: contractSchema.prefault({}),
    stages: stageModes.default({}),
    upstreams: upstreamsSchema,
    models: z
      .record(
        slug,
        z.strictObject({
          versions: z.record(slug, versionSchema).describe("Versions by name, such as `v2`."),
        }),
      )
      .default({})
      .describe("Models by name; each version expands into routes."),
    routes: z.array(routeSchema).default([]).describe("Everything that is not a model."),
    telemetry: telemetrySchema.prefault({}).describe("Log, metrics and traces."),
    ledger: ledgerSchema.optional(),
    store: storeSchema,
  })
  .describe("Configuration of the Portcullis gateway.");

export type RootConfig = z.output<typeof rootSchema>;
export type RouteSettings = z.output<typeof routeSchema>;
export type VersionSettings = z.output<typeof versionSchema>;
export type StageModes = z.output<typeof stageModes>;
