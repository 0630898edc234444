/**
 * Base64url as RFC 7515 section 2 wants it: no padding, no other alphabet, and only the one canonical spelling. A second
 * spelling of a valid token would be a second token to every cache, replay memory and rate limit keyed on its text.
 */

const ALPHABET = /^[A-Za-z0-9_-]*$/;
/** Last characters whose unused low bits are zero, for texts of length 2 and 3 modulo 4 (RFC 4648 section 3.5). */
const LAST_OF_TWO = "AQgw";
const LAST_OF_THREE = "AEIMQUYcgkosw048";

/** The bytes, or undefined when the text is not their canonical base64url. */
export function decodeBase64url(text: string): Buffer | undefined {
  return ALPHABET.test(text) && hasCanonicalTail(text) ? Buffer.from(text, "base64url") : undefined;
}

function hasCanonicalTail(text: string): boolean {
  const last = text.charAt(text.length - 1);
  switch (text.length % 4) {
    case 0:
      return true;
    case 2:
      return LAST_OF_TWO.includes(last);
    case 3:
      return LAST_OF_THREE.includes(last);
    default:
      return false;
  }
}
