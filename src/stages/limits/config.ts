/** The `limits` section: how much each caller may ask for, in tiers; never an allowance without a stated bound. */
import { z } from "zod";
import { rate, slug } from "../../config/units.ts";

/**
 * Requests a second for callers that nobody set a limit for. One model call costs milliseconds of somebody's CPU or
 * GPU; raised, one stolen credential may take that much more of it.
 */
const DEFAULT_RATE = { count: 100, perMs: 1_000 } as const;
/** Requests at once for the same callers: two seconds' worth, which a page of parallel calls stays under. */
const DEFAULT_BURST = 200;
/** Running requests for the same callers. Raised, one caller may hold that many upstream connections. */
const DEFAULT_CONCURRENCY = 100;

/** Bounds that keep `burst * period` a safe integer, so that buckets count without rounding. */
const MAX_COUNT = 10_000_000;
const MAX_PERIOD_MS = 86_400_000;
const MAX_QUOTA = 1_000_000_000_000;
const MAX_CONCURRENCY = 1_000_000;

const quotaCount = z.int().min(1).max(MAX_QUOTA).optional();

const limitFields = {
  rate: rate
    .refine(({ count, perMs }) => count <= MAX_COUNT && perMs <= MAX_PERIOD_MS, {
      error: "a rate above 10,000,000 or with a period above a day",
      params: { hint: "write long periods as a quota" },
    })
    .optional()
    .describe("Sustained requests in a period, such as 200/s."),
  burst: z
    .int()
    .min(1)
    .max(MAX_COUNT)
    .optional()
    .describe("Requests at once before the rate holds them back. Default: the count of the rate."),
  concurrency: z
    .int()
    .min(1)
    .max(MAX_CONCURRENCY)
    .optional()
    .describe("Requests running at the same time."),
  quota: z
    .strictObject({
      minute: quotaCount.describe("Requests in a calendar minute of UTC."),
      hour: quotaCount.describe("Requests in a calendar hour of UTC."),
      day: quotaCount.describe("Requests in a calendar day of UTC."),
    })
    .refine((quota) => Object.keys(quota).length > 0, {
      error: "a quota without a window",
      params: { hint: "give at least one of minute, hour and day" },
    })
    .optional()
    .describe("Requests in calendar windows of UTC."),
};

const isBurstBound = (set: { burst?: number | undefined; rate?: unknown }): boolean =>
  set.burst === undefined || set.rate !== undefined;
const BURST_ALONE = {
  error: "a burst without a rate limits nothing",
  path: ["burst"],
  params: { hint: 'give the rate too, for example "200/s"' },
};

const totalLimits = z.strictObject(limitFields).refine(isBurstBound, BURST_ALONE);

/** All limits of one tier. */
const limitSet = z
  .strictObject({
    ...limitFields,
    total: totalLimits
      .optional()
      .describe("The same kinds of limits, counted for each caller over all routes together."),
    unlimited: z
      .literal(true)
      .optional()
      .describe("States that this tier has no limit. Cannot stand beside one."),
  })
  .refine(isBurstBound, BURST_ALONE)
  .refine(({ unlimited, ...limits }) => (unlimited === true) !== Object.keys(limits).length > 0, {
    error: "either at least one limit or `unlimited: true`",
    params: { hint: 'for example "rate: 200/s"' },
  });

export type LimitSet = z.output<typeof limitSet>;

const DEFAULT_LIMITS: LimitSet = {
  rate: { ...DEFAULT_RATE },
  burst: DEFAULT_BURST,
  concurrency: DEFAULT_CONCURRENCY,
};

/** The tier of every caller that has no other. */
export const DEFAULT_TIER = "default";
const DEFAULT_HEADER = "X-RateLimit";

const tierName = slug.refine((tier) => tier !== DEFAULT_TIER, {
  error: 'the tier "default" is the field `default`',
});

/** The `limits` section of the configuration. */
export const limitsSchema = z
  .strictObject({
    header: z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9-]{0,62}[A-Za-z0-9]$/, { error: "not the start of a header name" })
      .default(DEFAULT_HEADER)
      .describe("What the -Limit, -Remaining and -Reset answer headers start with."),
    default: limitSet
      .default(DEFAULT_LIMITS)
      .describe("Limits of callers in no tier, counted for each caller and route."),
    tiers: z
      .record(tierName, limitSet)
      .default({})
      .describe("Limits by the tier a credential names, or that `callers` gives."),
    callers: z
      .record(z.string().min(1), z.string())
      .default({})
      .describe("Tier of a caller whose credential names none."),
  })
  .superRefine(({ tiers, callers }, context) => {
    for (const [caller, tier] of Object.entries(callers)) {
      if (tier === DEFAULT_TIER || Object.hasOwn(tiers, tier)) continue;
      context.addIssue({
        code: "custom",
        path: ["callers", caller],
        message: `there is no tier "${tier}"`,
        params: { hint: `tiers: ${[DEFAULT_TIER, ...Object.keys(tiers)].join(", ")}` },
        input: tier,
      });
    }
  })
  .describe("How much each caller may ask for of each route.");

export type LimitsSection = z.output<typeof limitsSchema>;

const routeLimitFields = z.strictObject(limitFields).refine(isBurstBound, BURST_ALONE);

/** The `limits` of one route. Each limit named here takes the place of the tier's own on this route. */
export const routeLimitsSchema = z
  .strictObject({
    ...limitFields,
    tiers: z
      .record(slug, routeLimitFields)
      .optional()
      .describe("The same for one tier only; goes before what is said for all of them."),
  })
  .refine(isBurstBound, BURST_ALONE)
  .refine((settings) => Object.keys(settings).length > 0, { error: "limits without a limit" });

export type RouteLimits = z.output<typeof routeLimitsSchema>;

/** Tiers that a route names and the `limits` section does not define: they would never apply. */
export function unknownTiers(section: LimitsSection, route: RouteLimits): string[] {
  return Object.keys(route.tiers ?? {}).filter(
    (tier) => tier !== DEFAULT_TIER && !Object.hasOwn(section.tiers, tier),
  );
}

/** What the stage is made from: the section, and by route id what routes change. */
export interface LimitsConfig extends LimitsSection {
  readonly routes: ReadonlyMap<string, RouteLimits>;
  /**
   * Routes, by id, on which a refusal is told to the constitution and left to it. Only those on which both stages enforce:
   * a constitution in shadow would let every refusal go, and limits in shadow must refuse nothing, so there the refusal
   * is said and shadowed as ever, and no fact of it is left that a pack could deny by.
   */
  readonly leftToConstitution?: ReadonlySet<string> | undefined;
}
