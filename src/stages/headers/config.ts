/** The `headers` section: what every answer carries, and which web origins may call from a browser. Closed by default. */
import { z } from "zod";
import { durationBetween } from "../../config/units.ts";
import { isInterceptable, parseOrigin } from "./origin.ts";

/** A year: shorter, and a visitor who comes once a year can be met on plain HTTP each time. */
const DEFAULT_HSTS_MAX_AGE_MS = 31_536_000_000;
/** How long a browser may go on with an answer about CORS after the operator has closed it again. */
const DEFAULT_PREFLIGHT_MAX_AGE_MS = 600_000;
/** Nothing of an answer is a document: whatever a browser makes of it, it may load, frame and run nothing. */
const DEFAULT_CONTENT_SECURITY_POLICY = "default-src 'none'; frame-ancestors 'none'";
const DEFAULT_PERMISSIONS_POLICY =
  "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), " +
  "microphone=(), payment=(), usb=()";

/** Request headers that a JSON API needs and that are not on the Fetch standard's own list. */
const DEFAULT_CORS_HEADERS = ["authorization", "content-type"];
const DEFAULT_EXPOSED_HEADERS = ["retry-after", "x-request-id"];

/** Preload lists want a year (hstspreload.org, "Submission Requirements"). */
const PRELOAD_MIN_MS = 31_536_000_000;

const fieldText = z
  .string()
  .min(1)
  .max(4_096)
  .regex(/^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/, { error: "not a header value in visible ASCII" });

const fieldName = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'+.^_`|~-]+$/, {
    error: "not the exact name of a header field",
  })
  .transform((text) => text.toLowerCase());

const origin = z
  .string()
  .transform((text, context) => {
    const parsed = parseOrigin(text);
    if (typeof parsed === "string") return parsed;
    const { refused, hint } = parsed;
    context.addIssue({ code: "custom", message: refused, params: { hint }, input: text });
    return z.NEVER;
  })
  .meta({
    unit: "an origin",
    pattern: String.raw`^https?://[^\s/?#@\\*]+$`,
    examples: ["https://app.example.bank"],
  });

/** Which origins may call from a browser, and how. */
const corsSchema = z
  .strictObject({
    origins: z.array(origin).min(1).describe("Exact origins that may call. `*` does not exist."),
    methods: z
      .array(z.string().regex(/^[A-Z]{3,16}$/, { error: "not a method, written as in `POST`" }))
      .min(1)
      .optional()
      .describe("Methods they may use. Default: those of the route."),
    headers: z
      .array(fieldName)
      .default(DEFAULT_CORS_HEADERS)
      .describe("Request headers they may send. Default: Authorization and Content-Type."),
    exposedHeaders: z
      .array(fieldName)
      .default(DEFAULT_EXPOSED_HEADERS)
      .describe("Answer headers their scripts may read. Default: Retry-After and X-Request-Id."),
    credentials: z
      .boolean()
      .default(false)
      .describe("Whether browsers may send cookies and certificates along."),
    maxAge: durationBetween("0s", "1d")
      .default(DEFAULT_PREFLIGHT_MAX_AGE_MS)
      .describe("How long browsers may remember a preflight's answer. Default 10m."),
  })
  .superRefine(({ origins, credentials }, context) => {
    if (!credentials) return;
    for (const [index, allowed] of origins.entries())
      if (isInterceptable(allowed))
        context.addIssue({
          code: "custom",
          path: ["origins", index],
          message: "credentials for an origin on plain HTTP belong to whoever is on the way",
          params: { hint: 'use https, or "credentials: false"' },
          input: allowed,
        });
  });

export type CorsSettings = z.output<typeof corsSchema>;

/** The `cors` of one route: takes the place of the common one as a whole; `false` closes the route. */
export const routeCorsSchema = z
  .union([z.literal(false), corsSchema])
  .describe("CORS of this route, in place of `headers.cors`; `false` closes it.");

type RouteCors = z.output<typeof routeCorsSchema>;

const hstsSchema = z
  .strictObject({
    maxAge: durationBetween("0s", "730d")
      .default(DEFAULT_HSTS_MAX_AGE_MS)
      .describe("How long browsers must come back over HTTPS only. Default 365d."),
    includeSubDomains: z
      .boolean()
      .default(true)
      .describe("Whether that holds below this host too."),
    preload: z.boolean().default(false).describe("Consent to browsers' built-in lists."),
  })
  .refine((hsts) => !hsts.preload || (hsts.includeSubDomains && hsts.maxAge >= PRELOAD_MIN_MS), {
    error: "preload needs includeSubDomains and a year",
    path: ["preload"],
  });

export type HstsSettings = z.output<typeof hstsSchema>;

/** The `headers` section of the configuration. */
export const headersSchema = z.strictObject({
  httpsOnly: z
    .boolean()
    .default(false)
    .describe("Redirect plain GET and HEAD to HTTPS, refuse every other plain request."),
  httpsPort: z
    .int()
    .min(1)
    .max(65_535)
    .optional()
    .describe("Port of the redirect. Default: the one the caller named."),
  hsts: z
    .union([z.literal(false), hstsSchema])
    .default({ maxAge: DEFAULT_HSTS_MAX_AGE_MS, includeSubDomains: true, preload: false })
    .describe("Strict-Transport-Security, sent over HTTPS only; `false` leaves it out."),
  contentSecurityPolicy: fieldText
    .default(DEFAULT_CONTENT_SECURITY_POLICY)
    .describe("Content-Security-Policy of every answer."),
  permissionsPolicy: fieldText
    .default(DEFAULT_PERMISSIONS_POLICY)
    .describe("Permissions-Policy of every answer."),
  cacheControl: z
    .enum(["no-store", "upstream"])
    .default("no-store")
    .describe("`upstream` leaves Cache-Control to the upstream; by default nothing is stored."),
  remove: z
    .array(fieldName)
    .default([])
    .describe("Answer headers of upstreams to take away, besides those that name software."),
  cors: corsSchema.optional().describe("Origins that may call from a browser. Default: none."),
  refuseUnknownOrigins: z
    .boolean()
    .default(true)
    .describe(
      "Whether calls of other origins are refused; else only their answers are unreadable.",
    ),
});

export type HeadersSection = z.output<typeof headersSchema>;

/** What the stage is made from: the section, and the `cors` of each route that has one, by route id. */
export interface HeadersConfig extends HeadersSection {
  readonly routes: ReadonlyMap<string, RouteCors>;
}
