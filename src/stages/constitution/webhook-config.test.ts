/** What an operator may say about partners, and why a signature without a time is none. */
import { describe, expect, test } from "vitest";
import { routeWebhookSchema, webhooksSchema } from "./webhook-config.ts";

type Members = Record<string, unknown>;
const PARTNER = { scheme: "id.timestamp.body", secrets: ["env:ACME"] };

const problems = (changes: Members) =>
  webhooksSchema
    .safeParse({ partners: { acme: { ...PARTNER, ...changes } } })
    .error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) ?? [];

describe("the webhooks section", () => {
  test("the defaults", () => {
    expect(webhooksSchema.parse({ partners: { acme: PARTNER } })).toEqual({
      partners: {
        acme: {
          scheme: "id.timestamp.body",
          algorithm: "hmac-sha256",
          secrets: [{ kind: "env", name: "ACME" }],
          signatureHeader: "webhook-signature",
          tolerance: 300_000,
        },
      },
    });
    expect(webhooksSchema.parse({})).toEqual({ partners: {} });
    expect(routeWebhookSchema.parse("acme")).toBe("acme");
  });

  test.each<[string, Members]>([
    ["Ed25519", { algorithm: "ed25519", secrets: undefined, keys: ["file:acme.pem"] }],
    ["one header", { scheme: "timestamp.body", signatureHeader: "stripe-signature" }],
    ["three headers of their own", { signatureHeader: "a", timestampHeader: "b", idHeader: "c" }],
    ["two secrets", { secrets: ["env:OLD", "vault:secret/acme#new"] }],
  ])("%s is accepted", (_, changes) => {
    expect(problems(changes)).toEqual([]);
  });

  test.each<[string, Members, string]>([
    ["a signature over the body alone", { scheme: "body" }, "could be replayed for ever"],
    ["no scheme", { scheme: undefined }, "acme.scheme: "],
    ["an algorithm of last century", { algorithm: "hmac-sha1" }, "acme.algorithm: "],
    ["no secrets", { secrets: undefined }, "acme.secrets: hmac-sha256 needs secrets"],
    ["an empty list of secrets", { secrets: [] }, "acme.secrets: "],
    ["five secrets", { secrets: Array(5).fill("env:A") }, "acme.secrets: "],
    ["secrets for Ed25519", { algorithm: "ed25519", keys: ["file:a"] }, "does not use secrets"],
    ["keys for HMAC", { keys: ["file:a"] }, "acme.keys: hmac-sha256 does not use keys"],
    ["no keys", { algorithm: "ed25519", secrets: undefined }, "acme.keys: ed25519 needs keys"],
    ["a header in capitals", { signatureHeader: "X-Signature" }, "acme.signatureHeader: "],
    ["a header with an underscore", { idHeader: "x_id" }, "acme.idHeader: "],
    ["the credential's header", { signatureHeader: "authorization" }, "meaning of its own"],
    ["one header for two things", { idHeader: "webhook-signature" }, "are the same"],
    ["a default's header for another thing", { signatureHeader: "webhook-id" }, "are the same"],
    [
      "an id in one header",
      { scheme: "timestamp.body", idHeader: "x-id" },
      "acme.idHeader: timestamp.body has all in one header",
    ],
    ["a tolerance of a day", { tolerance: "24h" }, "acme.tolerance: "],
    ["a tolerance of nothing", { tolerance: "0s" }, "acme.tolerance: "],
    ["a time without its unit", { tolerance: 300 }, "acme.tolerance: "],
    ["an unknown key", { secret: "env:A" }, "acme: "],
  ])("%s is refused", (_, changes, what) => {
    expect(problems(changes).join("\n")).toContain(what);
  });

  test("a secret in the place of its reference is not repeated", () => {
    const found = problems({ secrets: ["whsec_hunter2hunter2hunter2"] });
    expect(found[0]).toContain("partners.acme.secrets.0: ");
    expect(found.join()).not.toContain("hunter2");
  });
});
