/**
 * The fields of one set of limits, as tiers, routes, overrides and shared limits write them. A setting that could limit
 * nothing, or not be counted exactly, is refused at load.
 */
import { z } from "zod";
import { rate } from "../../config/units.ts";

/** Bounds that keep `burst * period` a safe integer, so that buckets count without rounding. */
const MAX_COUNT = 10_000_000;
const MAX_PERIOD_MS = 86_400_000;
/** Of a quota or window. Raised, sums of requests and cost come nearer to what numbers hold exactly. */
const MAX_QUOTA = 1_000_000_000_000;
const MAX_CONCURRENCY = 1_000_000;
/** Below, the parts in which a window is counted would be finer than clocks of machines agree. */
const MIN_WINDOW_MS = 1_000;
const MAX_WINDOW_MS = 31 * 86_400_000;
/** Units in one period of a rate of cost, such as tokens. */
const MAX_COST_COUNT = 1_000_000_000;

const rateUpTo = (count: number) =>
  rate.refine((value) => value.count <= count && value.perMs <= MAX_PERIOD_MS, {
    error: `a rate above ${count.toLocaleString("en")} or with a period above a day`,
    params: { hint: "write long periods as a quota or a window" },
  });

const window = rate.refine(
  ({ count, perMs }) => count <= MAX_QUOTA && perMs >= MIN_WINDOW_MS && perMs <= MAX_WINDOW_MS,
  {
    error: "a window shorter than a second or longer than 31 days",
    params: { hint: 'for example "1000/10m"' },
  },
);

const burstUpTo = (count: number) => z.int().min(1).max(count);

const quotaCount = z.int().min(1).max(MAX_QUOTA).optional();

const quotaOf = (what: string) =>
  z
    .strictObject({
      minute: quotaCount.describe(`${what} in a calendar minute.`),
      hour: quotaCount.describe(`${what} in a calendar hour.`),
      day: quotaCount.describe(`${what} in a calendar day of the time zone.`),
      month: quotaCount.describe(`${what} in a calendar month of the time zone.`),
    })
    .refine((quota) => Object.keys(quota).length > 0, {
      error: "a quota without a window",
      params: { hint: "give at least one of minute, hour, day and month" },
    });

export const limitSpeed = z.enum(["exact", "leased"]);
export const storeFailure = z.enum(["share", "allow", "deny"]);

interface Paced {
  readonly rate?: { readonly count: number; readonly perMs: number } | undefined;
  readonly burst?: number | undefined;
}

/** A refinement for every object that may hold a burst. */
export const isBurstBound = ({ rate: pace, burst }: Paced): boolean =>
  burst === undefined || pace !== undefined;
export const BURST_ALONE = {
  error: "a burst without a rate limits nothing",
  path: ["burst"],
  params: { hint: 'give the rate too, for example "200/s"' },
};

const isCountable = ({ rate: pace, burst }: Paced): boolean =>
  pace === undefined || Number.isSafeInteger((burst ?? pace.count) * pace.perMs);
const TOO_LARGE_TO_COUNT = {
  error: "so much in so long a period cannot be counted exactly",
  path: ["rate"],
  params: { hint: "shorten the period, or write it as a quota or a window" },
};

const costLimits = z
  .strictObject({
    rate: rateUpTo(MAX_COST_COUNT)
      .optional()
      .describe("Sustained units in a period, such as 50000/m."),
    burst: burstUpTo(MAX_COST_COUNT)
      .optional()
      .describe("Units at once before the rate holds them back. Default: the count of the rate."),
    window: window.optional().describe("Units in any span of time of this length."),
    quota: quotaOf("Units").optional().describe("Units in calendar windows."),
    speed: limitSpeed.optional().describe("In place of the set's own speed."),
    onStoreFailure: storeFailure
      .optional()
      .describe(
        "What budgets mean while the shared store is away. Default `deny`, whatever requests do.",
      ),
  })
  .refine(isBurstBound, BURST_ALONE)
  .refine(isCountable, TOO_LARGE_TO_COUNT)
  .refine(({ rate: pace, window: span, quota }) => pace !== undefined || !!span || !!quota, {
    error: "cost without a limit",
    params: { hint: "give at least one of rate, window and quota" },
  });

export type CostLimits = z.output<typeof costLimits>;

/** Limits that count requests, and how they are decided. */
export const requestLimitFields = {
  rate: rateUpTo(MAX_COUNT).optional().describe("Sustained requests in a period, such as 200/s."),
  burst: burstUpTo(MAX_COUNT)
    .optional()
    .describe("Requests at once before the rate holds them back. Default: the count of the rate."),
  window: window
    .optional()
    .describe("Requests in any span of time of this length, such as 1000/10m."),
  concurrency: z
    .int()
    .min(1)
    .max(MAX_CONCURRENCY)
    .optional()
    .describe("Requests running at the same time."),
  quota: quotaOf("Requests").optional().describe("Requests in calendar windows."),
  speed: limitSpeed
    .optional()
    .describe("In place of the section's own speed, for these limits alone."),
  onStoreFailure: storeFailure
    .optional()
    .describe("In place of the section's own; budgets have their own, in `cost`."),
};

/** All that a set of limits may hold. */
export const limitFields = {
  ...requestLimitFields,
  cost: costLimits
    .optional()
    .describe("Limits of units of work, of routes that say what their requests cost."),
};

const LIMIT_NAMES: ReadonlySet<string> = new Set([
  "rate",
  "window",
  "concurrency",
  "quota",
  "cost",
  "total",
]);

/** Whether anything of a set limits; how its limits are decided, by itself, does not. */
export const hasLimit = (set: object): boolean =>
  Object.entries(set).some(([name, value]) => LIMIT_NAMES.has(name) && value !== undefined);

export const NO_LIMIT = {
  error: "limits without a limit",
  params: { hint: 'for example "rate: 200/s"' },
};

const limitsOnly = z.strictObject(limitFields);

/** One set of limits without what belongs to tiers or routes alone. */
export type Limits = z.output<typeof limitsOnly>;
