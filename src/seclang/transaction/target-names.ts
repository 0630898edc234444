/** Names of what a target reads: which members are its own, and what a match is called. Letter case never counts. */
import type { ByteString } from "../byte-string.ts";
import { lowerName } from "../collections/lower-name.ts";
import type { Target } from "../compile/target.ts";
import type { RemovedTarget } from "./transaction-state.ts";

/** Whether the target reads the member of that name. */
export function isNamed(
  name: ByteString,
  { selector, excludes }: Target,
  gone: readonly RemovedTarget[] | undefined,
): boolean {
  if (selector === undefined && excludes === undefined && gone === undefined) return true;
  if (selector?.key !== undefined && selector.key.length !== name.length) return false;
  const key = lowerName(name);
  return selector?.test(key) !== false && !isTaken(key, { excludes }, gone);
}

/** Whether the target itself or an exclusion takes the member away, by its lower-case name. */
export function isTaken(
  key: ByteString,
  { excludes }: Pick<Target, "excludes">,
  gone: readonly RemovedTarget[] | undefined,
): boolean {
  return excludes?.(key) === true || isGone(key, gone);
}

/** Whether an exclusion takes the member, by its lower-case name. */
export function isGone(key: ByteString, gone: readonly RemovedTarget[] | undefined): boolean {
  return gone?.some(({ member }) => member?.(key) === true) ?? false;
}

/** `ARGS:json.name`, `TX:anomaly_score`, `REQUEST_LINE`. */
export function nameOf({ name, isCount }: Target, member: ByteString): ByteString {
  const full = member === "" ? name : name === "MATCHED_VARS" ? member : `${name}:${member}`;
  return isCount ? `&${full}` : full;
}
