/** Which retention class a line belongs to (docs/ledger-format.md, "Kinds"). It parses nothing: it runs for every entry. */

/** How long lines are kept goes by these; all other lines last as long as their segment. */
export type RetentionClass = "decision" | "denial" | "administration";

/** Lines of a segment by class. */
export type ClassCounts = Record<RetentionClass, number>;

const ADMINISTRATION: ReadonlySet<string> = new Set([
  "reload",
  "key",
  "pack",
  "breakglass",
  "kill",
  "erasure",
]);

const KIND_START = '"kind":"';
const VERDICT_START = ',"decision":"';
const ALLOW = 'allow"';

export function noClasses(): ClassCounts {
  return { decision: 0, denial: 0, administration: 0 };
}

/**
 * The class of a line, or of its members alone. Strings cannot fool it: a quote within one is escaped. A decision that
 * does not say `allow` first of all counts as a denial, which is kept at least as long in any sensible configuration.
 */
export function retentionClassOf(text: string): RetentionClass | undefined {
  const kindAt = text.indexOf(KIND_START) + KIND_START.length;
  const kind = text.slice(kindAt, text.indexOf('"', kindAt));
  if (ADMINISTRATION.has(kind)) return "administration";
  if (kind !== "decision") return undefined;
  const verdictAt = text.indexOf(VERDICT_START, kindAt);
  return verdictAt >= 0 && text.startsWith(ALLOW, verdictAt + VERDICT_START.length)
    ? "decision"
    : "denial";
}
