/** The redaction table: what it takes out, what it leaves alone, and that no text makes it slow. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fieldText } from "./json-text.ts";
import { redactFields } from "./redact-fields.ts";
import {
  isSecretField,
  redact,
  REDACTION_LIMIT_CHARS,
  SECRET_TABLE,
  SECRET_WORDS,
} from "./redaction.ts";

// Built in pieces, so that no scanner takes the test for a leak.
const JWT = ["eyJhbGciOiJFUzI1NiJ9", "eyJzdWIiOiJDQU5BUlkifQ", "c2lnbmF0dXJlQ0FOQVJZ"].join(".");
const PEM_BODY = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEH";
const pem = (kind: string, isWhole = true) =>
  `-----BEGIN ${kind}PRIVATE KEY-----\n${PEM_BODY}\n${isWhole ? `-----END ${kind}PRIVATE KEY-----` : ""}`;

/** Sentence, text, and the piece that must be gone. */
const SECRETS: readonly (readonly [string, string, string])[] = [
  ["a token in a sentence", `token rejected (${JWT}) at once`, "c2lnbmF0"],
  ["a token cut after its header", "got eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9", "eyJhbGci"],
  ["a token with five parts", `${JWT}.AAAA.BBBB`, "BBBB"],
  ["a token glued to other text", `xx${JWT}`, "eyJzdWIi"],
  ["a token whose header starts with a space", "t ewogICJhbGciOiAibm9uZSJ9.e30abc.", "ewogICJh"],
  ["a key of this gateway", "key pck_live_a1b2c3_S3CRETS3CRET unknown", "S3CRET"],
  ["a provider key", "401 from provider for sk-proj-CANARYCANARY12", "CANARY"],
  ["a payment key", ["sk", "live", "CANARYCANARY12"].join("_"), "CANARY"],
  ["an AWS key id", "using AKIAIOSFODNN7CANARY", "CANARY"],
  ["a temporary AWS key id", "using ASIAIOSFODNN7CANARY", "CANARY"],
  ["a code host token", `ghp_${"CANARY".repeat(6)}`, "CANARY"],
  ["a chat token", "xoxb-1234567890-CANARYCANARY", "CANARY"],
  ["a bearer value", "Authorization: Bearer opaqueCANARY", "CANARY"],
  ["a bearer value in odd case", "bEaReR opaqueCANARY", "CANARY"],
  ["a bearer value behind a plus", "authorization=Bearer+opaqueCANARY", "CANARY"],
  ["a bearer value that starts like prose", "Bearer token-CANARY", "CANARY"],
  ["a basic value", "Basic Q0FOQVJZOkNBTkFSWQ==", "Q0FOQVJZ"],
  ["a DPoP value", "DPoP opaqueCANARY", "CANARY"],
  ["an authorization header of an unknown scheme", "authorization: CANARY", "CANARY"],
  ["a password assignment", "password=CANARY1!", "CANARY"],
  ["a password behind colon and space", "password: CANARY", "CANARY"],
  ["a password behind an arrow", "password => CANARY", "CANARY"],
  ["a quoted password with spaces", 'passwd = "my CANARY phrase"', "CANARY"],
  ["a password with an escaped quote", String.raw`{"password":"a\"CANARY"}`, "CANARY"],
  ["a password in JSON inside JSON", String.raw`{\"password\":\"CANARY\"}`, "CANARY"],
  ["an unclosed quoted password", 'password="my CANARY', "CANARY"],
  ["a password in single quotes", "pwd='my CANARY'", "CANARY"],
  ["a password with separators in it", "password=a,b;CANARY", "CANARY"],
  ["a password in brackets", "user[password]=CANARY", "CANARY"],
  ["a prefixed name", "JWT_SECRET_KEY=CANARY", "CANARY"],
  ["a camel-case name", "dbPassword: CANARY", "CANARY"],
  ["a name with a long tail", "password_for_the_database_of_the_bank=CANARY", "CANARY"],
  ["an api key assignment", "api-key: CANARY", "CANARY"],
  ["an api key in camel case", '{"apiKey":"CANARY"}', "CANARY"],
  ["a client secret", "client_secret=CANARY&grant_type=x", "CANARY"],
  ["an encoded assignment", "body client_secret%3DCANARY", "CANARY"],
  ["a token parameter", "GET /x?access_token=CANARY&a=1", "CANARY"],
  ["a key parameter", "https://api.example/x?key=CANARY", "CANARY"],
  ["a signature parameter", "https://s3.example/x?a=1&X-Amz-Signature=CANARY", "CANARY"],
  ["an authorization code", "/callback?code=CANARY&x=1", "CANARY"],
  ["a URL with credentials", "connect https://user:CANARY@db.example:5432/x", "CANARY"],
  ["a URL with a raw at sign in its password", "redis://:CAN@RY-CANARY@cache", "CANARY"],
  ["a cookie header", "Cookie: a=1; sid=CANARY", "CANARY"],
  ["a set-cookie header in a list", '["set-cookie","a=1; sid=CANARY"]', "CANARY"],
  ["a printed header list", '["x-api-key","CANARY"]', "CANARY"],
  ["an e-mail address", "user jane.canary@bank.example unknown", "canary"],
  ["an e-mail address of another script", "пользователь@пример.рф", "пользователь"],
  ["an encoded e-mail address", "?q=jane.canary%40bank.example", "canary"],
  ["an e-mail address without dots", "jane.canary@localhost", "canary"],
  ["a private key", pem(""), PEM_BODY],
  ["an EC private key", `x ${pem("EC ")} y`, PEM_BODY],
  ["an encrypted private key", pem("ENCRYPTED "), PEM_BODY],
  ["a private key without an end", pem("", false), PEM_BODY],
  ["a private key with escaped line ends", pem("RSA ").replaceAll("\n", "\\n"), PEM_BODY],
];

describe("redact takes out", () => {
  test.each(SECRETS)("%s", (_, text, secret) => {
    expect(text).toContain(secret);
    expect(redact(text)).not.toContain(secret);
    expect(redact(`before ${text} after`)).not.toContain(secret);
    // Two unclosed quotes cannot be told from one closed one.
    if (!text.startsWith('password="my')) {
      expect(redact(text + "\n" + text)).not.toContain(secret);
    }
    expect(fieldText(text)).not.toContain(secret);
  });

  test("every row has a case, and its needs stand in whatever it matches", () => {
    for (const row of SECRET_TABLE) {
      const matched = SECRETS.filter(([, text]) => text.search(row.pattern) >= 0);
      expect(matched.length, row.what).toBeGreaterThan(0);
      for (const [, text] of matched)
        expect(
          row.needs.some((needed) => text.toLowerCase().includes(needed)),
          text,
        ).toBe(true);
    }
  });

  test.each(SECRET_WORDS)("the word %s", (word) => {
    expect(redact(`x_${word}=CANARY`)).toBe(`x_${word}=[secret]`);
    expect(redact(`{"${word.toUpperCase()}": "CANARY"}`)).not.toContain("CANARY");
    expect(isSecretField(`x-${word}`)).toBe(true);
  });
});

describe("redact leaves alone", () => {
  test.each([
    "connect ECONNREFUSED 10.0.0.5:9000",
    "the bearer token is missing",
    "Basic authentication is not accepted",
    "no grant for caller core-banking, tenant retail, model churn, version v2",
    "task-force-management",
    "urn:ietf:params:oauth",
    "system:serviceaccount:prod:scorer",
    "01J9ZK3V7Q8W2X4Y6Z8A0B2C4D",
    "4bf92f3577b34da6a3ce929d0e0e4736",
    "spiffe://bank.example/ns/prod/sa/scorer",
    "Error: boom\n    at decide (file:///srv/gateway.ts:10:5)",
    "key rotation is due",
  ])("%s", (text) => {
    expect(redact(text)).toBe(text);
  });
});

test("a text over the limit is cut before a word, never inside a secret", () => {
  const filler = "a ".repeat(REDACTION_LIMIT_CHARS / 2 - 6);
  expect(redact(`${filler}${JWT}`)).not.toContain("eyJ");
  expect(redact("x".repeat(REDACTION_LIMIT_CHARS + 1))).toBe(" [cut]");
});

describe("time grows with the length of the text and no faster", () => {
  const pieces = [
    "eyJ",
    "eyJa.",
    "ewaaaaaaaaaa.",
    "a@",
    "@",
    "a.",
    "%40",
    "%",
    "password",
    "password=",
    'password="',
    "password='",
    "token_",
    "bearer ",
    "basic",
    "://",
    "://a@",
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN ",
    "-----END ",
    "sk-",
    "pck_",
    "AKIA",
    "cookie",
    "cookie:",
    "cookie\\\\\\",
    "?key=",
    "&",
    "x",
    " ",
    "\\",
    '\\"',
    "ey",
    "ew-",
    'secret\\\\\\"   ',
    "xoxb-",
    "é",
    "a.b@c.",
  ];
  // Beyond the limit of `redact`, where a quadratic pattern takes many seconds and a linear one milliseconds.
  const LENGTH = 131_072;
  const isQuick = (piece: string): boolean => {
    const started = performance.now();
    let text = piece.repeat(Math.floor(LENGTH / piece.length));
    for (const { pattern, replacement } of SECRET_TABLE) text = text.replace(pattern, replacement);
    return performance.now() - started < 700;
  };
  test.each(pieces)("%j again and again", (piece) => {
    expect(isQuick(piece)).toBe(true);
  });

  test("pieces in any mixture", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 6 }), (parts) =>
        isQuick(parts.join("")),
      ),
      { numRuns: 100 },
    );
  });

  test("and a quadratic pattern would be found out", () => {
    const row = { pattern: /eyJ[\w-]+\./g, text: "eyJ".repeat(Math.floor(LENGTH / 5)) };
    const started = performance.now();
    row.text.replace(row.pattern, "");
    expect(performance.now() - started).toBeGreaterThan(700);
  });
});

describe("fields", () => {
  test.each([
    "password",
    "Authorization",
    "proxy-authorization",
    "x-api-key",
    "apiKey",
    "client_secret",
    "refresh_token",
    "Set-Cookie",
    "privateKey",
    "JWT_SECRET_KEY",
    "db.password",
    "session_id",
    "credentials",
    "x-amz-security-token",
  ])("%s is secret", (name) => {
    expect(isSecretField(name)).toBe(true);
  });

  test.each(["path", "route", "key_id", "tokens_left", "status", "public_key", "subject"])(
    "%s is not",
    (name) => {
      expect(isSecretField(name)).toBe(false);
    },
  );

  test("objects come out redacted at every depth, whatever they are made of", () => {
    const cycle: Record<string, unknown> = { note: "mail jane@bank.example" };
    cycle["self"] = cycle;
    const safe = redactFields({
      password: "CANARY",
      nested: {
        list: [{ apiKey: "CANARY" }, "Bearer CANARY1"],
        map: new Map([["token", "CANARY"]]),
      },
      error: new Error("failed with password=CANARY", { cause: new Error("sk-CANARYCANARY") }),
      bytes: Buffer.from("CANARY"),
      set: new Set(["pck_CANARY"]),
      when: new Date(0),
      big: 10n,
      fn: () => "CANARY",
      cycle,
      pck_CANARY: "a secret as a name",
      ["__proto__"]: { polluted: true },
      ids: Array.from({ length: 1000 }, () => 1),
    });
    const text = JSON.stringify(safe);
    expect(text).not.toContain("CANARY");
    expect(text).not.toContain("jane");
    expect(safe["when"]).toBe("1970-01-01T00:00:00.000Z");
    expect(safe["big"]).toBe("10");
    expect((safe["ids"] as unknown[]).length).toBe(100);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});
