/** Limits that are counted by other keys than the caller and the route: of a tenant, a model, an address. */
import { z } from "zod";
import { slug } from "../../config/units.ts";
import { BURST_ALONE, hasLimit, isBurstBound, limitFields, NO_LIMIT } from "./limit-fields.ts";

/** What requests can be counted by. */
const SUBJECT_PARTS = [
  "identity",
  "tenant",
  "caller",
  "key",
  "address",
  "route",
  "model",
  "version",
] as const;
export type SubjectPart = (typeof SUBJECT_PARTS)[number];

const isUnique = (list: readonly string[]): boolean => new Set(list).size === list.length;
const REPEATED = { error: "a name twice" };

export const sharedLimit = z
  .strictObject({
    name: slug.describe(
      "Of headers and records; and of the counters, which a new name starts anew.",
    ),
    by: z
      .array(z.enum(SUBJECT_PARTS))
      .refine(isUnique, REPEATED)
      .describe(
        "What is counted together: requests that are alike in all of these. What lacks a part is counted with all else that lacks it. An empty list counts everything together. `address`: IPv6 by /64. `key`: API keys one by one, other callers by their identity.",
      ),
    routes: z
      .array(z.string())
      .min(1)
      .refine(isUnique, REPEATED)
      .optional()
      .describe("Ids of the routes it counts. Default: all."),
    models: z
      .array(slug)
      .min(1)
      .refine(isUnique, REPEATED)
      .optional()
      .describe("Models it counts. Default: all, and routes without a model."),
    tiers: z
      .array(z.string())
      .min(1)
      .refine(isUnique, REPEATED)
      .optional()
      .describe("Tiers it counts. Default: all, also those without limits of their own."),
    ...limitFields,
  })
  .refine(isBurstBound, BURST_ALONE)
  .refine(hasLimit, NO_LIMIT);

export type SharedLimit = z.output<typeof sharedLimit>;

/** Further limits of a request. Raised, each request may be counted by that many more keys. */
export const MAX_SHARED = 32;
