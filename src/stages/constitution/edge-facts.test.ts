/** Who is believed about callers, what each field of theirs may say, and what becomes of everything else. */
import { request as httpsRequest } from "node:https";
import * as fc from "fast-check";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  createDevelopmentCa,
  type DevelopmentCa,
  type IssuedCertificate,
} from "../../../test/support/certificates.ts";
import { contextOf, NOON_MS, peerOf, type RequestInput } from "../../../test/support/context.ts";
import { startRecording, type RecordingServer } from "../../../test/support/recording-server.ts";
import type { PackName } from "../../pipeline/facts.ts";
import type { PeerCertificate } from "../../pipeline/request-context.ts";
import { edgeSchema } from "./edge-config.ts";
import { compareEdgeDecision, edgeFacts, prepareEdge, type EdgeFacts } from "./edge-facts.ts";
import { EDGE_FIELDS } from "./edge-fields.ts";

const THUMBPRINT = "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg";
const PEERS = [{ san: "URI:spiffe://bank/edge" }, { thumbprint: THUMBPRINT }];

type Section = Record<string, unknown>;
const settingsOf = (section: Section = {}) =>
  prepareEdge(edgeSchema.parse({ peers: PEERS, panic: true, ...section }));

const certificateOf = (changes: Partial<PeerCertificate> = {}): PeerCertificate => ({
  verified: true,
  subject: "CN=edge",
  issuer: "CN=ca",
  serial: "01",
  subjectAltNames: ["DNS:edge.bank", "URI:spiffe://bank/edge"],
  thumbprintSha256: "another",
  chain: [],
  expiresAtMs: NOON_MS + 1,
  ...changes,
});

/** From the listed edge. */
const edgeContext = (headers: RequestInput["headers"]) =>
  contextOf({ peer: peerOf({ certificate: certificateOf() }), ...(headers && { headers }) });
const told = (headers: RequestInput["headers"], section?: Section): EdgeFacts =>
  edgeFacts(edgeContext(headers), settingsOf(section)) ?? expect.fail("not the edge");

/** What an edge that uses every field says. */
const EVERYTHING = {
  "x-tls-version": "TLSv1.3",
  "x-mtls-verified": "true",
  "x-mtls-issuer": "UBL Local CA",
  "x-webhook-verified": "true",
  "x-panic-mode": "true",
  "cf-access-authenticated-user-email": "olga@example.com",
  "cf-access-groups": "people,operations",
  "x-policy-decision": "allow",
  "x-policy-pack": "churn-access@7",
};

describe("who is believed", () => {
  test("a listed edge is, in everything it says", () => {
    expect(told(EVERYTHING, { authMethod: "access-passkey", rpId: "app.example" })).toEqual({
      tlsVersion: 1.3,
      mtlsVerified: true,
      mtlsIssuer: "UBL Local CA",
      webhookVerified: true,
      isPanic: true,
      userId: "olga@example.com",
      groups: new Set(["people", "operations"]),
      authMethod: "access-passkey",
      rpId: "app.example",
      decision: "allow",
      pack: "churn-access@7",
      unreadable: [],
    });
  });

  test.each<[string, Partial<PeerCertificate>]>([
    ["by one of its names", {}],
    ["by its thumbprint", { subjectAltNames: [], thumbprintSha256: THUMBPRINT }],
  ])("known %s", (_, changes) => {
    const peer = peerOf({ certificate: certificateOf(changes) });
    const facts = edgeFacts(contextOf({ peer, headers: EVERYTHING }), settingsOf());
    expect(facts).toMatchObject({ tlsVersion: 1.3 });
  });

  const STRANGERS: readonly (readonly [string, Partial<PeerCertificate> | undefined])[] = [
    ["no certificate", undefined],
    ["a certificate that was not verified", { verified: false }],
    [
      "the listed thumbprint, not verified",
      { verified: false, thumbprintSha256: THUMBPRINT, verifyError: "self-signed" },
    ],
    ["a certificate that has run out since", { expiresAtMs: NOON_MS }],
    ["no name at all", { subjectAltNames: [] }],
    ["the name under another kind", { subjectAltNames: ["DNS:spiffe://bank/edge"] }],
    ["a longer name", { subjectAltNames: ["URI:spiffe://bank/edge/2"] }],
    ["a shorter name", { subjectAltNames: ["URI:spiffe://bank"] }],
    ["the name in capitals", { subjectAltNames: ["URI:SPIFFE://BANK/EDGE"] }],
    ["two names in one", { subjectAltNames: ["DNS:a, URI:spiffe://bank/edge"] }],
    ["the name in the subject alone", { subjectAltNames: [], subject: "CN=spiffe://bank/edge" }],
    [
      "the thumbprint in another case",
      { subjectAltNames: [], thumbprintSha256: THUMBPRINT.toLowerCase() },
    ],
    ["the thumbprint as a name", { subjectAltNames: [THUMBPRINT], thumbprintSha256: "" }],
  ];
  const strangerOf = (changes: Partial<PeerCertificate> | undefined) =>
    peerOf(changes === undefined ? {} : { certificate: certificateOf(changes) });

  test.each(STRANGERS)("%s: nothing counts", (_, changes) => {
    const context = contextOf({ peer: strangerOf(changes), headers: EVERYTHING });
    expect(edgeFacts(context, settingsOf())).toBeUndefined();
  });

  test("whatever a stranger sends is as if it were not there", () => {
    const headers = fc.dictionary(
      fc.constantFrom(...EDGE_FIELDS.keys()),
      fc.oneof(fc.constantFrom(...Object.values(EVERYTHING)), fc.string()),
    );
    fc.assert(
      fc.property(fc.constantFrom(...STRANGERS), headers, ([, changes], sent) => {
        const context = contextOf({ peer: strangerOf(changes), headers: sent });
        return edgeFacts(context, settingsOf()) === undefined;
      }),
    );
  });

  test.each<[string, (keyof EdgeFacts)[]]>([
    ["tls", ["tlsVersion"]],
    ["mtls", ["mtlsVerified", "mtlsIssuer"]],
    ["webhook", ["webhookVerified"]],
    ["user", ["userId"]],
    ["groups", ["groups"]],
    ["decision", ["decision", "pack"]],
  ])("an edge that is believed in %s alone says nothing else", (topic, facts) => {
    const { unreadable, ...rest } = told(EVERYTHING, { facts: [topic], panic: false });
    expect(Object.keys(rest).sort()).toEqual([...facts].sort());
    expect(unreadable).toEqual([]);
  });

  test("no edge declares break-glass unless the operator lets it", () => {
    const panic = { "x-panic-mode": "true" };
    expect(told(panic, { panic: true }).isPanic).toBe(true);
    expect(edgeSchema.parse({ peers: PEERS }).panic).toBe(false);
    expect(told(panic, { panic: false })).toEqual({ unreadable: [] });
  });
});

/** Field, value, fact, and what it comes to. */
const WELL_SAID: readonly (readonly [string, string, keyof EdgeFacts, unknown])[] = [
  ...[
    ["1.2", 1.2],
    ["1.3", 1.3],
    ["TLSv1.3", 1.3],
    ["TLS 1.3", 1.3],
    ["tls1.3", 1.3],
    ["tls1.2", 1.2],
    ["TLSv1.0", 1],
    ["TLSv1.1", 1.1],
  ].map(([text, value]) => ["x-tls-version", text as string, "tlsVersion", value] as const),
  ...[
    ["true", true],
    ["True", true],
    ["false", false],
    ["SUCCESS", true],
    ["NONE", false],
    ["FAILED", false],
    ["FAILED:certificate has expired", false],
  ].map(([text, value]) => ["x-mtls-verified", text as string, "mtlsVerified", value] as const),
  ["x-webhook-verified", "true", "webhookVerified", true],
  ["x-webhook-verified", "FALSE", "webhookVerified", false],
  ["x-panic-mode", "true", "isPanic", true],
  ["x-panic-mode", "false", "isPanic", false],
  ["cf-access-authenticated-user-email", "a.b+c@example.com", "userId", "a.b+c@example.com"],
  ["cf-access-authenticated-user-email", "zo\xc3\xab@example.com", "userId", "zoë@example.com"],
  ["cf-access-groups", "a", "groups", new Set(["a"])],
  ["cf-access-groups", "a, b b,c", "groups", new Set(["a", "b b", "c"])],
  ["cf-access-groups", '["a","b, c"]', "groups", new Set(["a", "b, c"])],
  ["cf-access-groups", "[]", "groups", new Set()],
  ["cf-access-groups", '["\\u00e9quipe","\xc3\xa9"]', "groups", new Set(["équipe", "é"])],
  ["x-policy-decision", "allow", "decision", "allow"],
  ["x-policy-decision", "DENY", "decision", "deny"],
  ["x-policy-pack", "b3:ab12", "pack", "b3:ab12"],
];

const list = (count: number) => Array.from({ length: count }, (_, i) => `g${i}`);

/** Field and value: there, and worth nothing. */
const ILL_SAID: readonly (readonly [string, string])[] = [
  ...[
    "",
    " ",
    "1",
    "1.4",
    "2",
    "1.30",
    "v1.3",
    "SSLv3",
    "TLSv1.3, TLSv1.3",
    "1.3 ",
    "01.3",
    "１.3",
  ].map((text) => ["x-tls-version", text] as const),
  ...["", "1", "yes", "true, false", "true,true", "success", "NONE,SUCCESS", "truе"].map(
    (text) => ["x-mtls-verified", text] as const,
  ),
  ...["", "0", "on", "SUCCESS", "false, true"].map((text) => ["x-webhook-verified", text] as const),
  ...["", "1", "on", "SUCCESS", "true, true"].map((text) => ["x-panic-mode", text] as const),
  ...[
    "",
    "olga",
    "@example.com",
    "olga@",
    "a@example.com, b@example.com",
    "a@example.com,b@example.com",
    "a@b@example.com",
    "Olga <olga@example.com>",
    "a b@example.com",
    "zo\xeb@example.com",
    `${"a".repeat(65)}@example.com`,
    `a@${"b".repeat(190)}`,
  ].map((text) => ["cf-access-authenticated-user-email", text] as const),
  ...[
    "",
    ",",
    "a,",
    "a,,b",
    "[",
    "[1]",
    '["a",1]',
    '["a",["b"]]',
    '[""]',
    '[" a"]',
    '["a\\n"]',
    '["\\ud800"]',
    '["a"],b',
    '["a"] ["b"]',
    "\xe9",
    "g".repeat(257),
    list(257).join(),
    JSON.stringify(list(257)),
  ].map((text) => ["cf-access-groups", text] as const),
  ...["", "yes", "allowed", "allow, deny", "allow,allow", "shadow"].map(
    (text) => ["x-policy-decision", text] as const,
  ),
  ...["", "a, b", "a b", "a,b", '"a"', "a".repeat(257)].map(
    (text) => ["x-policy-pack", text] as const,
  ),
];

describe("what a field says", () => {
  test.each(WELL_SAID)("%s: %j", (name, value, fact, expected) => {
    expect(told({ [name]: value })).toEqual({ [fact]: expected, unreadable: [] });
  });

  test.each(ILL_SAID)("%s: %j is absent, and told to the operator", (name, value) => {
    const isDecision = name === "x-policy-decision";
    expect(told({ [name]: value })).toEqual({
      ...(isDecision && { decision: "unreadable" }),
      unreadable: [name],
    });
  });

  test("every field has rows of both kinds", () => {
    const names = new Set([...EDGE_FIELDS.keys()].filter((name) => name !== "x-mtls-issuer"));
    expect(new Set(WELL_SAID.map(([name]) => name))).toEqual(names);
    expect(new Set(ILL_SAID.map(([name]) => name))).toEqual(names);
  });

  test.each([...EDGE_FIELDS.keys()])("%s twice is absent, even when both say the same", (name) => {
    const value = EVERYTHING[name as keyof typeof EVERYTHING];
    for (const values of [
      [value, value],
      [value, value, value],
      ["", value],
    ]) {
      const { unreadable, decision } = told({ ...EVERYTHING, [name]: values });
      expect(unreadable).toEqual([name]);
      if (name === "x-policy-decision") expect(decision).toBe("unreadable");
    }
  });

  test("no value makes it throw, or say what is not of the fact's kind", () => {
    const KIND: Record<string, (value: unknown) => boolean> = {
      tlsVersion: (value) => [1, 1.1, 1.2, 1.3].includes(value as number),
      groups: (value) => value instanceof Set && [...value].every((one) => typeof one === "string"),
      unreadable: Array.isArray,
    };
    const isText = (value: unknown) => typeof value === "string" && value.length <= 256;
    const latin1 = fc
      .uint8Array({ maxLength: 40 })
      .map((bytes) => Buffer.from(bytes).toString("latin1"));
    fc.assert(
      fc.property(fc.constantFrom(...EDGE_FIELDS.keys()), latin1, (name, value) => {
        for (const [fact, said] of Object.entries(
          told({ [name]: value, "x-mtls-verified": "true" }),
        ))
          if (typeof said !== "boolean") expect((KIND[fact] ?? isText)(said)).toBe(true);
      }),
    );
  });
});

describe("the issuer of the caller's certificate", () => {
  const issuerOf = (value: string) => {
    const facts = told({ "x-mtls-verified": "true", "x-mtls-issuer": value });
    return facts.unreadable.length > 0 ? facts.unreadable : facts.mtlsIssuer;
  };

  test.each([
    ["UBL Local CA", "UBL Local CA"],
    ["Zo\xc3\xab CA", "Zoë CA"],
    ["CN=UBL Local CA", "UBL Local CA"],
    ["CN=UBL Local CA,O=UBL,C=BR", "UBL Local CA"],
    ["C=BR, O=UBL, CN=UBL Local CA", "UBL Local CA"],
    ["cn=a", "a"],
    ["2.5.4.3=a", "a"],
    ["OU=x+CN=a,O=b", "a"],
    [String.raw`CN=Example\, Inc. CA,O=Example\, Inc.`, "Example, Inc. CA"],
    [String.raw`O=Evil\, CN\=UBL Local CA,CN=Evil`, "Evil"],
    [String.raw`CN=Zo\C3\AB CA`, "Zoë CA"],
  ])("%s", (value, expected) => {
    expect(issuerOf(value)).toBe(expected);
  });

  test.each([
    ["nothing", ""],
    ["two fields that a proxy joined", "Evil, UBL Local CA"],
    ["two names joined", "CN=Evil, CN=UBL Local CA"],
    ["two common names", "CN=Evil,O=x,CN=UBL Local CA"],
    ["two in one part", "CN=Evil+CN=UBL Local CA"],
    ["no common name", "O=UBL Local CA"],
    ["an empty common name", "CN=,O=x"],
    ["a name with spaces around it", "CN= UBL Local CA"],
    ["a space before the comma", "CN=UBL Local CA ,O=x"],
    ["a comma that is not escaped", "CN=UBL Local CA, Inc.,O=x"],
    ["an equals sign that is not escaped", "CN=UBL=CA"],
    ["quotes", 'CN="UBL Local CA"'],
    ["slashes between", "/C=BR/CN=UBL Local CA"],
    ["a comma at the end", "CN=UBL Local CA,"],
    ["a backslash at the end", "CN=UBL Local CA\\"],
    ["an escape that is none", String.raw`CN=UBL\xLocal`],
    ["bytes that are no UTF-8", String.raw`CN=UBL\EB`],
    ["bytes and characters mixed", `CN=Zo\xc3\xab\\C3\\AB`],
    ["a line break in bytes", String.raw`CN=UBL\0ALocal`],
    ["not UTF-8", "Zo\xeb"],
    ["more than 256 characters", "a".repeat(257)],
  ])("%s: absent", (_, value) => {
    expect(issuerOf(value)).toEqual(["x-mtls-issuer"]);
  });

  test("a megabyte of anything is read in one pass: this comes to an end", () => {
    for (const piece of ["\\a", "a ", "CN=", "+ ", "\\,", " ", "a,"])
      told({ "x-mtls-issuer": `CN=${piece.repeat(500_000)}` });
  });

  test.each(["false", "NONE", "maybe", undefined])(
    "is absent when X-Mtls-Verified is %s",
    (verified) => {
      const headers = { "x-mtls-issuer": "UBL Local CA" };
      const facts = told({ ...headers, ...(verified && { "x-mtls-verified": verified }) });
      expect(facts).not.toHaveProperty("mtlsIssuer");
    },
  );
});

describe("how users prove themselves at the edge", () => {
  const stated = { authMethod: "access-passkey", rpId: "app.example" };

  test("is said of a user whom the edge names, and of nobody else", () => {
    expect(told({ "cf-access-authenticated-user-email": "a@example.com" }, stated)).toMatchObject(
      stated,
    );
    for (const headers of [
      {},
      { "cf-access-groups": "operations" },
      { "cf-access-authenticated-user-email": "" },
      { "cf-access-authenticated-user-email": ["a@example.com", "b@example.com"] },
      { "cf-access-jwt-assertion": "a.b.c" },
    ]) {
      expect(told(headers, stated)).not.toHaveProperty("authMethod");
      expect(told(headers, stated)).not.toHaveProperty("rpId");
    }
  });

  test("is not said where the operator does not state it", () => {
    const facts = told({ "cf-access-authenticated-user-email": "a@example.com" });
    expect(facts).toEqual({ userId: "a@example.com", unreadable: [] });
  });
});

describe("a decision made before ours", () => {
  const pack: PackName = { id: "churn-access", version: "7", blake3: "ab".repeat(32) };
  const strict = { isSamePackNeeded: true };
  const lax = { isSamePackNeeded: false };
  const compare = (
    headers: Record<string, string | string[]>,
    effect: "allow" | "deny",
    settings = lax,
  ) => compareEdgeDecision(told(headers), { effect, pack }, settings);

  test.each<[string, "allow" | "deny", string | undefined]>([
    ["allow", "allow", undefined],
    ["deny", "deny", undefined],
    ["allow", "deny", "allow"],
    ["deny", "allow", "deny"],
    ["maybe", "allow", "unreadable"],
    ["maybe", "deny", "unreadable"],
    ["allow, deny", "allow", "unreadable"],
  ])("the edge says %s, we say %s", (decision, effect, diverging) => {
    const headers = { "x-policy-decision": decision, "x-policy-pack": "churn-access" };
    expect(compare(headers, effect)).toEqual(
      diverging && { decision: diverging, pack: "churn-access" },
    );
  });

  test("a caller cannot hide the edge's deny behind a field of its own", () => {
    const headers = { "x-policy-decision": ["allow", "deny"] };
    expect(compare(headers, "allow")).toEqual({ decision: "unreadable", pack: "" });
  });

  test("an edge that decided nothing diverges from nothing", () => {
    expect(compare({ "x-policy-pack": "other" }, "allow", strict)).toBeUndefined();
    const nobody = compareEdgeDecision(undefined, { effect: "allow", pack }, strict);
    expect(nobody).toBeUndefined();
  });

  test.each(["churn-access", "churn-access@7", pack.blake3, `b3:${pack.blake3}`])(
    "%s names our pack",
    (name) => {
      const headers = { "x-policy-decision": "allow", "x-policy-pack": name };
      expect(compare(headers, "allow", strict)).toBeUndefined();
    },
  );

  test.each(["churn-access@8", "other", "7", "churn", ""])(
    "another pack (%j) counts only where the operator asks for the same",
    (name) => {
      const headers = { "x-policy-decision": "allow", "x-policy-pack": name };
      expect(compare(headers, "allow", strict)).toEqual({ decision: "allow", pack: name });
      expect(compare(headers, "allow")).toBeUndefined();
    },
  );
});

describe("on the wire", () => {
  let ours: DevelopmentCa;
  let issued: Record<"gateway" | "edge" | "caller" | "forged", IssuedCertificate>;
  let running: RecordingServer | undefined;

  beforeAll(async () => {
    const theirs = await createDevelopmentCa("theirs");
    ours = await createDevelopmentCa("ours");
    const uris = ["spiffe://bank/edge"];
    issued = {
      gateway: await ours.issue({ commonName: "g", dnsNames: ["localhost"], usage: "server" }),
      edge: await ours.issue({ commonName: "edge", uris, usage: "caller" }),
      caller: await ours.issue({ commonName: "edge", dnsNames: ["c.bank"], usage: "caller" }),
      forged: await theirs.issue({ commonName: "edge", uris, usage: "caller" }),
    };
  });
  afterEach(async () => {
    await running?.server.close();
    running = undefined;
  });

  /** The facts of a request made with this certificate. */
  async function ask(certificate: IssuedCertificate | undefined, section: Section = {}) {
    const { gateway } = issued;
    running = await startRecording({
      tls: {
        certificate: Buffer.from(gateway.certificatePem),
        key: Buffer.from(gateway.keyPem),
        minVersion: "TLSv1.2",
        callers: { mode: "request", ca: Buffer.from(ours.certificatePem) },
      },
    });
    const { port, handler } = running;
    await new Promise((resolve, reject) => {
      const shown = certificate && { cert: certificate.certificatePem, key: certificate.keyPem };
      httpsRequest(
        {
          port,
          host: "localhost",
          ca: ours.certificatePem,
          agent: false,
          headers: EVERYTHING,
          ...shown,
        },
        (response) => response.resume().once("end", resolve),
      )
        .once("error", reject)
        .end();
    });
    const request = handler.recorded[0]?.request ?? expect.fail("nothing arrived");
    const context = { ...contextOf(), request, peer: request.peer };
    return edgeFacts(context, settingsOf(section));
  }

  test("the edge is known by its name, and by its thumbprint", async () => {
    expect(await ask(issued.edge)).toMatchObject({ mtlsIssuer: "UBL Local CA", unreadable: [] });
    await running?.server.close();
    const peers = [{ thumbprint: issued.caller.thumbprintSha256 }];
    expect(await ask(issued.caller, { peers })).toMatchObject({ userId: "olga@example.com" });
  });

  test.each(["caller", "forged", undefined] as const)("%s is not the edge", async (who) => {
    expect(await ask(who && issued[who])).toBeUndefined();
  });
});
