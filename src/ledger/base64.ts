/**
 * Base64 (RFC 4648 section 4) that has one text for one value. It must never take what it would not have written:
 * bytes behind a padding or loose bits would let two notes differ and still verify.
 */

/** The bytes, or undefined where the text is not exactly their base64. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}
