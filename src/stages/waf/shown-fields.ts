/**
 * Names of fields as they may be written down. A caller can put anything into a name, a secret or the attack itself: what
 * neither the route declares nor looks like a name that programs give is shown as `?`.
 */
import type { InspectedField } from "../../pipeline/facts.ts";
import type { MatchedRule } from "../../seclang/index.ts";

/** Places that are told of one rule. */
const FIELDS_LIMIT = 8;
const NAME_PARTS = 32;

/** Collections that hold what rules computed, and no part of a message. */
const COMPUTED = /^(?:TX|MATCHED_|GLOBAL|IP|SESSION|USER|RESOURCE|DURATION|ENV)/;
const COLLECTION = /^[A-Z_]{1,40}$/;
/** Words, with a number at most at the end: keys and tokens have their digits everywhere. */
const PLAIN_PART = /^[A-Za-z_][A-Za-z_-]{0,39}\d{0,3}$/;
const INDEX = /^\d{1,9}$/;

/** Where a rule matched. `declared`: parts of names that the route's own schema has. */
export function shownFields(
  { hits }: MatchedRule,
  declared: ReadonlySet<string>,
): readonly InspectedField[] {
  const fields = new Map<string, InspectedField>();
  for (const { target, start, end } of hits) {
    if (COMPUTED.test(target)) continue;
    if (fields.size === FIELDS_LIMIT) break;
    // A rule may match one value several times, in several of its transformed forms.
    fields.set(`${target} ${start}`, { name: shownTarget(target, declared), start, end });
  }
  return [...fields.values()];
}

function shownTarget(target: string, declared: ReadonlySet<string>): string {
  const colon = target.indexOf(":");
  const collection = colon < 0 ? target : target.slice(0, colon);
  const shown = COLLECTION.test(collection) ? collection : "?";
  if (colon < 0) return shown;
  const parts = target
    .slice(colon + 1)
    .split(".", NAME_PARTS)
    .map((part) => (isPlain(part) || declared.has(part) ? part : "?"));
  return `${shown}:${parts.join(".")}`;
}

const isPlain = (part: string): boolean => PLAIN_PART.test(part) || INDEX.test(part);
