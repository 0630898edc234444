/** The `sources` section: which addresses may call at all, and how often each; never taken from a caller's header. */
import { z } from "zod";
import { CidrSet } from "../../config/cidr.ts";
import { fileRef, type FileRef } from "../../config/secrets/reference.ts";
import { cidr, rate, slug, type Cidr, type Rate } from "../../config/units.ts";
import { blocksSchema, type BlocksSection } from "./block-config.ts";
import { extractionSchema } from "./extraction/config.ts";
import { readNetworkList } from "./network-list.ts";

/**
 * Requests from one address before anybody is asked who they are: a busy office behind one NAT stays under it. Raised,
 * one address may make that many signature checks happen.
 */
const DEFAULT_SOURCE_RATE: Rate = { count: 2_000, perMs: 300_000 };
/**
 * Addresses counted at the same time, for each of the counts: some 200 bytes each for the rate, failures and each list that
 * throttles, 300 for blocks. Raised, a flood from many addresses costs that memory.
 */
const DEFAULT_MAX_ADDRESSES = 100_000;
/** An IPv6 network of this length is one source: RFC 4291 section 2.5.4 gives every host 2^64 addresses to call from. */
const DEFAULT_IPV6_PREFIX_BITS = 64;
/**
 * Credentials of one source that fail. One a second: a program behind a NAT that repeats an expired token with some pause
 * does not shut out its neighbours; raised, guesses and the signatures checked for them come that much faster.
 */
const DEFAULT_FAILED_AUTHENTICATIONS: Rate = { count: 300, perMs: 300_000 };
/** Each list costs every request a look-up of some half a microsecond. */
const MAX_LISTS = 32;
const MAX_COUNT = 1_000_000_000;
const MAX_PERIOD_MS = 86_400_000;

const networks = z.union([z.array(cidr), fileRef]);

const boundedRate = rate.refine(
  ({ count, perMs }) => count <= MAX_COUNT && perMs <= MAX_PERIOD_MS,
  { error: "a rate above 1,000,000,000 or with a period above a day" },
);

const listNetworks = networks.describe("A list of networks, or a file with one a line.");

const list = z.discriminatedUnion("action", [
  z.strictObject({
    action: z.literal("deny").describe("Its networks may not call, even if allowed."),
    networks: listNetworks,
  }),
  z.strictObject({
    action: z.literal("throttle").describe("Its networks have a rate of their own as well."),
    networks: listNetworks,
    rate: boundedRate.describe("Requests of one address of the list in any such period."),
  }),
  z.strictObject({
    action: z.literal("mark").describe("That the address is on the list is recorded."),
    networks: listNetworks,
  }),
]);

/** The `sources` section of the configuration. */
export const sourcesSchema = z
  .strictObject({
    rate: boundedRate
      .default(DEFAULT_SOURCE_RATE)
      .describe("Requests of one address in any period of this length. Default 2000/5m."),
    allow: networks
      .optional()
      .describe("When set, only these networks may call. A list, or a file with one a line."),
    deny: networks
      .default([])
      .describe("Networks that may not call, even if allowed. A list, or a file with one a line."),
    unlimited: networks
      .default([])
      .describe(
        "Networks without a rate, and never blocked, such as a health checker. A list, or a file.",
      ),
    lists: z
      .record(slug, list)
      .default({})
      .refine((named) => Object.keys(named).length <= MAX_LISTS, {
        error: `more than ${MAX_LISTS} lists`,
      })
      .describe("Reputation lists by name, read again when their files change."),
    blocks: blocksSchema.prefault({}),
    failedAuthentications: boundedRate
      .default(DEFAULT_FAILED_AUTHENTICATIONS)
      .describe(
        "Credentials of one address that may fail in any such period; then it is refused before the next is checked. Default 300/5m.",
      ),
    extraction: extractionSchema.prefault({}),
    maxAddresses: z
      .int()
      .min(1_000)
      .max(10_000_000)
      .default(DEFAULT_MAX_ADDRESSES)
      .describe(
        "Addresses counted apart at the same time, for each count; beyond that, rates are counted in groups.",
      ),
    ipv6Prefix: z
      .int()
      .min(32)
      .max(64)
      .default(DEFAULT_IPV6_PREFIX_BITS)
      .describe("Leading bits of an IPv6 address that make one source."),
  })
  .describe("Which addresses may call, and how often each.");

export type SourcesSection = z.output<typeof sourcesSchema>;

/** A reputation list, its networks read. */
export interface SourceList {
  readonly name: string;
  readonly action: "deny" | "throttle" | "mark";
  /** Of lists that throttle. */
  readonly rate: Rate | undefined;
  readonly networks: CidrSet;
}

/** What the stage is made from: the section with its files read. */
export interface SourcesConfig {
  readonly rate: Rate;
  /** Undefined when every network may call; an empty list lets nobody in. */
  readonly allow: CidrSet | undefined;
  readonly deny: CidrSet;
  readonly unlimited: CidrSet;
  readonly lists: readonly SourceList[];
  readonly blocks: BlocksSection;
  readonly failedAuthentications: Rate;
  readonly maxAddresses: number;
  readonly ipv6Prefix: number;
}

/** Reads the section's list files. Throws `NetworkListError` for a file with a line that is no network. */
export async function resolveSources(
  section: SourcesSection,
  readText: (file: FileRef) => string | Promise<string>,
): Promise<SourcesConfig> {
  const resolve = async (found: readonly Cidr[] | FileRef): Promise<CidrSet> =>
    "kind" in found ? readNetworkList(await readText(found), found.path) : new CidrSet(found);
  const lists: SourceList[] = [];
  // One after the other: many large files read at once would hold up requests.
  for (const [name, one] of Object.entries(section.lists)) {
    const { action } = one;
    const networksOfList = await resolve(one.networks);
    lists.push({
      name,
      action,
      rate: one.action === "throttle" ? one.rate : undefined,
      networks: networksOfList,
    });
  }
  return {
    ...section,
    allow: section.allow && (await resolve(section.allow)),
    deny: await resolve(section.deny),
    unlimited: await resolve(section.unlimited),
    lists,
  };
}
