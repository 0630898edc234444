/** Entries as short text, so that a table of expectations reads like a request. */
import { type Entry, PART } from "./entry.ts";

const NAMES = new Map<number, string>(Object.entries(PART).map(([name, bit]) => [bit, name]));

/** `part name=value` for each entry, `part=value` where the name is empty. */
export function listEntries(entries: readonly Entry[]): string[] {
  return entries.map(({ part, name, value }) => {
    const label = NAMES.get(part) ?? String(part);
    return name === "" ? `${label}=${value}` : `${label} ${name}=${value}`;
  });
}

/** Only the entries of the named parts. */
export function listParts(
  entries: readonly Entry[],
  ...parts: readonly (keyof typeof PART)[]
): string[] {
  let mask = 0;
  for (const part of parts) mask |= PART[part];
  return listEntries(entries.filter(({ part }) => (part & mask) !== 0));
}
