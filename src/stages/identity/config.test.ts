import { describe, expect, test } from "vitest";
import { findUnsafeSettings, identityConfig, routeIdentity } from "./config.ts";
import type { Members } from "./identity-harness.test-support.ts";

const BANK = {
  issuer: "https://idp.example.bank/realms/inference",
  audience: ["inference"],
  algorithms: ["ES256", "RS256"],
};

const problems = (section: Members) =>
  identityConfig
    .safeParse(section)
    .error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
const ofBank = (changes: Members) => problems({ issuers: { bank: { ...BANK, ...changes } } });

describe("the identity section", () => {
  test("the defaults are safe and stated", () => {
    const { issuers, ...rest } = identityConfig.parse({ issuers: { bank: BANK }, apiKeys: {} });
    expect(issuers["bank"]).toMatchObject({
      clockSkew: 30_000,
      maxLifetime: 86_400_000,
      typ: ["at+jwt"],
      headerParameters: [],
      singleUse: false,
      allowPrivateNetwork: false,
      allowInsecure: false,
      refresh: { every: 300_000, cooldown: 5_000, staleIfError: 86_400_000, timeout: 5_000 },
      claims: {
        tenant: ["tenant_id", "tenant"],
        caller: ["client_id", "azp"],
        authMethod: [],
        rpId: [],
      },
      legacy: false,
    });
    for (const setting of ["header", "headerFrom", "authMethod", "rpId"])
      expect(issuers["bank"]).not.toHaveProperty(setting);
    expect(rest).toEqual({
      apiKeys: { lifetime: 90 * 86_400_000, rotationGrace: 86_400_000 },
      certificates: [],
      tokenCache: { entries: 10_000, lifetime: 60_000 },
      realm: "portcullis",
    });
    expect(routeIdentity.parse(undefined)).toBe("required");
  });

  test.each<[string, Members]>([
    ["a key set by URL", { jwksUrl: "https://idp.example.bank/jwks" }],
    ["a key set in a file", { jwks: "file:jwks.json", issuer: "anything" }],
    [
      "a shared secret",
      { secret: "env:JWT_SECRET_KEY", algorithms: ["HS256"], issuer: "anything" },
    ],
    ["a discovery document elsewhere", { discovery: "https://other.example/doc", issuer: "urn:x" }],
  ])("keys from %s", (_, changes) => {
    expect(ofBank(changes)).toBeUndefined();
  });

  test.each<[string, Members, string]>([
    ["an unknown key", { algorithm: "ES256" }, "issuers.bank: "],
    ["no audience", { audience: [] }, "issuers.bank.audience: "],
    ["no algorithms", { algorithms: [] }, "issuers.bank.algorithms: "],
    ["algorithm none", { algorithms: ["none"] }, "issuers.bank.algorithms.0: "],
    [
      "two sources of keys",
      { jwks: "file:a", jwksUrl: "https://b.example/" },
      "issuers.bank.jwks: ",
    ],
    ["HS256 without a secret", { algorithms: ["ES256", "HS256"] }, "issuers.bank.algorithms.1: "],
    ["ES256 with a secret", { secret: "env:A" }, "issuers.bank.algorithms.0: "],
    ["an issuer that cannot be discovered", { issuer: "bank" }, "issuers.bank.issuer: "],
    ["an issuer with a query", { issuer: "https://a.example/?b" }, "issuers.bank.issuer: "],
    ["a URL with a password", { jwksUrl: "https://a:b@c.example/" }, "issuers.bank.jwksUrl: "],
    ["a URL of another scheme", { jwksUrl: "ftp://c.example/" }, "issuers.bank.jwksUrl: "],
    ["an authority for nothing", { jwks: "file:a", ca: "file:b" }, "issuers.bank.ca: "],
    [
      "a dangerous header parameter",
      { headerParameters: ["jku"] },
      "issuers.bank.headerParameters.0: ",
    ],
    ["a token header that others read too", { header: "x-api-key" }, "issuers.bank.header: "],
    ["Authorization by name", { header: "authorization" }, "issuers.bank.header: "],
    ["a token header in capitals", { header: "Cf-Access-Jwt-Assertion" }, "issuers.bank.header: "],
    ["a token header that upstreams would see", { header: "x-jwt" }, "issuers.bank.header: "],
    ["whose header, without one", { headerFrom: "anyone" }, "issuers.bank.headerFrom: "],
    [
      "a way of logging in that claims say too",
      { authMethod: "otp", claims: { authMethod: ["amr"] } },
      "issuers.bank.authMethod: ",
    ],
    [
      "a relying party that claims say too",
      { rpId: "a.example", claims: { rpId: ["rp"] } },
      "issuers.bank.rpId: ",
    ],
    ["a way of logging in of two words", { authMethod: "pass key" }, "issuers.bank.authMethod: "],
    ["a skew of ten minutes", { clockSkew: "10m" }, "issuers.bank.clockSkew: "],
    ["a duration without unit", { maxLifetime: 3600 }, "issuers.bank.maxLifetime: "],
  ])("%s is refused where it stands", (_, changes, at) => {
    const found = ofBank(changes);
    expect(found?.length).toBeGreaterThan(0);
    expect(found?.[0]).toContain(at);
  });

  test("two names for one issuer, and one certificate name for two callers, are refused", () => {
    expect(problems({ issuers: { a: BANK, b: BANK } })).toEqual([
      'issuers.b.issuer: the same issuer as "a"',
    ]);
    const entry = { san: "DNS:a.example", caller: "a" };
    expect(problems({ certificates: [entry, entry] })?.[0]).toContain("certificates.1.san: ");
    expect(problems({ certificates: [{ san: "a.example", caller: "a" }] })).toHaveLength(1);
  });

  test("one header counts from one kind of sender, whoever's tokens come in it", () => {
    const header = "cf-access-jwt-assertion";
    const issuers = (headerFrom?: string) => ({
      a: { ...BANK, header },
      b: { ...BANK, issuer: "https://b.example", header, headerFrom },
    });
    expect(problems({ issuers: issuers("edge") })).toBeUndefined();
    expect(problems({ issuers: issuers("anyone") })).toEqual([
      'issuers.b.headerFrom: cf-access-jwt-assertion counts from "edge" already',
    ]);
  });

  test("a secret in the place of its reference is not repeated", () => {
    const found = ofBank({ secret: "hunter2-hunter2-hunter2-hunter2", algorithms: ["HS256"] });
    expect(found?.[0]).toContain("issuers.bank.secret");
    expect(JSON.stringify(found)).not.toContain("hunter2");
  });
});

describe("what must not be in production", () => {
  const unsafe = (section: Members) =>
    findUnsafeSettings(identityConfig.parse(section)).map(({ path }) => path.join("."));

  test.each<[string, Members, string[]]>([
    ["no way to prove an identity", {}, [""]],
    ["an issuer over HTTPS", { issuers: { bank: BANK } }, []],
    ["API keys alone", { apiKeys: {} }, []],
    [
      "an issuer over HTTP",
      { issuers: { bank: { ...BANK, issuer: "http://a.example" } } },
      ["issuers.bank"],
    ],
    [
      "keys over HTTP",
      { issuers: { bank: { ...BANK, jwksUrl: "http://a.example", allowInsecure: true } } },
      ["issuers.bank.allowInsecure", "issuers.bank"],
    ],
    [
      "an HTTP name of an issuer with a secret",
      {
        issuers: { bank: { ...BANK, issuer: "http://a", secret: "env:A", algorithms: ["HS256"] } },
      },
      [],
    ],
  ])("%s", (_, section, paths) => {
    expect(unsafe(section)).toEqual(paths);
  });
});
