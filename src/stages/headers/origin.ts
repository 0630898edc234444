/** Web origins (RFC 6454 section 6.2), written one way only; never a pattern, never `null`. */

/** Why a text is no origin that may be allowed. */
export interface RefusedOrigin {
  readonly refused: string;
  readonly hint: string;
}

const SHAPE = /^https?:\/\/[^\s/?#@\\*]+$/i;
const EXAMPLE = 'for example "https://app.example.bank" or "https://app.example.bank:8443"';

/** The origin exactly as browsers send it: lower case, without the default port, international names in ASCII. */
export function parseOrigin(text: string): string | RefusedOrigin {
  if (text.includes("*"))
    return {
      refused: "an origin is exact; `*` would let every site of the web call",
      hint: "list each origin that may call",
    };
  // RFC 6454 section 7.3: every sandboxed frame and every local file sends this one.
  if (text === "null") return { refused: "`null` is the origin of anybody", hint: EXAMPLE };
  if (!SHAPE.test(text) || !URL.canParse(text))
    return { refused: "not an origin: scheme, host and port, nothing more", hint: EXAMPLE };
  const { origin } = new URL(text);
  return origin;
}

/** Whether what an origin sends can be read or changed by whoever is on the way. Loopback has nobody on the way. */
export function isInterceptable(origin: string): boolean {
  if (origin.startsWith("https:")) return false;
  const { hostname } = new URL(origin);
  return !(
    hostname === "localhost" ||
    hostname.endsWith(".localhost") ||
    hostname === "[::1]" ||
    /^127(\.\d{1,3}){3}$/.test(hostname)
  );
}
