/**
 * What is secret, in one table, and how it is taken out of text; `redact-fields.ts` does the same for objects. When in
 * doubt it takes out too much. It must never let a secret stand, and never take more than linear time, because callers
 * choose parts of the text.
 */

interface SecretRow {
  /** What the row is for, in words. */
  readonly what: string;
  /** One of these, in lower case, stands in every text the pattern matches; ordinary texts are passed by them alone. */
  readonly needs: readonly string[];
  /**
   * Global. Every pattern starts at a literal or at the start of a run (lookbehind) and then either matches or gives up
   * after a bounded look ahead, so that no text makes it scan the same characters again and again.
   */
  readonly pattern: RegExp;
  readonly replacement: string;
}

/**
 * Words that make a field's value secret: a field is secret when its name ends with one of these, upper and lower case
 * and `-`, `_`, `.` aside. In text, `word`, an optional tail such as `_1`, and `=` or `:` make an assignment.
 */
export const SECRET_WORDS = [
  "password",
  "passwd",
  "passphrase",
  "passcode",
  "pwd",
  "secret",
  "secrets",
  "token",
  "jwt",
  "bearer",
  "apikey",
  "accesskey",
  "secretkey",
  "privatekey",
  "signingkey",
  "encryptionkey",
  "authkey",
  "authorization",
  "cookie",
  "credential",
  "credentials",
  "assertion",
  "sessionid",
  "codeverifier",
  "signature",
  "dpop",
] as const;

/** One of these stands in every secret word. */
const SECRET_STEMS = [
  "pass",
  "pwd",
  "secret",
  "token",
  "jwt",
  "key",
  "bearer",
  "authorization",
  "cookie",
  "credential",
  "assertion",
  "session",
  "verifier",
  "signature",
  "dpop",
];

/** Parameters that are secret in a URL's query although the word alone says little. */
const SECRET_PARAMETERS = ["key", "sig", "code", "auth", "sid", "otp", "pin", "session", "state"];

/** Words as they are written in text: `api_key`, `api-key`, `apiKey`. */
const TEXT_WORDS = SECRET_WORDS.map((word) =>
  word.replace(/^(api|access|secret|private|signing|encryption|auth)key$/, "$1[._-]?key"),
)
  .map((word) => word.replace("sessionid", "session[._-]?id").replace("codev", "code[._-]?v"))
  .join("|");

/** A value behind `=` or `:`: quoted (an unclosed quote runs to the end), or up to the next white space or `&`. */
const VALUE = String.raw`\\{0,3}"(?:\\[\s\S]|[^"\\])*"?|\\{0,3}'[^'\n]*'?|[^\s&"'<>]+`;
const SCHEME = String.raw`(?:bearer|basic|dpop|digest|negotiate|token|apikey)`;
const SIGN = String.raw`(?:\]|%5d)?\\{0,3}["']?\s{0,4}(?::=|=>|=|:|%3d|%3a)\s{0,4}`;
/** Two neighbours in a printed list of header names and values. */
const NEIGHBOURS = String.raw`\\{0,3}["']\s{0,4},\s{0,4}(?=\\{0,3}["'])`;
/** What may follow the word in a name, taken whole or not at all (the backreference makes it atomic). */
const TAIL = String.raw`(?=(?<tail>[\w.-]{0,64}))\k<tail>`;
/** Prose after a scheme ("bearer token is missing") that is no credential. */
const PROSE = String.raw`(?!(?:tokens?|auth|authentication|authorization|credentials?|scheme|header|is|was|and|or)(?![\w.~+/=-]))`;

/** The table. Order matters where one secret contains another: the longer form comes first. */
export const SECRET_TABLE: readonly SecretRow[] = [
  {
    what: "private keys in PEM; one without an end runs to the end of the text",
    needs: ["private key"],
    pattern:
      /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|$)/g,
    replacement: "[private key]",
  },
  {
    what: "user name and password in a URL",
    needs: ["://"],
    pattern: /:\/\/[^\s/?#"'<>]*@/g,
    replacement: "://[credentials]@",
  },
  {
    what: "credentials of an HTTP authentication scheme",
    needs: ["bearer", "basic", "dpop", "digest", "negotiate"],
    pattern: new RegExp(
      String.raw`\b(bearer|basic|dpop|digest|negotiate)(?:\s{1,4}|%20|\+|:\s?)${PROSE}[^\s,;"'<>&]{4,}`,
      "gi",
    ),
    replacement: "$1 [credential]",
  },
  {
    what: "cookie headers, whole: each pair may be a session",
    needs: ["cookie"],
    pattern: /(cookie\\{0,3}(?:["']\s{0,4},|["']?\s{0,4}[:=])\s{0,4}\\{0,3}["']?)[^\n"'\\]+/gi,
    replacement: "$1[secret]",
  },
  {
    what: "assignments to a secret word in text, JSON, YAML, headers and query strings",
    needs: SECRET_STEMS,
    pattern: new RegExp(
      String.raw`((?:${TEXT_WORDS})${TAIL}(?:${SIGN}|${NEIGHBOURS}))(?:${SCHEME}(?:\s{1,4}|%20|\+))?(?:${VALUE})`,
      "gi",
    ),
    replacement: "$1[secret]",
  },
  {
    what: "query parameters that are secret in a URL only",
    needs: ["?", "&"],
    pattern: new RegExp(String.raw`([?&](?:${SECRET_PARAMETERS.join("|")})=)[^\s&#"'<>]+`, "gi"),
    replacement: "$1[secret]",
  },
  {
    what: "JSON web tokens and anything else that is base64url of a JSON object",
    needs: ["eyj"],
    pattern: /eyJ[\w-]{8,}(?:\.[\w-]*)*/g,
    replacement: "[token]",
  },
  {
    what: "JSON web tokens whose header starts with white space",
    needs: ["eya", "ewo", "ew0", "ewk"],
    pattern: /(?<![\w-])e(?:yA|wo|w0|wk)[\w-]{8,}\.[\w-]{2,}(?:\.[\w-]*){1,3}/g,
    replacement: "[token]",
  },
  {
    what: "keys of this gateway",
    needs: ["pck_"],
    pattern: /pck_[\w-]+/g,
    replacement: "[api key]",
  },
  {
    what: "keys of model providers and payment services: sk-..., sk_live_..., rk_..., pk_...",
    needs: ["sk-", "sk_", "rk_", "pk_"],
    pattern: /(?<![A-Za-z0-9])(?:sk-|[srp]k_(?:live|test|prod)_)[\w-]{8,}/g,
    replacement: "[api key]",
  },
  {
    what: "AWS access key ids",
    needs: ["akia", "asia"],
    pattern: /(?:AKIA|ASIA)[A-Z0-9]{12,}/g,
    replacement: "[api key]",
  },
  {
    what: "tokens of code hosts, chat, registries, clouds and secret stores, known by their prefix",
    needs: [
      "ghp_",
      "gho_",
      "ghr_",
      "ghs_",
      "ghu_",
      "github_pat_",
      "glpat-",
      "xox",
      "npm_",
      "hf_",
      "aiza",
      "ya29.",
      "hvs.",
      "dop_v1_",
    ],
    pattern:
      /(?:gh[oprsu]_|github_pat_|glpat-|xox[abeprs]-|npm_|hf_|AIza|ya29\.|hvs\.|dop_v1_)[\w-]{16,}/g,
    replacement: "[api key]",
  },
  {
    // `@` may be percent-encoded. Hosts without a dot count too: what looks like one address is one person.
    what: "e-mail addresses",
    needs: ["@", "%40"],
    pattern: /(?<![\p{L}\p{N}._%+'-])[\p{L}\p{N}._%+'-]+(?:@|%40)[\p{L}\p{N}.-]+/gu,
    replacement: "[email]",
  },
];

/** All needs of all rows: one pass tells ordinary text apart. */
const ANY_NEEDED = new RegExp(
  SECRET_TABLE.flatMap((row) => row.needs)
    .map((text) => text.replace(/[.?]/g, String.raw`\$&`))
    .join("|"),
);

/**
 * Characters of one text that are looked at; the rest is cut off. An attacker gains nothing but CPU of the gateway from
 * a higher limit: what is written is capped far below.
 */
export const REDACTION_LIMIT_CHARS = 16_384;

/** What is taken out of records that have to name people: everything but their addresses. */
const CREDENTIAL_TABLE = SECRET_TABLE.filter(({ what }) => what !== "e-mail addresses");

/** The text without its secrets. Longer texts are cut first, back to the last white space, so no half secret stands. */
export const redact = (text: string): string => redactBy(SECRET_TABLE, text);

/** Like `redact`, but e-mail addresses stand: for the ledger, which says who called. */
export const redactCredentials = (text: string): string => redactBy(CREDENTIAL_TABLE, text);

function redactBy(table: readonly SecretRow[], text: string): string {
  let result = text.length > REDACTION_LIMIT_CHARS ? cut(text) : text;
  const lower = result.toLowerCase();
  if (!ANY_NEEDED.test(lower)) return result;
  for (const { needs, pattern, replacement } of table) {
    if (needs.some((needed) => lower.includes(needed)))
      result = result.replace(pattern, replacement);
  }
  return result;
}

function cut(text: string): string {
  const head = text.slice(0, REDACTION_LIMIT_CHARS);
  const end = Math.max(head.lastIndexOf(" "), head.lastIndexOf("\n"));
  return `${end > 0 ? head.slice(0, end) : ""} [cut]`;
}

/** Whether a field, header or parameter of this name holds a secret, whatever its value looks like. */
export function isSecretField(name: string): boolean {
  const bare = name.toLowerCase().replace(/[^a-z0-9]|[0-9]+$/g, "");
  return SECRET_WORDS.some((word) => bare.endsWith(word));
}
