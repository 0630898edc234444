/** Known-bad callers by address and by User-Agent, from lists of the operator's. A line that is no entry is a load error. */
import { CidrSet, parseCidr, type Cidr } from "../../config/cidr.ts";
import type { InspectedRule } from "../../pipeline/facts.ts";
import type { CallerRequest } from "../../pipeline/request-context.ts";

/** Ids below 100,000 are for local use (the reference manual's table of ranges): no rule set has them. */
export const ADDRESS_RULE = 99_001;
export const USER_AGENT_RULE = 99_002;

/** A word that is in nearly every User-Agent would refuse everybody. */
const WORD_CHARS = 3;
const LINES_LIMIT = 1_000_000;
/** Each is looked for in every new User-Agent, at some 50 ns. */
const WORDS_LIMIT = 2_000;
/** User-Agents whose verdict is remembered: callers are programs, and few kinds of them. A full table learns no more. */
const REMEMBERED_AGENTS = 1_024;
const REMEMBERED_CHARS = 256;

/** A list as it was read. */
export interface ListFile {
  readonly file: string;
  readonly text: string;
}

export class ListRefused extends Error {
  override readonly name = "ListRefused";

  constructor({ file }: ListFile, line: number, problem: string) {
    super(`${file}:${line}: ${problem}`);
  }
}

/** What a list says against a request; undefined when nothing. */
export type Reputation = (request: CallerRequest) => InspectedRule | undefined;

const CRITICAL = 2;

const rule = (id: number, message: string, name: string): InspectedRule => ({
  id,
  phase: 1,
  message,
  severity: CRITICAL,
  scores: {},
  fields: [{ name, start: -1, end: -1 }],
});
const BAD_ADDRESS = rule(ADDRESS_RULE, "Address on a list of known-bad addresses", "REMOTE_ADDR");
const BAD_USER_AGENT = rule(
  USER_AGENT_RULE,
  "User-Agent on a list of known-bad ones",
  "REQUEST_HEADERS:user-agent",
);

/** Throws `ListRefused`. Undefined where no list holds anything. */
export function compileReputation(
  addresses: readonly ListFile[],
  userAgents: readonly ListFile[],
): Reputation | undefined {
  const networks = addresses.flatMap(networksOf);
  const words = new Set(userAgents.flatMap(wordsOf));
  if (words.size > WORDS_LIMIT)
    throw new ListRefused(userAgents[0] as ListFile, 1, `more than ${WORDS_LIMIT} words`);
  if (networks.length === 0 && words.size === 0) return undefined;
  const set = new CidrSet(networks);
  const isBad = wordFinder([...words]);
  return ({ callerAddress, headers }) => {
    if (networks.length > 0 && set.has(callerAddress)) return BAD_ADDRESS;
    const userAgent = headers.get("user-agent");
    return userAgent !== undefined && isBad(userAgent.toLowerCase()) ? BAD_USER_AGENT : undefined;
  };
}

function wordFinder(words: readonly string[]): (text: string) => boolean {
  const remembered = new Map<string, boolean>();
  return (text) => {
    const known = remembered.get(text);
    if (known !== undefined) return known;
    const isBad = words.some((word) => text.includes(word));
    if (remembered.size < REMEMBERED_AGENTS && text.length <= REMEMBERED_CHARS)
      remembered.set(text, isBad);
    return isBad;
  };
}

function networksOf(list: ListFile): Cidr[] {
  return entriesOf(list).map(({ entry, line }) => {
    const network = parseCidr(entry);
    if ("refused" in network) throw new ListRefused(list, line, network.refused);
    return network;
  });
}

function wordsOf(list: ListFile): string[] {
  return entriesOf(list).map(({ entry, line }) => {
    if (entry.length < WORD_CHARS)
      throw new ListRefused(list, line, `a word of fewer than ${WORD_CHARS} characters`);
    return entry.toLowerCase();
  });
}

function entriesOf(list: ListFile): { entry: string; line: number }[] {
  const lines = list.text.replace(/^\uFEFF/, "").split(/\r?\n/, LINES_LIMIT + 1);
  if (lines.length > LINES_LIMIT)
    throw new ListRefused(list, LINES_LIMIT, "more lines than a list may have");
  return lines.flatMap((text, index) => {
    const entry = text.trim();
    return entry === "" || entry.startsWith("#") ? [] : [{ entry, line: index + 1 }];
  });
}
