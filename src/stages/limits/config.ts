/** The `limits` section: how much each caller may ask for, in tiers; never an allowance without a stated bound. */
import { z } from "zod";
import { durationBetween, slug } from "../../config/units.ts";
import {
  BURST_ALONE,
  hasLimit,
  isBurstBound,
  limitFields,
  limitSpeed,
  NO_LIMIT,
  storeFailure,
} from "./limit-fields.ts";
import { possibleNames } from "./rules.ts";
import type { RouteLimits } from "./route-config.ts";
import { MAX_SHARED, sharedLimit } from "./shared-config.ts";

/**
 * Requests a second for callers that nobody set a limit for. One model call costs milliseconds of somebody's CPU or
 * GPU; raised, one stolen credential may take that much more of it.
 */
const DEFAULT_RATE = { count: 100, perMs: 1_000 } as const;
/** Requests at once for the same callers: two seconds' worth, which a page of parallel calls stays under. */
const DEFAULT_BURST = 200;
/** Running requests for the same callers. Raised, one caller may hold that many upstream connections. */
const DEFAULT_CONCURRENCY = 100;

const totalLimits = z
  .strictObject(limitFields)
  .refine(isBurstBound, BURST_ALONE)
  .refine(hasLimit, NO_LIMIT);

const total = totalLimits
  .optional()
  .describe("The same kinds of limits, counted for each caller over all routes together.");

/** All limits of one tier. */
const limitSet = z
  .strictObject({
    ...limitFields,
    total,
    unlimited: z
      .literal(true)
      .optional()
      .describe("States that this tier has no limit. Cannot stand beside one."),
  })
  .refine(isBurstBound, BURST_ALONE)
  .refine((set) => (set.unlimited === true) !== hasLimit(set), {
    error: "either at least one limit or `unlimited: true`",
    params: { hint: 'for example "rate: 200/s"' },
  });

export type LimitSet = z.output<typeof limitSet>;

const tierChoice = z.string({ error: "expected the name of a tier, or limits" });

const override = z
  .strictObject({
    tier: tierChoice.optional().describe("Tier of those whose credential names none."),
    ...limitFields,
    total,
  })
  .refine(isBurstBound, BURST_ALONE)
  .refine((set) => set.tier !== undefined || hasLimit(set), NO_LIMIT);

/** What is laid over a tier for one caller or tenant. */
export type Override = z.output<typeof override>;

const overrides = z.record(z.string().min(1), z.union([tierChoice, override])).default({});

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

const timeZone = z
  .string()
  .refine(isTimeZone, {
    error: "not a time zone",
    params: { hint: 'an IANA name, for example "Europe/Zurich" or "UTC"' },
  })
  .default("UTC")
  .describe(
    "IANA name of the time zone whose days and months quotas go by; such a day may have 23 or 25 hours.",
  );

/** The `limits` section of the configuration. */
export const limitsSchema = z
  .strictObject({
    header: z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9-]{0,62}[A-Za-z0-9]$/, { error: "not the start of a header name" })
      .default(DEFAULT_HEADER)
      .describe("What the -Limit, -Remaining and -Reset answer headers start with."),
    timeZone,
    speed: limitSpeed
      .default("exact")
      .describe(
        "`exact`: the shared store decides each request. `leased`: a replica takes parts of a limit ahead, and may let a stated bit more pass. With the embedded store every decision is exact.",
      ),
    onStoreFailure: storeFailure
      .default("share")
      .describe(
        "While the shared store is away: each replica goes by its share of the limits, they do not hold at all, or requests are refused. Budgets (`cost`) are refused unless they say otherwise themselves.",
      ),
    retryJitter: durationBetween("0s", "1h")
      .default(0)
      .describe(
        "Refused callers are told to come back up to this much later than needed, each at another time.",
      ),
    default: limitSet
      .default(DEFAULT_LIMITS)
      .describe("Limits of callers in no tier, counted for each caller and route."),
    tiers: z
      .record(tierName, limitSet)
      .default({})
      .describe("Limits by the tier a credential names, or that `callers` or `tenants` gives."),
    callers: overrides.describe(
      "By caller: its tier when its credential names none, or limits laid over whatever tier it is in.",
    ),
    tenants: overrides.describe("The same by tenant; what `callers` says goes before it."),
    shared: z
      .array(sharedLimit)
      .max(MAX_SHARED)
      .default([])
      .describe("Further limits, counted by other keys than caller and route."),
  })
  .superRefine((section, context) => {
    for (const { at, message, hint } of mistakesIn(section))
      context.addIssue({ code: "custom", path: at, message, params: { hint }, input: section });
  })
  .describe("How much each caller may ask for of each route.");

export type LimitsSection = z.output<typeof limitsSchema>;

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

function isTimeZone(text: string): boolean {
  // Offsets such as "+01:00" are understood too, but know no summer time: nobody who writes one means that.
  if (!/^[A-Za-z]/.test(text)) return false;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: text }).format(0) !== "";
  } catch {
    return false;
  }
}

interface SectionMistake {
  readonly at: (string | number)[];
  readonly message: string;
  readonly hint: string;
}

type Named = Pick<LimitsSection, "tiers" | "callers" | "tenants" | "shared">;

export const tierNames = ({ tiers }: Pick<LimitsSection, "tiers">): string[] => [
  DEFAULT_TIER,
  ...Object.keys(tiers),
];

function mistakesIn(section: Named): SectionMistake[] {
  const known = tierNames(section);
  const unknown = (tier: string | undefined, at: (string | number)[]): SectionMistake[] =>
    tier === undefined || known.includes(tier)
      ? []
      : [{ at, message: `there is no tier "${tier}"`, hint: `tiers: ${known.join(", ")}` }];
  const tierOf = (choice: string | Override): string | undefined =>
    typeof choice === "string" ? choice : choice.tier;
  return [
    ...(["callers", "tenants"] as const).flatMap((table) =>
      Object.entries(section[table]).flatMap(([name, choice]) =>
        unknown(tierOf(choice), [table, name, ...(typeof choice === "string" ? [] : ["tier"])]),
      ),
    ),
    ...section.shared.flatMap(({ tiers = [] }, i) =>
      tiers.flatMap((tier, j) => unknown(tier, ["shared", i, "tiers", j])),
    ),
    ...likeNames(section),
  ];
}

/** All limits of one request must have names of their own: headers and records know them by nothing else. */
function likeNames({ tiers, shared }: Named): SectionMistake[] {
  const taken = new Set(
    tierNames({ tiers }).flatMap((tier) => [
      ...possibleNames(tier),
      ...possibleNames(`${tier}-total`),
    ]),
  );
  return shared.flatMap(({ name }, i) => {
    const names = possibleNames(name);
    const isTaken = names.some((each) => taken.has(each));
    for (const each of names) taken.add(each);
    return isTaken
      ? [
          {
            at: ["shared", i, "name"],
            message: `limits of "${name}" would be named like others`,
            hint: "choose a name that is no tier's, no other's, and neither with an ending such as -day",
          },
        ]
      : [];
  });
}
