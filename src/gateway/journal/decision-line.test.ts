import { describe, expect, test } from "vitest";
import {
  ANONYMOUS,
  contextOf,
  identityOf,
  peerOf,
  type ContextInput,
} from "../../../test/support/context.ts";
import { verifyCommitment } from "../../ledger/commitment.ts";
import type { Salt } from "../../ledger/salts.ts";
import type { Resolution } from "../../pipeline/journal.ts";
import { DecisionLines, type LineSettings } from "./decision-line.ts";

const CONFIG = `b3:${"0".repeat(64)}`;
const SALTS = new Map<string, Salt>();

/** A salt for each subject, the same each time, as the store gives them. */
function saltOf(subject: string): Salt {
  const salt = SALTS.get(subject) ?? {
    id: `salt-${SALTS.size}`,
    bytes: Buffer.alloc(32, SALTS.size + 1),
  };
  SALTS.set(subject, salt);
  return salt;
}

const linesWith = (settings: Partial<LineSettings> = {}): DecisionLines =>
  new DecisionLines({
    config: CONFIG,
    isHashed: false,
    isCommitted: true,
    addresses: "truncated",
    salts: { saltOf },
    ...settings,
  });

function resolutionOf(input: ContextInput = {}, rest: Partial<Resolution> = {}): Resolution {
  return {
    context: contextOf(input),
    decision: "allow",
    status: 200,
    stage: "upstream",
    code: "ok",
    latencyMs: 1.25,
    upstreamMs: 1,
    shadows: [],
    broken: [],
    body: Buffer.from("answer"),
    ...rest,
  };
}

type Line = Record<string, unknown> & { facts: Record<string, unknown> };
const parsed = (members: string): Line => JSON.parse(`{${members}}`) as Line;

describe("a decision's line", () => {
  test("says who asked what, what was decided by which configuration, and what for", () => {
    const identity = identityOf({
      subject: "alice@example.bank",
      scopes: ["predict:churn", "secret:list"],
      roles: ["scorer"],
    });
    const line = parsed(
      linesWith().decision(
        resolutionOf({
          identity,
          body: "question",
          facts: {
            identity,
            authorization: { grant: "core-banking-predicts" },
            "kill-switch": { status: "deprecated" },
            limits: {
              states: [{ name: "bucket", limit: 50, remaining: 49, resetSeconds: 1 }],
            },
          },
          headers: { "content-type": "application/json", authorization: "Bearer CANARY" },
        }),
      ),
    );
    expect(line).toMatchObject({
      kind: "decision",
      request_id: "req-1",
      trace_id: "0af7651916cd43dd8448eb211c80319c",
      who: {
        method: "jwt",
        caller: "core-banking",
        subject: "alice@example.bank",
        tenant: "retail",
        key: "jwt:bank:core-banking",
      },
      method: "POST",
      path: "/churn/v2/predict",
      route: "churn.v2.predict",
      model: "churn",
      version: "v2",
      decision: "allow",
      status: 200,
      stage: "upstream",
      code: "ok",
      config: CONFIG,
      facts: {
        address: "192.0.2.0/24",
        content_type: "application/json",
        content_length: 8,
        scopes: ["predict:churn", "secret:list"],
        roles: ["scorer"],
        standing: "deprecated",
        grant: "core-banking-predicts",
      },
      limits: [{ name: "bucket", limit: 50, remaining: 49, reset_s: 1 }],
      upstream: { name: "churn-v2", attempts: 1, us: 1000 },
      latency_us: 1250,
      commitments: { request_bytes: 8, response_bytes: 6 },
    });
  });

  test("commits to the exact bodies under the subject's salt, and holds neither", () => {
    const identity = identityOf({ subject: "bob" });
    const members = linesWith().decision(
      resolutionOf({ identity, body: "PROMPT" }, { body: Buffer.from("COMPLETION") }),
    );
    const { commitments } = parsed(members) as unknown as {
      commitments: { salt: string; request: string; response: string };
    };
    const salt = saltOf("https://idp.example.bank bob");
    expect(commitments.salt).toBe(salt.id);
    expect(verifyCommitment(salt, Buffer.from("PROMPT"), commitments.request)).toBe(true);
    expect(verifyCommitment(salt, Buffer.from("COMPLETION"), commitments.response)).toBe(true);
    expect(members).not.toMatch(/PROMPT|COMPLETION/);
  });

  test.each([
    ["nobody known", {}, { method: "none" }],
    ["anonymous, and no address inside", { identity: ANONYMOUS }, { method: "anonymous" }],
  ])("who: %s", (_name, input, who) => {
    expect(parsed(linesWith().decision(resolutionOf(input)))["who"]).toEqual(who);
  });

  test("hashed: no name stands in clear, one person has one name, two have two", () => {
    const lines = linesWith({ isHashed: true });
    const whoOf = (subject: string): Record<string, string> =>
      parsed(lines.decision(resolutionOf({ identity: identityOf({ caller: "acme", subject }) })))[
        "who"
      ] as Record<string, string>;
    const [first, again, other] = [whoOf("carol"), whoOf("carol"), whoOf("dave")];
    expect(again).toEqual(first);
    expect(other["subject"]).not.toBe(first["subject"]);
    for (const name of ["caller", "subject", "key", "credential"])
      expect(first[name]).toMatch(/^h:[0-9a-f]{32}$/);
  });

  test("a refusal before the upstream has no upstream and commits to nothing", () => {
    const line = parsed(
      linesWith().decision(
        resolutionOf(
          { identity: identityOf(), body: "x" },
          {
            decision: "deny",
            status: 403,
            stage: "authorization",
            code: "authorization.no_grant",
            upstreamMs: undefined,
          },
        ),
      ),
    );
    expect(line).toMatchObject({ decision: "deny", code: "authorization.no_grant" });
    expect(line).not.toHaveProperty("upstream");
    expect(line).not.toHaveProperty("commitments");
  });

  test.each([
    ["truncated", "198.51.100.77", "198.51.100.0/24"],
    ["truncated", "2001:db8:1:2::3", "2001:db8:1::/48"],
    ["full", "198.51.100.77", "198.51.100.77"],
    ["none", "198.51.100.77", undefined],
  ] as const)("address %s: %s is written as %s", (addresses, callerAddress, written) => {
    const line = parsed(linesWith({ addresses }).decision(resolutionOf({ callerAddress })));
    expect(line.facts["address"]).toBe(written);
  });

  test("a certificate is named by its thumbprint, subject and issuer", () => {
    const peer = peerOf({
      tls: { version: "TLSv1.3", cipher: "x" },
      certificate: {
        verified: true,
        subject: "CN=core",
        issuer: "CN=ca",
        serial: "1",
        subjectAltNames: [],
        thumbprintSha256: "dGh1bWI",
        chain: [],
        expiresAtMs: 0,
      },
    });
    expect(parsed(linesWith().decision(resolutionOf({ peer }))).facts).toMatchObject({
      tls: "TLSv1.3",
      mtls: { verified: true, subject: "CN=core", issuer: "CN=ca", "x5t#S256": "dGh1bWI" },
    });
  });

  test("what callers choose can neither break out of the line nor put a secret into it", () => {
    const hostile = 'a"},"kind":"pack","x":{"\n\u2028';
    const members = linesWith().decision(
      resolutionOf(
        {
          requestId: hostile,
          method: hostile,
          identity: identityOf({
            caller: hostile,
            subject: "sk-live-CANARYCANARY",
            scopes: [hostile],
          }),
          headers: { "content-type": `${hostile} password=CANARY` },
        },
        {
          shadows: [{ stage: "limits", code: "limits.bucket_empty" }],
          broken: [{ stage: "waf", cause: `Bearer CANARYCANARY ${hostile}` }],
        },
      ),
    );
    expect(members).not.toContain("CANARY");
    expect(members).not.toMatch(/[\n\u2028]/);
    const line = parsed(members);
    expect(line["kind"]).toBe("decision");
    expect(line["shadows"]).toEqual([{ stage: "limits", code: "limits.bucket_empty" }]);
  });

  test("strict: a beginning, and later its outcome by the request's id", () => {
    const lines = linesWith();
    const resolution = resolutionOf({ identity: identityOf(), body: "q" });
    expect(parsed(lines.begun(resolution.context))).toMatchObject({
      kind: "decision",
      decision: "allow",
      status: null,
      code: null,
    });
    expect(parsed(lines.outcome(resolution))).toMatchObject({
      kind: "outcome",
      of: "req-1",
      status: 200,
      commitments: { request_bytes: 1 },
    });
  });

  test("what a request cost, as far as it is known, and that it was decided without the store", () => {
    const lines = linesWith();
    const costing = (settled: number | undefined) =>
      resolutionOf({
        identity: identityOf(),
        facts: { limits: { states: [], degraded: "share", cost: { reserved: 9, settled } } },
      });
    const known = { limits_degraded: "share", cost: { reserved: 9, settled: 4 } };
    expect(parsed(lines.decision(costing(4)))).toMatchObject(known);
    expect(parsed(lines.decision(costing(undefined)))["cost"]).toEqual({ reserved: 9 });
    expect(parsed(lines.begun(costing(undefined).context))["cost"]).toEqual({ reserved: 9 });
    expect(parsed(lines.outcome(costing(4)))["cost"]).toEqual(known.cost);
    expect(parsed(lines.outcome(costing(undefined)))["cost"]).toBeUndefined();
    const plain = parsed(lines.decision(resolutionOf({ identity: identityOf() })));
    expect(Object.keys(plain)).not.toContain("cost");
    expect(Object.keys(plain)).not.toContain("limits_degraded");
  });
});
