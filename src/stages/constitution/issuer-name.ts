/**
 * The common name in a certificate's issuer as the listener writes it: OpenSSL's text on one line. A name that could be
 * read in two ways is none.
 */

/**
 * One attribute and what follows it. OpenSSL escapes the special characters of RFC 2253 section 2.4 and control
 * characters within values, so that a comma or plus sign that stands plain always ends one.
 */
const ATTRIBUTE = /([A-Za-z0-9.-]+)=((?:\\.|[^\\,+])*?)(, | \+ |$)/suy;

/** A backslash before a special character, or before two hexadecimal digits for a control character. */
const ESCAPE = /\\(?:([0-9A-Fa-f]{2})|(.))/gsu;

const CONTROL = /\p{C}/u;

/** Undefined when there is no common name, more than one, or one with characters that are not for reading. */
export function commonNameOf(issuer: string): string | undefined {
  let found: string | undefined;
  let end = false;
  ATTRIBUTE.lastIndex = 0;
  while (!end) {
    const match = ATTRIBUTE.exec(issuer);
    if (!match) return undefined;
    const [, type, value = "", next] = match;
    if (type === "CN") {
      // Readers differ in which of two names counts.
      if (found !== undefined) return undefined;
      found = value.replaceAll(ESCAPE, (_, hex: string | undefined, special: string) =>
        hex === undefined ? special : String.fromCharCode(Number.parseInt(hex, 16)),
      );
    }
    end = next === "";
  }
  return found === undefined || found === "" || CONTROL.test(found) ? undefined : found;
}
