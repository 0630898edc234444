/**
 * Base64 (RFC 4648 sections 4 and 5) that has one text for one value. It must never take what it would not have
 * written: characters behind a padding, loose bits and both alphabets in one text among them.
 */

/** The bytes of the standard alphabet, or undefined where the text is not exactly their base64. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}

/** The same for either alphabet, with padding: DSSE verifiers MUST accept either (DSSE 1.0.0, "Protocol"). */
export function decodeEitherBase64(text: string): Buffer | undefined {
  const isUrlSafe = /[-_]/.test(text);
  if (isUrlSafe && /[+/]/.test(text)) return undefined;
  return decodeBase64(isUrlSafe ? text.replaceAll("-", "+").replaceAll("_", "/") : text);
}
