/** `sources.blocks`: what a source has to do to be shut out for a while, and for how long. */
import { z } from "zod";
import { durationBetween, percentage, rate } from "../../config/units.ts";
import { CATALOGUE, type RejectionCode } from "../../pipeline/rejection.ts";
import type { Ending } from "../../pipeline/stage.ts";

/**
 * Fifty refusals in five minutes, and half of all that the source asked: a program that repeats its mistake behind a busy
 * NAT shuts out nobody, since its neighbours' requests are let in; one address that only probes is out after fifty. Lowered,
 * a service whose token runs out while fifty requests are under way blocks itself.
 */
const DEFAULT_AFTER = { count: 50, perMs: 300_000 };
const DEFAULT_SHARE = 0.5;
/** Short at first, since an address may be somebody else's a minute later; an hour at last. */
const DEFAULT_FOR_MS = 60_000;
const DEFAULT_FACTOR = 2;
const DEFAULT_LONGEST_MS = 3_600_000;
const DEFAULT_FORGET_MS = 86_400_000;
const DEFAULT_STATUSES: readonly number[] = [401, 403];
/** Of the firewall whatever status its rule gives; of its refusals, those of a rule, not those of a body's form. */
const DEFAULT_CODES: readonly RejectionCode[] = ["waf.blocked", "waf.budget_exceeded"];
const MAX_COUNT = 1_000_000;
const MAX_PERIOD_MS = 86_400_000;

/** What this stage refuses itself: counted, it would make a block last for as long as somebody calls against it. */
const isOwn = (code: string): boolean => code.startsWith("sources.");

/** An operator shut a caller out: that says nothing of the others behind its address, and must end with the switch. */
const isOperators = (code: string): boolean => code.startsWith("kill-switch.");

const code = z.string().refine((text) => Object.hasOwn(CATALOGUE, text) && !isOwn(text), {
  error: "not a code that can count: one of docs/reference/refusals.md, but none of `sources`",
});

export const blocksSchema = z
  .strictObject({
    mode: z
      .enum(["on", "off"])
      .default("on")
      .describe("Whether sources whose requests are mostly refused are blocked for a while."),
    after: rate
      .refine(({ count, perMs }) => count <= MAX_COUNT && perMs <= MAX_PERIOD_MS, {
        error: "a count above 1,000,000 or a period above a day",
      })
      .default(DEFAULT_AFTER)
      .describe("Refusals of one address in such a period that block it. Default 50/5m."),
    share: percentage
      .default(DEFAULT_SHARE)
      .describe(
        "Least share of the address's requests in that period that were refused. With 0% the count alone blocks, and one bad caller its whole network. Default 50%.",
      ),
    statuses: z
      .array(z.int().min(400).max(499))
      .default([...DEFAULT_STATUSES])
      .describe("Statuses of the gateway's own refusals that count; never of the upstream's."),
    codes: z
      .array(code)
      .default([...DEFAULT_CODES])
      .describe("Codes of refusals that count whatever their status."),
    for: durationBetween("1s", "24h").default(DEFAULT_FOR_MS).describe("The first block."),
    factor: z
      .number()
      .min(1)
      .max(10)
      .default(DEFAULT_FACTOR)
      .describe("By what each further block is longer than the one before."),
    longest: durationBetween("1s", "7d").default(DEFAULT_LONGEST_MS).describe("The longest block."),
    forget: durationBetween("1m", "30d")
      .default(DEFAULT_FORGET_MS)
      .describe("Time without a block after which the next is a first one again."),
  })
  .refine((blocks) => blocks.longest >= blocks.for, {
    error: "`longest` is shorter than `for`",
    path: ["longest"],
  })
  .describe("Automatic temporary blocks of addresses whose requests are mostly refused.");

export type BlocksSection = z.output<typeof blocksSchema>;

/** Whether an ending speaks against the source of its request. */
export function refusalCounter({
  statuses,
  codes,
}: Pick<BlocksSection, "statuses" | "codes">): (ending: Ending) => boolean {
  const counted = new Set<number>(statuses);
  // By the code's own status too: a caller that hangs up on a refusal is recorded with another one.
  const goesByStatus = (one: string): boolean => !isOwn(one) && !isOperators(one);
  const known = (Object.keys(CATALOGUE) as RejectionCode[]).filter(
    (one) => codes.includes(one) || (goesByStatus(one) && counted.has(CATALOGUE[one].status)),
  );
  const always = new Set<string>(known);
  return ({ code: said, status }) => {
    if (said === "ok" || said === "answered") return false;
    return always.has(said) || (counted.has(status) && goesByStatus(said));
  };
}
