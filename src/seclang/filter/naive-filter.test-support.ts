/** What the filter has to find, found the long way: every rule on every entry; only for tests. */
import type { ByteString } from "../byte-string.ts";
import type { Entry } from "../collections/entry.ts";
import { lowercase } from "../transformations/letter-case.ts";
import { TRANSFORMATIONS } from "../transformations/table.ts";
import type { FilterOptions } from "./filter.ts";
import type { FilterSession } from "./filter-session.ts";

function transformed(value: ByteString, chain: readonly string[]): ByteString {
  return chain.reduce((text, name) => TRANSFORMATIONS.get(name)?.(text) ?? text, value);
}

/** `rule@entry` for each match, entries by their place in the list. */
export function naiveMatches(
  { rules, chains }: FilterOptions,
  entries: readonly Entry[],
): string[] {
  const matches: string[] = [];
  for (const [at, entry] of entries.entries()) {
    const variants = chains.map((chain) => transformed(entry.value, chain));
    const lowerName = lowercase(entry.name);
    for (const { index, parts, chain, test, reads } of rules) {
      if ((parts & entry.part) === 0 || reads?.(entry.part, lowerName) === false) continue;
      if (test(variants[chain] ?? "")) matches.push(`${index}@${at}`);
    }
  }
  return matches.sort();
}

/** The same of what a session reports. */
export function reported(session: FilterSession, entries: readonly Entry[]): string[] {
  return session.matchedRules
    .flatMap((rule) =>
      (session.entriesOf(rule) ?? []).map((entry) => `${rule}@${entries.indexOf(entry)}`),
    )
    .sort();
}
