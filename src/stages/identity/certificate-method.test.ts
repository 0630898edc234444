/** Callers with a certificate and nothing else, and tokens that are bound to one. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  contextOf,
  FrozenClock,
  peerOf,
  type RequestInput,
} from "../../../test/support/context.ts";
import type { PeerCertificate } from "../../pipeline/request-context.ts";
import type { Decision } from "../../pipeline/stage.ts";
import {
  cleanUp,
  type Members,
  prepareStage,
  SHARED_BANK,
  sharedToken,
} from "./identity-harness.test-support.ts";

const HOUR_MS = 3_600_000;

let clock: FrozenClock;
beforeEach(() => {
  clock = new FrozenClock();
});
afterEach(cleanUp);

/** Decides one request. */
async function prepared(section: Members = {}) {
  const stage = await prepareStage({
    section: { issuers: { bank: SHARED_BANK }, ...section },
    tools: { clock, environment: "production" },
  });
  return (input: RequestInput): Decision => {
    const context = contextOf(input);
    const decision = stage.bind(context.route)?.onHead?.(context);
    if (decision === undefined || decision instanceof Promise) expect.fail("not synchronous");
    return decision;
  };
}
const tokenOf = (claims?: Members, header?: Members) => sharedToken(clock.nowMs(), claims, header);

const bearer = (credential: string): RequestInput => ({
  headers: { authorization: `Bearer ${credential}` },
});

describe("a certificate", () => {
  const SPIFFE = "URI:spiffe://example.bank/batch";
  const certificates = [
    { san: SPIFFE, caller: "batch", tenant: "retail", scopes: ["predict:churn"] },
    { san: "DNS:other.example", caller: "other" },
  ];
  const certificateOf = (changes: Partial<PeerCertificate> = {}): PeerCertificate => ({
    verified: true,
    subject: "CN=batch",
    issuer: "CN=ca",
    serial: "01",
    subjectAltNames: ["DNS:batch.example", SPIFFE],
    thumbprintSha256: "thumb",
    chain: [],
    expiresAtMs: clock.nowMs() + HOUR_MS,
    ...changes,
  });
  const presenting = (certificate: PeerCertificate): RequestInput => ({
    peer: peerOf({ certificate }),
  });

  test("that names a caller is an identity of its own", async () => {
    const decide = await prepared({ certificates });
    const input = presenting(certificateOf());
    const decision = decide(input);
    expect(decision).toMatchObject({
      learned: {
        method: "mtls",
        key: "mtls:batch",
        caller: "batch",
        subject: SPIFFE,
        tenant: "retail",
        credentialId: "thumb",
        scopes: new Set(["predict:churn"]),
      },
    });
    expect(decide(input)).toBe(decision);
  });

  test.each<[string, Partial<PeerCertificate>, string]>([
    ["is not verified", { verified: false }, "identity.credentials_missing"],
    ["names nobody", { subjectAltNames: ["DNS:batch"] }, "identity.credentials_missing"],
    ["has no names", { subjectAltNames: [] }, "identity.credentials_missing"],
    [
      "names a caller in other case",
      { subjectAltNames: ["DNS:OTHER.example"] },
      "identity.credentials_missing",
    ],
    [
      "names two callers",
      { subjectAltNames: [SPIFFE, "DNS:other.example"] },
      "identity.credentials_ambiguous",
    ],
    ["has expired on an open connection", { expiresAtMs: 0 }, "identity.credentials_missing"],
  ])("that %s does not count", async (_, changes, code) => {
    const decide = await prepared({ certificates });
    expect(decide(presenting(certificateOf(changes)))).toMatchObject({ rejection: { code } });
  });

  test("never stands in for a bad token", async () => {
    const decide = await prepared({ certificates });
    const input = { ...presenting(certificateOf()), ...bearer("bad") };
    expect(decide(input)).toMatchObject({ rejection: { code: "identity.token_malformed" } });
  });

  test("that a token is bound to must be the connection's, at every request", async () => {
    const decide = await prepared();
    const token = tokenOf({ cnf: { "x5t#S256": "thumb" } });
    const owner = { ...presenting(certificateOf()), ...bearer(token) };
    expect(decide(owner)).toMatchObject({ verdict: "continue" });
    const thief = presenting(certificateOf({ thumbprintSha256: "other" }));
    for (const input of [bearer(token), { ...thief, ...bearer(token) }])
      expect(decide(input)).toMatchObject({ rejection: { code: "identity.token_invalid" } });
    expect(decide(owner)).toMatchObject({ verdict: "continue" });
  });

  test.each([
    ["a DPoP key", { jkt: "x" }],
    ["a certificate and something else", { "x5t#S256": "thumb", jkt: "x" }],
    ["nothing that can be read", "thumb"],
    ["null", null],
  ])("a token bound to %s is refused", async (_, cnf) => {
    const decide = await prepared();
    const input = { ...presenting(certificateOf()), ...bearer(tokenOf({ cnf })) };
    expect(decide(input)).toMatchObject({ rejection: { code: "identity.token_invalid" } });
  });
});
