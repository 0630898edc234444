/**
 * The header fields in which an edge tells of its callers, and the one way each is read. A reader that is in doubt says
 * no: it never repairs, picks or assumes.
 */
import type { EdgeTopic } from "./edge-config.ts";

/** What fields can say; written by their readers alone. */
export interface ToldFacts {
  /** 1.0 to 1.3: of the caller's connection to the edge. */
  tlsVersion?: number;
  /** Whether the caller showed the edge a certificate that the edge verified. */
  mtlsVerified?: boolean;
  /** Common name of that certificate's issuer; only beside `mtlsVerified: true`. */
  mtlsIssuer?: string;
  webhookVerified?: boolean;
  userId?: string;
  groups?: ReadonlySet<string>;
  isPanic?: boolean;
  /** What the edge decided; `unreadable` when it said something else, which agrees with nothing. */
  decision?: "allow" | "deny" | "unreadable";
  /** The pack by which it decided, as it names it. */
  pack?: string;
}

export interface EdgeField {
  /** Lower case. */
  readonly name: string;
  readonly topic: EdgeTopic | "panic";
  /** Writes the fact; false when the value is not one. */
  readonly read: (value: string, told: ToldFacts) => boolean;
}

/** A person is in dozens of groups. Raised, each request of an edge may cost that much more memory and search. */
const GROUPS_LIMIT = 256;
/** Bounds what reaches records and metrics. */
const NAME_LIMIT_CHARS = 256;

const NAME = /^[^\p{C}]+$/u;
const ASCII = /^[\x20-\x7e]*$/;
/** "1.3", "TLSv1.3" (OpenSSL, nginx, Envoy), "TLS 1.3", "tls1.3" (Caddy). */
const TLS_VERSION = /^(?:TLS ?v?)?(1\.[0-3])$/i;
/** One address and nothing that could be two; RFC 5321 section 4.5.3.1.3 bounds it at 254. */
const EMAIL = /^[^\s\p{C},;<>"()@]{1,64}@[^\s\p{C},;<>"()@]{1,189}$/u;
const PACK = /^[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,255}$/;

/** Makes a field's row: `parse` gives the fact's value, or undefined for text that is none. */
function row<Fact extends keyof ToldFacts>(
  name: string,
  topic: EdgeTopic | "panic",
  [fact, parse]: readonly [Fact, (text: string) => ToldFacts[Fact] | undefined],
): EdgeField {
  const read = (value: string, told: ToldFacts): boolean => {
    const text = decodeText(value);
    const parsed = text === undefined ? undefined : parse(text);
    if (parsed === undefined) return false;
    told[fact] = parsed;
    return true;
  };
  return { name, topic, read };
}

const ROWS: readonly EdgeField[] = [
  row("x-tls-version", "tls", ["tlsVersion", parseTlsVersion]),
  row("x-mtls-verified", "mtls", ["mtlsVerified", parseVerified]),
  row("x-mtls-issuer", "mtls", ["mtlsIssuer", parseIssuer]),
  row("x-webhook-verified", "webhook", ["webhookVerified", parseBoolean]),
  row("x-panic-mode", "panic", ["isPanic", parseBoolean]),
  row("cf-access-authenticated-user-email", "user", ["userId", parseEmail]),
  row("cf-access-groups", "groups", ["groups", parseGroups]),
  row("x-policy-decision", "decision", ["decision", parseDecision]),
  row("x-policy-pack", "decision", ["pack", (text) => (PACK.test(text) ? text : undefined)]),
];

/** By name in lower case. */
export const EDGE_FIELDS: ReadonlyMap<string, EdgeField> = new Map(
  ROWS.map((field) => [field.name, field]),
);

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** Field values arrive with one character for each byte; beyond ASCII they are UTF-8 or nothing. */
function decodeText(value: string): string | undefined {
  if (ASCII.test(value)) return value;
  try {
    return UTF8.decode(Buffer.from(value, "latin1"));
  } catch {
    return undefined;
  }
}

function parseTlsVersion(text: string): number | undefined {
  const version = TLS_VERSION.exec(text)?.[1];
  return version === undefined ? undefined : Number(version);
}

function parseBoolean(text: string): boolean | undefined {
  const word = text.toLowerCase();
  return word === "true" ? true : word === "false" ? false : undefined;
}

/** A boolean, or nginx's `$ssl_client_verify`: SUCCESS, NONE, FAILED:reason. */
function parseVerified(text: string): boolean | undefined {
  if (text === "SUCCESS") return true;
  if (text === "NONE" || text === "FAILED" || text.startsWith("FAILED:")) return false;
  return parseBoolean(text);
}

function parseDecision(text: string): "allow" | "deny" | undefined {
  const word = text.toLowerCase();
  return word === "allow" || word === "deny" ? word : undefined;
}

function parseEmail(text: string): string | undefined {
  return EMAIL.test(text) ? text : undefined;
}

const isName = (value: unknown): value is string =>
  typeof value === "string" &&
  value.length <= NAME_LIMIT_CHARS &&
  NAME.test(value) &&
  value.trim() === value;

/** Commas between names, or a JSON array of texts. A comma list cannot hold a name with a comma: JSON can. */
function parseGroups(text: string): ReadonlySet<string> | undefined {
  const names: unknown = text.startsWith("[")
    ? parseJson(text)
    : text.split(",").map((part) => part.trim());
  if (!Array.isArray(names) || names.length > GROUPS_LIMIT || !names.every(isName))
    return undefined;
  return new Set(names);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * A common name as it is, or a distinguished name (RFC 4514) with exactly one common name in it. A plain name with a
 * comma could be two fields that a proxy has joined, so such a name can only come as a distinguished one.
 */
function parseIssuer(text: string): string | undefined {
  const issuer = text.includes("=") ? commonNameOf(text) : text.includes(",") ? undefined : text;
  return isName(issuer) ? issuer : undefined;
}

/**
 * One attribute of RFC 4514 section 3, and what follows it. Spaces around a value must be escaped there, so that any that
 * stand plain belong to it, and a name that begins or ends with one is refused.
 */
const ATTRIBUTE = /\s*([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)*)=((?:\\.|[^\\,+;"<>=])*)([,+]|$)/suy;

function commonNameOf(text: string): string | undefined {
  let found: string | undefined;
  ATTRIBUTE.lastIndex = 0;
  for (;;) {
    const match = ATTRIBUTE.exec(text);
    if (!match) return undefined;
    const [, type = "", value = "", next] = match;
    if (type.toUpperCase() === "CN" || type === "2.5.4.3") {
      // Two common names: readers differ in which of them counts.
      if (found !== undefined) return undefined;
      found = unescapeValue(value);
      if (found === undefined) return undefined;
    }
    if (next === "") return found;
  }
}

/** A backslash before a special character, or before two hexadecimal digits for one byte of UTF-8. */
const ESCAPE = /\\(?:([0-9A-Fa-f]{2})|([ "#+,;<=>\\]))/g;

function unescapeValue(value: string): string | undefined {
  if (!value.includes("\\")) return value;
  // What is left of a backslash was no escape; bytes and characters in one value would be read in two ways.
  if (value.replaceAll(ESCAPE, "").includes("\\") || !ASCII.test(value)) return undefined;
  return decodeText(
    value.replaceAll(ESCAPE, (_, hex: string | undefined, special: string) =>
      hex === undefined ? special : String.fromCharCode(Number.parseInt(hex, 16)),
    ),
  );
}
