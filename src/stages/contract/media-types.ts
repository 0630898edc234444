/**
 * Decides which Content-Type values a route accepts. It must never guess: a value that does not parse as RFC 9110
 * section 8.3.1 says, or that names a charset other than UTF-8, is no match.
 */

/** One `; name=value` of RFC 9110 section 5.6.6; sticky, so that it only ever moves forward. */
const PARAMETER =
  /[ \t]*;[ \t]*(?:([A-Za-z0-9!#$%&'*+.^_`|~-]+)=([A-Za-z0-9!#$%&'*+.^_`|~-]+|"(?:[^"\\]|\\.)*"))?/y;
const ESSENCE = /[ \t;]/;

/** JSON by its name or by its structured suffix (RFC 8259 section 11, RFC 6839 section 3.1). */
export function isJsonType(essence: string): boolean {
  return essence === "application/json" || essence === "text/json" || essence.endsWith("+json");
}

/** The media type of a Content-Type value in lower case, without parameters; undefined when it is not acceptable. */
export function parseMediaType(value: string): string | undefined {
  const end = value.search(ESSENCE);
  const essence = (end < 0 ? value : value.slice(0, end)).toLowerCase();
  if (end < 0) return essence;
  let hasCharset = false;
  let at = end;
  while (at < value.length) {
    PARAMETER.lastIndex = at;
    const match = PARAMETER.exec(value);
    if (!match) return value.slice(at).trim() === "" ? essence : undefined;
    at = PARAMETER.lastIndex;
    if (match[1]?.toLowerCase() !== "charset") continue;
    const charset = (match[2] ?? "").replaceAll('"', "").toLowerCase();
    if (hasCharset || charset !== "utf-8") return undefined;
    hasCharset = true;
  }
  return essence;
}

/** What a request's Content-Type means on one route: read as JSON, passed unread, or not accepted. */
export type BodyKind = "json" | "other" | "refused";

/** The media types of one route, compiled so that the usual spellings cost one look into a map. */
export function compileMediaTypes(
  accepted: readonly string[],
): (value: string | undefined) => BodyKind {
  const kinds = new Map<string, BodyKind>();
  for (const type of accepted) kinds.set(type, isJsonType(type) ? "json" : "other");
  const spellings = new Map(kinds);
  for (const [type, kind] of kinds) {
    for (const charset of [";charset=utf-8", "; charset=utf-8", "; charset=UTF-8"]) {
      spellings.set(type + charset, kind);
    }
  }
  return (value) => {
    if (value === undefined) return "refused";
    return spellings.get(value) ?? kinds.get(parseMediaType(value) ?? "") ?? "refused";
  };
}
