/**
 * Version policy: how each model version stands, as the operator wrote it; it never expires a version by itself. And what
 * kill switches have to know of the routes.
 */
import { z } from "zod";
import type { Route } from "../../pipeline/request-context.ts";

const ISO_DATE = String.raw`^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2}))?$`;

/** A day ("2027-03-31", from its first second in UTC) or a moment with its offset, to milliseconds since the epoch. */
const moment = z
  .union([z.iso.date(), z.iso.datetime({ offset: true })], {
    error: 'not a date; write "2027-03-31" or "2027-03-31T12:00:00Z"',
  })
  .transform((text) => Date.parse(text))
  .meta({ unit: "a date", pattern: ISO_DATE, examples: ["2027-03-31"] });

/** The fields of a version policy, to stand among the other fields of a model version or a route. */
export const versionPolicyFields = {
  status: z
    .enum(["active", "deprecated", "revoked"])
    .default("active")
    .describe("`deprecated` still answers and says so; `revoked` is refused with 410."),
  deprecatedSince: moment
    .optional()
    .describe("From when it is deprecated; may lie ahead. Default: the day this was loaded."),
  sunset: moment
    .optional()
    .describe("When it is expected to stop answering. A promise to callers: it stops nothing."),
  successor: z
    .string()
    .min(1)
    .optional()
    .describe("The version to use instead; callers get its URL in `Link`."),
};

type VersionPolicyInput = {
  [Field in keyof typeof versionPolicyFields]?:
    | z.output<(typeof versionPolicyFields)[Field]>
    | undefined;
};

/** What no single field can say. Add it to whichever object holds `versionPolicyFields`, with `superRefine`. */
export function refineVersionPolicy(policy: VersionPolicyInput, context: z.RefinementCtx): void {
  if (policy.status === "active" || policy.status === undefined) {
    for (const field of ["deprecatedSince", "sunset", "successor"] as const)
      if (policy[field] !== undefined)
        context.addIssue({
          code: "custom",
          path: [field],
          message: `an active version has no "${field}"`,
          params: { hint: 'set "status: deprecated", or leave this out' },
          input: policy[field],
        });
    return;
  }
  const { deprecatedSince, sunset } = policy;
  // RFC 9745 section 4: the sunset MUST NOT be earlier than the deprecation.
  if (deprecatedSince !== undefined && sunset !== undefined && sunset < deprecatedSince)
    context.addIssue({
      code: "custom",
      path: ["sunset"],
      message: "the sunset lies before the deprecation",
      input: sunset,
    });
}

/** How the version behind one route stands. */
export interface VersionPolicy {
  readonly status: "active" | "deprecated" | "revoked";
  readonly deprecatedSinceMs?: number | undefined;
  readonly sunsetMs?: number | undefined;
  /** Path of the same route of the successor, such as `/churn/v2/predict`. */
  readonly successorPath?: string | undefined;
}

/** What the stage is made from. */
export interface KillSwitchConfig {
  /** The policy of each route that serves a model version, by route id. */
  readonly routes: ReadonlyMap<string, VersionPolicy>;
  /** Every route that leads to an upstream: one of them may serve in the place of another. */
  readonly served: readonly Route[];
  /** Routes that a signed pack decides about, by id. */
  readonly governed: ReadonlySet<string>;
}
