/** The `limits` of one route: what takes the place of the tier's own there, and what a request of the route costs. */
import { z } from "zod";
import { slug } from "../../config/units.ts";
import {
  BURST_ALONE,
  hasLimit,
  isBurstBound,
  limitFields,
  NO_LIMIT,
  requestLimitFields,
} from "./limit-fields.ts";

/** Units that one request may reserve or be found to cost. Raised, one request may move a counter further. */
export const MAX_COST_UNITS = 1_000_000_000_000;
/** Levels of a path into an answer. */
const MAX_FIELD_DEPTH = 16;
const FIELD_PATH = /^[^.\s]{1,100}(?:\.[^.\s]{1,100}){0,15}$/;

const units = z.int().min(1).max(MAX_COST_UNITS);

const meteredCost = z
  .strictObject({
    reserve: units.describe("Units taken before the call: the most that a request may cost."),
    field: z
      .string()
      .regex(FIELD_PATH, { error: "not a path of names with dots between them" })
      .refine((path) => path.split(".").length <= MAX_FIELD_DEPTH)
      .optional()
      .describe(
        "Where the JSON answer says what it cost, such as usage.total_tokens; in an event stream the last `data` that does. The answer is held whole, unless it is such a stream.",
      ),
    header: z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/, { error: "not the name of a header" })
      .optional()
      .describe("Header of the answer that says what it cost, such as x-cost."),
    onMissing: z
      .enum(["reserve", "refund"])
      .default("reserve")
      .describe(
        "What an error of the upstream costs that does not say so. A success that does not, and an answer that cannot be read, cost what was reserved.",
      ),
  })
  .refine(({ field, header }) => (field === undefined) !== (header === undefined), {
    error: "either `field` or `header`",
    params: {
      hint: 'for example "field: usage.total_tokens"; a cost that never varies is a number',
    },
  });

const price = z
  .union([units, meteredCost])
  .describe("Units that a request costs: a number, or where the answer says it.");

export type Price = z.output<typeof price>;

const routeTier = z
  .strictObject(limitFields)
  .refine(isBurstBound, BURST_ALONE)
  .refine(hasLimit, NO_LIMIT);

/** The `limits` of one route. Each limit named here takes the place of the tier's own on this route. */
export const routeLimitsSchema = z
  .strictObject({
    ...requestLimitFields,
    cost: price.optional(),
    busyStatus: z
      .union([z.literal(429), z.literal(503)])
      .optional()
      .describe("Status when too many requests run at the same time. Default 429."),
    tiers: z
      .record(slug, routeTier)
      .optional()
      .describe("The same for one tier only; goes before what is said for all of them."),
  })
  .refine(isBurstBound, BURST_ALONE)
  .refine((settings) => Object.keys(settings).length > 0, NO_LIMIT);

export type RouteLimits = z.output<typeof routeLimitsSchema>;
