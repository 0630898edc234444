/** The `sources` section: which addresses may call at all, and how often each; never taken from a caller's header. */
import { z } from "zod";
import { parseCidr } from "../../config/cidr.ts";
import { fileRef, type FileRef } from "../../config/secrets/reference.ts";
import { cidr, rate, type Cidr, type Rate } from "../../config/units.ts";

/**
 * Requests from one address before anybody is asked who they are: a busy office behind one NAT stays under it. Raised,
 * one address may make that many signature checks happen.
 */
const DEFAULT_SOURCE_RATE: Rate = { count: 2_000, perMs: 300_000 };
/** Addresses counted at the same time, about 200 bytes each. Raised, a flood from many addresses costs that memory. */
const DEFAULT_MAX_ADDRESSES = 100_000;
/** An IPv6 network of this length is one source: RFC 4291 section 2.5.4 gives every host 2^64 addresses to call from. */
const DEFAULT_IPV6_PREFIX_BITS = 64;
/** Lines of a list file. A longer one is more likely the wrong file than a policy. */
const MAX_LIST_LINES = 1_000_000;
const MAX_COUNT = 1_000_000_000;
const MAX_PERIOD_MS = 86_400_000;

const networks = z.union([z.array(cidr), fileRef]);

/** The `sources` section of the configuration. */
export const sourcesSchema = z
  .strictObject({
    rate: rate
      .refine(({ count, perMs }) => count <= MAX_COUNT && perMs <= MAX_PERIOD_MS, {
        error: "a rate above 1,000,000,000 or with a period above a day",
      })
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
      .describe("Networks without a rate, such as a health checker. A list, or a file."),
    maxAddresses: z
      .int()
      .min(1_000)
      .max(10_000_000)
      .default(DEFAULT_MAX_ADDRESSES)
      .describe(
        "Addresses counted apart at the same time; beyond that they are counted in groups.",
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

/** What the stage is made from: the section with its files read. */
export interface SourcesConfig {
  readonly rate: Rate;
  /** Undefined when every network may call; an empty list lets nobody in. */
  readonly allow: readonly Cidr[] | undefined;
  readonly deny: readonly Cidr[];
  readonly unlimited: readonly Cidr[];
  readonly maxAddresses: number;
  readonly ipv6Prefix: number;
}

/** Reads the section's list files. Throws `NetworkListError` for a file with a line that is no network. */
export async function resolveSources(
  section: SourcesSection,
  readText: (file: FileRef) => string | Promise<string>,
): Promise<SourcesConfig> {
  const resolve = async (list: readonly Cidr[] | FileRef): Promise<readonly Cidr[]> =>
    "kind" in list ? parseNetworkList(await readText(list), list.path) : list;
  return {
    ...section,
    allow: section.allow && (await resolve(section.allow)),
    deny: await resolve(section.deny),
    unlimited: await resolve(section.unlimited),
  };
}

/** A list file that cannot be taken as it is: half a deny list would let the other half in. */
export class NetworkListError extends Error {
  override readonly name = "NetworkListError";
  /** From 1. */
  readonly line: number;

  constructor(path: string, line: number, problem: string) {
    super(`${path}:${line}: ${problem}`);
    this.line = line;
  }
}

/** One network or address a line; "#" starts a comment; empty lines are nothing. */
export function parseNetworkList(text: string, path: string): Cidr[] {
  const found: Cidr[] = [];
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  if (lines.length > MAX_LIST_LINES)
    throw new NetworkListError(path, MAX_LIST_LINES, "more lines than a list may have");
  for (const [index, line] of lines.entries()) {
    const comment = line.indexOf("#");
    const entry = (comment < 0 ? line : line.slice(0, comment)).trim();
    if (entry === "") continue;
    const network = parseCidr(entry);
    if ("refused" in network) throw new NetworkListError(path, index + 1, network.refused);
    found.push(network);
  }
  return found;
}
