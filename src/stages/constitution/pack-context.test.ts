/** Facts to fields: what the gateway proved, what an edge says, and what nobody knows. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ANONYMOUS,
  contextOf,
  identityOf,
  NOON_MS,
  peerOf,
  routeOf,
  type ContextInput,
} from "../../../test/support/context.ts";
import { FIELD_NAMES, SLOTS, type FieldName, type FieldValues } from "../../packs/fields.ts";
import { rejection } from "../../pipeline/rejection.ts";
import type { Peer, PeerCertificate } from "../../pipeline/request-context.ts";
import type { EdgeFacts } from "./edge-facts.ts";
import { sightsOf, type Sight } from "./pack-context.ts";
import type { Told } from "./told.ts";

const NOTHING_TOLD: Told = { edge: undefined, webhook: undefined, isPanic: false };
const LIMITED = { limits: { states: [] } };

function see(input: ContextInput = {}, told: Partial<Told> = {}): Sight {
  return sightsOf(routeOf(input.route))(contextOf(input), { ...NOTHING_TOLD, ...told });
}

const fieldsOf = ({ fields }: Sight): FieldValues =>
  Object.fromEntries(
    FIELD_NAMES.flatMap((name) => {
      const value = fields[SLOTS[name]];
      return value === undefined ? [] : [[name, value]];
    }),
  );

const fieldOf = (name: FieldName, input?: ContextInput, told?: Partial<Told>): unknown =>
  see(input, told).fields[SLOTS[name]];

const CERTIFICATE: PeerCertificate = {
  verified: true,
  subject: "CN=device",
  issuer: "O=Bank, CN=UBL Local CA",
  serial: "01",
  subjectAltNames: [],
  thumbprintSha256: "thumbprint",
  chain: [],
  expiresAtMs: NOON_MS + 1,
};

const tlsPeer = (certificate?: Partial<PeerCertificate>, version = "TLSv1.3"): Peer =>
  peerOf({
    tls: { version, cipher: "TLS_AES_256_GCM_SHA384" },
    ...(certificate && { certificate: { ...CERTIFICATE, ...certificate } }),
  });

const edgeOf = (facts: Omit<EdgeFacts, "unreadable"> = {}): EdgeFacts => ({
  ...facts,
  unreadable: [],
});

describe("a request on a plain connection, of nobody", () => {
  test("has what its head says, and nothing else", () => {
    expect(fieldsOf(see())).toEqual({
      "context.req.path": "/churn/v2/predict",
      "context.req.method": "POST",
      "context.req.model": "churn",
      "context.req.version": "v2",
      "system.panic_mode": false,
    });
  });

  test("on a route without model and version has neither", () => {
    const fields = fieldsOf(see({ route: { model: undefined, version: undefined } }));
    expect(fields).not.toHaveProperty("context.req.model");
    expect(fields).not.toHaveProperty("context.req.version");
  });
});

describe("each field", () => {
  interface Row {
    readonly name: string;
    readonly field: FieldName;
    readonly input: ContextInput;
    readonly told?: Partial<Told>;
    readonly is: unknown;
  }
  const rows: readonly Row[] = [
    {
      name: "TLS 1.3 is a number",
      field: "context.transport.tls_version",
      input: { peer: tlsPeer() },
      is: 1.3,
    },
    {
      name: "TLS 1.2 is a number",
      field: "context.transport.tls_version",
      input: { peer: tlsPeer(undefined, "TLSv1.2") },
      is: 1.2,
    },
    {
      name: "a version of TLS that nobody knows is absent",
      field: "context.transport.tls_version",
      input: { peer: tlsPeer(undefined, "constructor") },
      is: undefined,
    },
    {
      name: "TLS without a certificate is not mutual",
      field: "context.mtls.verified",
      input: { peer: tlsPeer() },
      is: false,
    },
    {
      name: "a certificate that verified is",
      field: "context.mtls.verified",
      input: { peer: tlsPeer({}) },
      is: true,
    },
    {
      name: "one that did not verify is not",
      field: "context.mtls.verified",
      input: { peer: tlsPeer({ verified: false }) },
      is: false,
    },
    {
      name: "one that expired on the open connection is not",
      field: "context.mtls.verified",
      input: { peer: tlsPeer({ expiresAtMs: NOON_MS }) },
      is: false,
    },
    {
      name: "the issuer is its common name",
      field: "context.mtls.issuer",
      input: { peer: tlsPeer({}) },
      is: "UBL Local CA",
    },
    {
      name: "the issuer of a certificate that did not verify is anyone's word",
      field: "context.mtls.issuer",
      input: { peer: tlsPeer({ verified: false }) },
      is: undefined,
    },
    {
      name: "an issuer without a common name is absent",
      field: "context.mtls.issuer",
      input: { peer: tlsPeer({ issuer: "O=Bank" }) },
      is: undefined,
    },
    {
      name: "the method is the credential's",
      field: "context.auth.method",
      input: { identity: identityOf({ method: "api_key" }) },
      is: "api_key",
    },
    {
      name: "or how the person proved who they are to the issuer",
      field: "context.auth.method",
      input: { identity: identityOf({ authMethod: "webauthn" }) },
      is: "webauthn",
    },
    {
      name: "the anonymous are called so",
      field: "context.auth.method",
      input: { identity: ANONYMOUS },
      is: "anonymous",
    },
    {
      name: "the relying party, where the issuer says it",
      field: "context.auth.rp_id",
      input: { identity: identityOf({ rpId: "app.example" }) },
      is: "app.example",
    },
    {
      name: "an empty relying party is absent",
      field: "context.auth.rp_id",
      input: { identity: identityOf({ rpId: "" }) },
      is: undefined,
    },
    {
      name: "the user is the subject",
      field: "context.user.id",
      input: { identity: identityOf({ subject: "alice" }) },
      is: "alice",
    },
    {
      name: "the program is the caller",
      field: "context.client_id",
      input: { identity: identityOf({ caller: "crm" }) },
      is: "crm",
    },
    {
      name: "the tenant",
      field: "context.tenant",
      input: { identity: identityOf({ tenant: "retail" }) },
      is: "retail",
    },
    {
      name: "no tenant is absent",
      field: "context.tenant",
      input: { identity: identityOf({ tenant: undefined }) },
      is: undefined,
    },
    {
      name: "groups of somebody known who has none are an empty list",
      field: "context.user.groups",
      input: { identity: identityOf() },
      is: new Set(),
    },
    {
      name: "groups of nobody are absent",
      field: "context.user.groups",
      input: { identity: ANONYMOUS },
      is: undefined,
    },
    {
      name: "scopes",
      field: "context.scopes",
      input: { identity: identityOf({ scopes: ["a", "b"] }) },
      is: new Set(["a", "b"]),
    },
    {
      name: "limits that let it pass",
      field: "context.rate.ok",
      input: { facts: LIMITED },
      is: true,
    },
    {
      name: "limits that left their refusal",
      field: "context.rate.ok",
      input: { facts: { limits: { states: [], refusal: rejection("limits.bucket_empty") } } },
      is: false,
    },
    { name: "limits that judged nothing", field: "context.rate.ok", input: {}, is: undefined },
    {
      name: "a token of an old issuer",
      field: "context.legacy_jwt.valid",
      input: { identity: identityOf({ isLegacy: true }) },
      is: true,
    },
    {
      name: "a token of any other",
      field: "context.legacy_jwt.valid",
      input: { identity: identityOf() },
      is: false,
    },
    {
      name: "no token at all",
      field: "context.legacy_jwt.valid",
      input: { identity: ANONYMOUS },
      is: undefined,
    },
    {
      name: "when the old token ends, in seconds",
      field: "context.legacy_jwt.expires_at",
      input: { identity: identityOf({ isLegacy: true, expiresAtMs: 1_700_000_000_000 }) },
      is: 1_700_000_000,
    },
    {
      name: "when any other ends is no concern",
      field: "context.legacy_jwt.expires_at",
      input: { identity: identityOf({ expiresAtMs: 1_700_000_000_000 }) },
      is: undefined,
    },
    {
      name: "the origin",
      field: "context.origin",
      input: { headers: { origin: "https://app.example" } },
      is: "https://app.example",
    },
    {
      name: "an empty origin is absent",
      field: "context.origin",
      input: { headers: { origin: "" } },
      is: undefined,
    },
    {
      name: "a signature that holds",
      field: "context.webhook.verified",
      input: {},
      told: { webhook: "verified" },
      is: true,
    },
    {
      name: "a signature that does not",
      field: "context.webhook.verified",
      input: {},
      told: { webhook: "refused" },
      is: false,
    },
    {
      name: "no signature",
      field: "context.webhook.verified",
      input: {},
      told: { webhook: "unsigned" },
      is: undefined,
    },
    {
      name: "break-glass of this gateway",
      field: "system.panic_mode",
      input: {},
      told: { isPanic: true },
      is: true,
    },
    {
      name: "break-glass of an edge",
      field: "system.panic_mode",
      input: {},
      told: { edge: edgeOf({ isPanic: true }) },
      is: true,
    },
    {
      name: "an edge cannot end this gateway's",
      field: "system.panic_mode",
      input: {},
      told: { isPanic: true, edge: edgeOf({ isPanic: false }) },
      is: true,
    },
  ];

  test.each(rows)("$field: $name", ({ field, input, told, is }) => {
    expect(fieldOf(field, input, told)).toEqual(is);
  });

  test("the path is canonical, and never the template", () => {
    const route = { template: "/core/**" };
    expect(fieldOf("context.req.path", { route, path: "/core/accounts/7" })).toBe(
      "/core/accounts/7",
    );
  });
});

describe("through an edge", () => {
  const told = {
    edge: edgeOf({
      tlsVersion: 1.2,
      mtlsVerified: true,
      mtlsIssuer: "Cloudflare Edge",
      webhookVerified: true,
      userId: "alice@example.bank",
      groups: new Set(["ubl-ops"]),
      authMethod: "access-passkey",
      rpId: "app.example",
    }),
  };

  test("the anonymous have what the edge says of them", () => {
    const fields = fieldsOf(see({ identity: ANONYMOUS, peer: tlsPeer({}) }, told));
    expect(fields).toMatchObject({
      "context.transport.tls_version": 1.2,
      "context.mtls.verified": true,
      "context.mtls.issuer": "Cloudflare Edge",
      "context.webhook.verified": true,
      "context.user.id": "alice@example.bank",
      "context.user.groups": new Set(["ubl-ops"]),
      "context.auth.method": "access-passkey",
      "context.auth.rp_id": "app.example",
    });
    expect(fields).not.toHaveProperty("context.client_id");
  });

  test("the edge's own certificate and connection are nobody's behind it", () => {
    const fields = fieldsOf(see({ peer: tlsPeer({}) }, { edge: edgeOf() }));
    for (const field of ["transport.tls_version", "mtls.verified", "mtls.issuer"])
      expect(fields).not.toHaveProperty(`context.${field}`);
  });

  test("an edge that calls with its certificate alone is not the user it calls for", () => {
    const identity = identityOf({ method: "mtls", subject: "DNS:edge", groups: ["ubl-ops"] });
    const alone = fieldsOf(see({ identity, peer: tlsPeer({}) }, { edge: edgeOf() }));
    for (const field of ["user.id", "user.groups", "auth.method"])
      expect(alone).not.toHaveProperty(`context.${field}`);
    const named = fieldsOf(see({ identity, peer: tlsPeer({}) }, told));
    expect(named["context.user.id"]).toBe("alice@example.bank");
    expect(named["context.client_id"]).toBe("core-banking");
  });

  test("a user without a stated method is not called anonymous", () => {
    const edge = edgeOf({ userId: "alice@example.bank" });
    expect(fieldOf("context.auth.method", { identity: ANONYMOUS }, { edge })).toBeUndefined();
  });

  test("a signature that this gateway found false is not made true by the edge", () => {
    expect(fieldOf("context.webhook.verified", {}, { ...told, webhook: "refused" })).toBe(false);
    const unsigned = { ...told, webhook: "unsigned" } as const;
    expect(fieldOf("context.webhook.verified", {}, unsigned)).toBeUndefined();
  });

  test("users are drawn for a canary by their own name, nobody by the edge's", () => {
    expect(see({ identity: ANONYMOUS }, told).key).toBe("edge:alice@example.bank");
    expect(see({ identity: ANONYMOUS }, { edge: edgeOf() }).key).toBe("");
    expect(see({ identity: identityOf() }, told).key).toBe("jwt:bank:core-banking");
  });
});

describe("whoever the gateway has identified", () => {
  const text = fc.string({ minLength: 1, maxLength: 12 });
  const names = fc.array(text, { maxLength: 4 });
  const edges = fc
    .record(
      {
        tlsVersion: fc.constantFrom(1.2, 1.3),
        mtlsVerified: fc.boolean(),
        mtlsIssuer: text,
        webhookVerified: fc.boolean(),
        userId: text,
        groups: names.map((list) => new Set(list)),
        authMethod: text,
        rpId: text,
        isPanic: fc.boolean(),
      },
      { requiredKeys: [] },
    )
    .map(edgeOf);
  const identities = fc
    .record({
      method: fc.constantFrom("jwt" as const, "api_key" as const),
      subject: text,
      caller: text,
      tenant: fc.option(text, { nil: undefined }),
      groups: names,
      scopes: names,
      authMethod: fc.option(text, { nil: undefined }),
      rpId: fc.option(text, { nil: undefined }),
      expiresAtMs: fc.option(fc.nat(), { nil: undefined }),
    })
    .map(identityOf);
  /** What an edge knows better than the gateway, or alone. */
  const TOLD = new Set<FieldName>([
    "context.transport.tls_version",
    "context.mtls.verified",
    "context.mtls.issuer",
    "context.webhook.verified",
    "system.panic_mode",
  ]);

  test("is never changed by what an edge says", () => {
    fc.assert(
      fc.property(
        identities,
        edges,
        fc.constantFrom("verified", "refused"),
        (identity, edge, webhook) => {
          const alone = see({ identity, facts: LIMITED }, { webhook });
          const through = see({ identity, facts: LIMITED }, { webhook, edge });
          for (const name of FIELD_NAMES)
            if (!TOLD.has(name) || name === "context.webhook.verified")
              expect(through.fields[SLOTS[name]], name).toEqual(alone.fields[SLOTS[name]]);
          expect(through.key).toBe(alone.key);
          expect(through.groups).toBe(alone.groups);
        },
      ),
    );
  });

  test("has no empty text for what its issuer left empty", () => {
    const empty = { subject: "", caller: "", tenant: "", rpId: "" };
    const fields = fieldsOf(see({ identity: identityOf(empty), facts: LIMITED }));
    expect(Object.values(fields)).not.toContain("");
  });
});

describe("what is seen", () => {
  const seenOf = (input: ContextInput, told?: Partial<Told>) => see(input, told).seen;

  test("of most requests is that they are within their limits, in one object for all of them", () => {
    const first = seenOf({ identity: identityOf(), facts: LIMITED });
    expect(first).toEqual({ "rate.ok": true });
    expect(seenOf({ identity: identityOf({ caller: "other" }), facts: LIMITED })).toBe(first);
    expect(seenOf({ identity: ANONYMOUS, facts: LIMITED })).toBe(first);
  });

  test("of one identity is one object", () => {
    const identity = identityOf({ authMethod: "webauthn", rpId: "app.example" });
    const first = seenOf({ identity, facts: LIMITED });
    expect(first).toEqual({
      "auth.method": "webauthn",
      "auth.rp_id": "app.example",
      "rate.ok": true,
    });
    expect(seenOf({ identity, facts: LIMITED })).toBe(first);
    expect(seenOf({ identity })).toEqual({
      "auth.method": "webauthn",
      "auth.rp_id": "app.example",
    });
  });

  const rows: readonly [name: string, seen: object, input: ContextInput, told?: Partial<Told>][] = [
    ["unjudged limits", {}, {}],
    [
      "a refusal with its code",
      { "rate.ok": false, "rate.code": "limits.quota_exhausted" },
      { facts: { limits: { states: [], refusal: rejection("limits.quota_exhausted") } } },
    ],
    [
      "an old token",
      { "legacy_jwt.valid": true, "legacy_jwt.expires_at": 5 },
      { identity: identityOf({ isLegacy: true, expiresAtMs: 5_000 }) },
    ],
    ["an origin", { origin: "https://a.example" }, { headers: { origin: "https://a.example" } }],
    [
      "an origin that is too long to be written",
      { origin: "" },
      { headers: { origin: `https://${"a".repeat(300)}.example` } },
    ],
    [
      "a certificate that expired on the open connection",
      { "mtls.verified": false },
      { peer: tlsPeer({ expiresAtMs: NOON_MS }) },
    ],
    ["a good delivery", { "webhook.verified": true }, {}, { webhook: "verified" }],
    ["an unsigned delivery", { "webhook.signed": false }, {}, { webhook: "unsigned" }],
    [
      "an edge's word",
      {
        edge: true,
        "edge.decision": "deny",
        "edge.pack": "p@1",
        "transport.tls_version": 1.3,
        "mtls.verified": false,
        "user.id": "alice@example.bank",
        "user.groups": ["ops"],
      },
      { identity: ANONYMOUS, peer: tlsPeer({}) },
      {
        edge: edgeOf({
          tlsVersion: 1.3,
          mtlsVerified: false,
          userId: "alice@example.bank",
          groups: new Set(["ops"]),
          decision: "deny",
          pack: "p@1",
        }),
      },
    ],
    [
      "of an edge's word nothing that did not count",
      { edge: true },
      { identity: identityOf() },
      { edge: edgeOf({ userId: "alice@example.bank", groups: new Set(["ops"]) }) },
    ],
  ];

  test.each(rows)("%s", (_name, seen, input, told) => {
    expect(seenOf(input, told)).toEqual(seen);
  });

  test("never is the path", () => {
    const route = { template: "/people/{id:string}" };
    const seen = seenOf({ route, path: "/people/alice", headers: { origin: "https://a.example" } });
    expect(JSON.stringify(seen)).not.toContain("alice");
  });
});
