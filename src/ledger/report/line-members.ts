/** Reads members of a line whose writer may be of another release: what is not as expected counts as absent. */

type Members = Readonly<Record<string, unknown>>;

export const NO_MEMBERS: Members = Object.freeze({});

/** Text, or a number as text; null for everything else. */
export function textOf(value: unknown): string | null {
  if (typeof value === "string") return value;
  return typeof value === "number" ? String(value) : null;
}

export function membersOf(value: unknown): Members {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Members)
    : NO_MEMBERS;
}

export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
