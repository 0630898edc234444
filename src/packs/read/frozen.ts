/** Plain data that nobody can change any more. */

/** Freezes a value and everything in it; the data is a tree of bounded depth. */
export function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) frozen(part);
  return Object.freeze(value);
}
