/**
 * Reads the `Authorization` field (RFC 9110 section 11.6.2). One credential in one spelling: the scheme in any case, one
 * or more spaces, and then a token without spaces or commas.
 */

/** What the field holds: a bearer token, an API key, several credentials at once, or nothing that we accept. */
export type AuthorizationKind = "bearer" | "api_key" | "several" | "unknown";

/** Where tokens and keys come unless an issuer has a field of its own. */
export const AUTHORIZATION = "authorization";

const BEARER = "bearer";
const API_KEY = "apikey";
const SPACE = 0x20;
/** The bit in which ASCII letters differ by case. */
const CASE_BIT = 0x20;

/** Which scheme the field begins with; decided from its letters alone, without making a new string. */
export function kindOfAuthorization(field: string): AuthorizationKind {
  // Repeated fields arrive joined by ", ": two credentials, of which each reader might pick another.
  if (hasScheme(field, BEARER)) return field.includes(",") ? "several" : "bearer";
  if (hasScheme(field, API_KEY)) return field.includes(",") ? "several" : "api_key";
  return "unknown";
}

/** The credential behind the scheme. Only for fields that `kindOfAuthorization` called `bearer` or `api_key`. */
export function credentialOf(field: string): string {
  let start = BEARER.length;
  while (field.charCodeAt(start) === SPACE) start++;
  return field.slice(start);
}

/** Both schemes have six letters, which is what `credentialOf` counts on. */
function hasScheme(field: string, scheme: string): boolean {
  if (field.charCodeAt(scheme.length) !== SPACE) return false;
  for (let i = 0; i < scheme.length; i++)
    if ((field.charCodeAt(i) | CASE_BIT) !== scheme.charCodeAt(i)) return false;
  return true;
}

const TOKEN_PARAMETER = /(?:^|&)access_token=/;

/** Whether the query carries a token too (RFC 6750 section 2.3), which is never accepted: it would end up in logs. */
export function hasTokenInQuery(query: string): boolean {
  return query !== "" && TOKEN_PARAMETER.test(query);
}
