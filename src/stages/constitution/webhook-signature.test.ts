/** Deliveries that are signed, forged, late, early, sent twice: against published and OpenSSL's own signatures. */
import { createHmac, generateKeyPairSync, randomBytes, randomUUID, sign } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { contextOf, FrozenClock, type ContextInput } from "../../../test/support/context.ts";
import { startRecording } from "../../../test/support/recording-server.ts";
import { Secret } from "../../config/secrets/secret.ts";
import type { Clock } from "../../pipeline/stage.ts";
import { webhooksSchema } from "./webhook-config.ts";
import { prepareWebhooks, type WebhookVerifier } from "./webhook-signature.ts";

/** The example of the Standard Webhooks libraries. */
const STANDARD = {
  secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
  seconds: 1_614_265_330,
  body: '{"test": 2432232314}',
  signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
};

/** Made by OpenSSL 3: `openssl genpkey -algorithm ed25519`, `openssl pkeyutl -sign -rawin`, over the same delivery. */
const OPENSSL = {
  pem: "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAwL02CUFU8Gr170Z8KpVZUV7lZDjdej2+xUgu9XdogJI=\n-----END PUBLIC KEY-----\n",
  raw: "whpk_wL02CUFU8Gr170Z8KpVZUV7lZDjdej2+xUgu9XdogJI=\n",
  /** Over `ID.TIME.BODY`. */
  standard:
    "v1a,MfDSbwPJuVr4MNRsxvmZ0kdyzRmjariV5kg1MIfSeZCqo4M6A+LX9shgj3S/X83yaHbenm68QIYnb662SeWRBQ==",
  /** Over `TIME.BODY`. */
  hex: "cdc31d66f751704268a7b9a09d33af062aa67fac277cc438f613462cf7c123964365b2be647496fb7b9ddfa7e9b9d2a3a6e5401c3be6dc2de0a80b1daafbf303",
  /** `openssl dgst -sha256 -hmac` over `TIME.BODY`, with the secret's text as it is. */
  hmacHex: "2e37df5d4a028c51a7f3133d64ae1e300d2c2c900f1b1d49d4369ad2530f8964",
};

const SECRETS: Record<string, string> = {
  STANDARD: STANDARD.secret,
  BARE: STANDARD.secret.slice("whsec_".length),
  SECOND: `whsec_${Buffer.from("another secret of a partner, in use").toString("base64")}`,
  TEXT: "a secret as text, 0123456789",
};

type Members = Record<string, unknown>;
const STANDARD_PARTNER = { scheme: "id.timestamp.body", secrets: ["env:STANDARD"] };

async function prepare(
  partner: Members,
  {
    clock = new FrozenClock(STANDARD.seconds * 1000),
    files = {},
    previous,
  }: { clock?: Clock; files?: Record<string, string>; previous?: WebhookVerifier } = {},
): Promise<WebhookVerifier> {
  return prepareWebhooks(webhooksSchema.parse({ partners: { acme: partner } }), {
    clock,
    previous,
    readSecret: (reference) =>
      Promise.resolve(
        Secret.fromText(SECRETS[reference.kind === "env" ? reference.name : ""] ?? ""),
      ),
    readFile: ({ path }) => Promise.resolve(Buffer.from(files[path] ?? "")),
  });
}

/** The published delivery, changed. */
const standardDelivery = (changes: ContextInput = {}): ContextInput => ({
  body: STANDARD.body,
  ...changes,
  headers: {
    "webhook-id": STANDARD.id,
    "webhook-timestamp": String(STANDARD.seconds),
    "webhook-signature": STANDARD.signature,
    ...changes.headers,
  },
});

interface Signing {
  readonly id?: string;
  readonly seconds: number | string;
  readonly body?: string;
  readonly secret?: string;
}

/** Signed as Standard Webhooks says. */
function signed({
  id = randomUUID(),
  seconds,
  body = "{}",
  secret = STANDARD.secret,
}: Signing): ContextInput {
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${seconds}.${body}`).digest("base64");
  return standardDelivery({
    body,
    headers: {
      "webhook-id": id,
      "webhook-timestamp": String(seconds),
      "webhook-signature": `v1,${signature}`,
    },
  });
}

const judge = (verifier: WebhookVerifier, input: ContextInput) =>
  verifier.verify(contextOf(input), "acme");
const VERIFIED = { outcome: "verified" };
const refusedFor = (why: string) => ({
  outcome: "refused",
  cause: expect.stringContaining(why) as string,
});

describe("signatures of others", () => {
  test.each(["STANDARD", "BARE"])(
    "the published example of Standard Webhooks (%s)",
    async (name) => {
      const verifier = await prepare({ ...STANDARD_PARTNER, secrets: [`env:${name}`] });
      expect(judge(verifier, standardDelivery())).toEqual(VERIFIED);
    },
  );

  test.each(["pem", "raw"] as const)("OpenSSL's Ed25519, its key as %s", async (form) => {
    const partner = { scheme: "id.timestamp.body", algorithm: "ed25519", keys: ["file:key"] };
    const verifier = await prepare(partner, { files: { key: OPENSSL[form] } });
    const headers = { "webhook-signature": OPENSSL.standard };
    expect(judge(verifier, standardDelivery({ headers }))).toEqual(VERIFIED);
  });

  test("OpenSSL's Ed25519 in one header", async () => {
    const partner = { scheme: "timestamp.body", algorithm: "ed25519", keys: ["file:key"] };
    const verifier = await prepare(partner, { files: { key: OPENSSL.pem } });
    const headers = { "webhook-signature": `t=${STANDARD.seconds},v1a=${OPENSSL.hex}` };
    expect(judge(verifier, { body: STANDARD.body, headers })).toEqual(VERIFIED);
  });

  test("OpenSSL's HMAC in one header, whose secret is the text as it is", async () => {
    const verifier = await prepare({
      scheme: "timestamp.body",
      secrets: ["env:STANDARD"],
      signatureHeader: "stripe-signature",
    });
    const headers = { "stripe-signature": `t=${STANDARD.seconds},v1=${OPENSSL.hmacHex},v0=ab` };
    expect(judge(verifier, { body: STANDARD.body, headers })).toEqual(VERIFIED);
  });

  test("headers of other names, for senders that have their own", async () => {
    const verifier = await prepare({
      ...STANDARD_PARTNER,
      signatureHeader: "svix-signature",
      timestampHeader: "svix-timestamp",
      idHeader: "svix-id",
    });
    const headers = {
      "svix-id": STANDARD.id,
      "svix-timestamp": String(STANDARD.seconds),
      "svix-signature": STANDARD.signature,
    };
    expect(judge(verifier, { body: STANDARD.body, headers })).toEqual(VERIFIED);
    expect(judge(verifier, standardDelivery())).toBeUndefined();
  });
});

describe("a request that is not signed", () => {
  test.each<[string, ContextInput]>([
    ["no header", {}],
    [
      "an id and a time alone",
      { headers: { "webhook-id": "a", "webhook-timestamp": "1614265330" } },
    ],
    ["another scheme's header", { headers: { "x-hub-signature-256": "sha256=00" } }],
  ])("%s: nobody can say", async (_, input) => {
    expect(judge(await prepare(STANDARD_PARTNER), input)).toBeUndefined();
  });

  test("a partner that is not configured is a mistake, not a pass", async () => {
    const verifier = await prepare(STANDARD_PARTNER);
    expect([verifier.has("acme"), verifier.has("other"), verifier.has("__proto__")]).toEqual([
      true,
      false,
      false,
    ]);
    expect(() => verifier.verify(contextOf(standardDelivery()), "other")).toThrow(/other/);
  });
});

const right = STANDARD.signature.slice("v1,".length);

/** Why, and how the published delivery is changed. */
const FORGED: readonly (readonly [string, ContextInput, string])[] = [
  ["another body", { body: '{"test": 2432232315}' }, "does not match"],
  ["one more byte of body", { body: `${STANDARD.body}\n` }, "does not match"],
  ["another id", { headers: { "webhook-id": "msg_2" } }, "does not match"],
  ["another time", { headers: { "webhook-timestamp": "1614265331" } }, "does not match"],
  ["another signature", { headers: { "webhook-signature": `v1,A${right.slice(1)}` } }, "match"],
  ["no id", { headers: { "webhook-id": [] } }, "the id is"],
  ["an empty id", { headers: { "webhook-id": "" } }, "the id is"],
  ["two ids", { headers: { "webhook-id": [STANDARD.id, "b"] } }, "the id is"],
  ["an id with a dot", { headers: { "webhook-id": `${STANDARD.id}.1` } }, "the id is"],
  ["an id that is too long", { headers: { "webhook-id": "a".repeat(257) } }, "the id is"],
  ["no time", { headers: { "webhook-timestamp": [] } }, "the time is"],
  ["two times", { headers: { "webhook-timestamp": ["1614265330", "1614265330"] } }, "the time is"],
  ...[
    "",
    "0",
    "-1614265330",
    "01614265330",
    "1614265330.0",
    "1.6e9",
    "0x1",
    " 1",
    "NaN",
    "9".repeat(13),
  ].map(
    (time) =>
      [`the time ${time}`, { headers: { "webhook-timestamp": time } }, "the time is"] as const,
  ),
  ["milliseconds", { headers: { "webhook-timestamp": "161426533000" } }, "future"],
  ["an empty signature", { headers: { "webhook-signature": "" } }, "no signature"],
  ["no version", { headers: { "webhook-signature": right } }, "no signature"],
  ["the other algorithm's version", { headers: { "webhook-signature": `v1a,${right}` } }, "no sig"],
  ["an unknown version", { headers: { "webhook-signature": `v2,${right}` } }, "no signature"],
  ["the version in capitals", { headers: { "webhook-signature": `V1,${right}` } }, "no signature"],
  ["no padding", { headers: { "webhook-signature": `v1,${right.slice(0, -1)}` } }, "not base64"],
  [
    "base64url",
    { headers: { "webhook-signature": `v1,${right.replace("+", "-")}` } },
    "not base64",
  ],
  [
    "half a signature",
    { headers: { "webhook-signature": `v1,${right.slice(0, 24)}` } },
    "not base64",
  ],
  ["hexadecimal", { headers: { "webhook-signature": `v1,${"ab".repeat(32)}` } }, "not base64"],
  ["two fields", { headers: { "webhook-signature": ["v1,AA==", STANDARD.signature] } }, "repeated"],
  [
    "five signatures",
    { headers: { "webhook-signature": Array(5).fill(STANDARD.signature).join(" ") } },
    "too many",
  ],
];

describe("a delivery that does not hold", () => {
  test.each(FORGED)("%s", async (_, changes, why) => {
    const verifier = await prepare(STANDARD_PARTNER);
    const verdict = judge(verifier, standardDelivery(changes));
    expect(verdict).toEqual(refusedFor(why));
    // Nothing of what was sent stands in the operator's log.
    expect(JSON.stringify(verdict)).not.toContain(right.slice(1, 20));
    // A forgery takes nothing away from the true one.
    expect(judge(verifier, standardDelivery())).toEqual(VERIFIED);
  });

  const T = STANDARD.seconds;
  test.each<[string, string, string]>([
    ["nothing but a signature", `v1=${OPENSSL.hmacHex}`, "the time is"],
    ["nothing but a time", `t=${T}`, "no signature"],
    ["two times", `t=${T},t=${T},v1=${OPENSSL.hmacHex}`, "two times"],
    ["a digest of the body alone", `sha256=${OPENSSL.hmacHex}`, "the time is"],
    ["no members", OPENSSL.hmacHex, "no name"],
    ["an empty member", `t=${T},,v1=${OPENSSL.hmacHex}`, "no name"],
    ["an older version alone", `t=${T},v0=${OPENSSL.hmacHex}`, "no signature"],
    ["base64", `t=${T},v1=${right}`, "not hexadecimal"],
    ["a short signature", `t=${T},v1=${OPENSSL.hmacHex.slice(2)}`, "not hexadecimal"],
    ["a short one beside the right one", `t=${T},v1=ab,v1=${OPENSSL.hmacHex}`, "not hexadecimal"],
    ["another time", `t=${T + 1},v1=${OPENSSL.hmacHex}`, "does not match"],
    ["a space in the time", `t=1614 265330,v1=${OPENSSL.hmacHex}`, "the time is"],
  ])("in one header: %s", async (_, field, why) => {
    const verifier = await prepare({ scheme: "timestamp.body", secrets: ["env:STANDARD"] });
    const input = { body: STANDARD.body, headers: { "webhook-signature": field } };
    expect(judge(verifier, input)).toEqual(refusedFor(why));
  });

  test("one that was signed with a public key's bytes as a secret", async () => {
    const partner = { scheme: "timestamp.body", algorithm: "ed25519", keys: ["file:key"] };
    const verifier = await prepare(partner, { files: { key: OPENSSL.pem } });
    for (const label of ["v1", "v1a"]) {
      const forged = createHmac("sha256", OPENSSL.pem)
        .update(`${STANDARD.seconds}.{}`)
        .digest("hex");
      const headers = { "webhook-signature": `t=${STANDARD.seconds},${label}=${forged}` };
      expect(judge(verifier, { body: "{}", headers })).toMatchObject({ outcome: "refused" });
    }
  });

  test("an Ed25519 signature whose second half is another number of the same meaning", async () => {
    const partner = { scheme: "id.timestamp.body", algorithm: "ed25519", keys: ["file:key"] };
    const verifier = await prepare(partner, { files: { key: OPENSSL.pem } });
    // RFC 8032 section 5.1.7: S must be below the group's order; adding the order would make a second signature.
    const order = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n;
    const bytes = Buffer.from(OPENSSL.standard.slice("v1a,".length), "base64");
    const half = BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString("hex")}`) + order;
    Buffer.from(half.toString(16).padStart(64, "0"), "hex").reverse().copy(bytes, 32);
    const headers = { "webhook-signature": `v1a,${bytes.toString("base64")}` };
    expect(judge(verifier, standardDelivery({ headers }))).toEqual(refusedFor("does not match"));
  });

  test("any one byte of it changed", async () => {
    const verifier = await prepare(STANDARD_PARTNER);
    const bytes = Buffer.from(right, "base64");
    fc.assert(
      fc.property(fc.nat({ max: 31 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] as number) ^ flip;
        const headers = { "webhook-signature": `v1,${changed.toString("base64")}` };
        return judge(verifier, standardDelivery({ headers }))?.outcome === "refused";
      }),
    );
  });

  test.each<[string, ContextInput]>([
    ["is passed on as it comes", { route: { bodyMode: "stream" } }],
    ["has not been read yet", { contentLength: 7 }],
    ["has not been read yet, and does not say its length", { contentLength: undefined }],
    ["is shorter than declared", { body: "{", contentLength: 2 }],
  ])("a good signature vouches for no body that %s", async (_, changes) => {
    const verifier = await prepare(STANDARD_PARTNER);
    const { body = "" } = changes;
    const input = signed({ seconds: STANDARD.seconds, body: String(body) });
    expect(judge(verifier, { ...input, ...changes })).toEqual(refusedFor("body"));
  });

  test("an empty body that is declared as empty can be signed", async () => {
    const verifier = await prepare(STANDARD_PARTNER);
    expect(judge(verifier, signed({ seconds: STANDARD.seconds, body: "" }))).toEqual(VERIFIED);
  });
});

describe("keys that replace each other", () => {
  test("either of two secrets will do, and either of two signatures", async () => {
    const verifier = await prepare({
      ...STANDARD_PARTNER,
      secrets: ["env:SECOND", "env:STANDARD"],
    });
    const seconds = STANDARD.seconds;
    expect(judge(verifier, signed({ seconds }))).toEqual(VERIFIED);
    expect(judge(verifier, signed({ seconds, secret: SECRETS["SECOND"] as string }))).toEqual(
      VERIFIED,
    );
    const two = signed({ seconds });
    const field = `v1,${randomBytes(32).toString("base64")} v1a,AA== ${String(two.headers?.["webhook-signature"])}`;
    const headers = { ...two.headers, "webhook-signature": field };
    expect(judge(verifier, { ...two, headers })).toEqual(VERIFIED);
  });

  test("a delivery that is signed with both secrets is one delivery", async () => {
    const verifier = await prepare({
      ...STANDARD_PARTNER,
      secrets: ["env:STANDARD", "env:SECOND"],
    });
    const delivery = { id: "one", seconds: STANDARD.seconds };
    const [first, second] = [
      signed(delivery),
      signed({ ...delivery, secret: SECRETS["SECOND"] as string }),
    ];
    expect(judge(verifier, first)).toEqual(VERIFIED);
    expect(judge(verifier, second)).toEqual(refusedFor("before"));
  });

  test("two Ed25519 keys", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const partner = {
      scheme: "id.timestamp.body",
      algorithm: "ed25519",
      keys: ["file:a", "file:b"],
    };
    const files = {
      a: OPENSSL.pem,
      b: publicKey.export({ type: "spki", format: "pem" }).toString(),
    };
    const verifier = await prepare(partner, { files });
    const content = `${STANDARD.id}.${STANDARD.seconds}.new`;
    const signature = sign(null, Buffer.from(content), privateKey).toString("base64");
    const headers = { "webhook-signature": `v1a,${signature}` };
    expect(judge(verifier, standardDelivery({ body: "new", headers }))).toEqual(VERIFIED);
    const old = { "webhook-signature": OPENSSL.standard };
    expect(judge(verifier, standardDelivery({ headers: old }))).toEqual(VERIFIED);
  });
});

describe("time", () => {
  test.each<[number, string | undefined]>([
    [0, undefined],
    [-300, undefined],
    [-301, "too long ago"],
    [-86_400, "too long ago"],
    [300, undefined],
    [301, "future"],
    [10_000_000_000, "future"],
  ])("signed %i s from now", async (away, why) => {
    const clock = new FrozenClock(STANDARD.seconds * 1000 - 3_600_000);
    const verifier = await prepare(STANDARD_PARTNER, { clock });
    clock.advance(3_600_000);
    const verdict = judge(verifier, signed({ seconds: STANDARD.seconds + away }));
    expect(verdict).toEqual(why === undefined ? VERIFIED : refusedFor(why));
  });

  test("the tolerance is the partner's own", async () => {
    const verifier = await prepare({ ...STANDARD_PARTNER, tolerance: "10s" });
    expect(judge(verifier, signed({ seconds: STANDARD.seconds + 10 }))).toEqual(VERIFIED);
    expect(judge(verifier, signed({ seconds: STANDARD.seconds + 11 }))).toEqual(
      refusedFor("future"),
    );
  });

  test("what was signed before the gateway began to remember could be a replay", async () => {
    const clock = new FrozenClock(STANDARD.seconds * 1000 + 700);
    const verifier = await prepare(STANDARD_PARTNER, { clock });
    // Times are whole seconds: the one in which it began counts.
    expect(judge(verifier, signed({ seconds: STANDARD.seconds }))).toEqual(VERIFIED);
    const before = signed({ seconds: STANDARD.seconds - 1 });
    expect(judge(verifier, before)).toEqual(refusedFor("began to remember"));
  });
});

describe("the same delivery again", () => {
  test("is refused, for as long as its time would hold", async () => {
    const clock = new FrozenClock(STANDARD.seconds * 1000);
    const verifier = await prepare(STANDARD_PARTNER, { clock });
    const delivery = signed({ seconds: STANDARD.seconds + 300 });
    expect(judge(verifier, delivery)).toEqual(VERIFIED);
    for (let passed = 0; passed <= 600; passed += 60) {
      expect(judge(verifier, delivery)).toEqual(refusedFor("accepted before"));
      // Others come and go meanwhile, and make it forget what has run out.
      expect(judge(verifier, signed({ seconds: STANDARD.seconds + passed }))).toEqual(VERIFIED);
      clock.advance(60_000);
    }
    expect(judge(verifier, delivery)).toEqual(refusedFor("too long ago"));
  });

  test("is refused when its signature is dressed otherwise", async () => {
    const verifier = await prepare(STANDARD_PARTNER);
    const delivery = signed({ seconds: STANDARD.seconds });
    expect(judge(verifier, delivery)).toEqual(VERIFIED);
    const field = `v0,x ${String(delivery.headers?.["webhook-signature"])}`;
    const headers = { ...delivery.headers, "webhook-signature": field };
    expect(judge(verifier, { ...delivery, headers })).toEqual(refusedFor("accepted before"));
  });

  test("signed anew at another time is another try of the sender's, and passes", async () => {
    const verifier = await prepare(STANDARD_PARTNER);
    for (const seconds of [STANDARD.seconds, STANDARD.seconds + 1])
      expect(judge(verifier, signed({ id: "one", seconds }))).toEqual(VERIFIED);
  });

  test("stays refused over a reload, also with another tolerance", async () => {
    const clock = new FrozenClock(STANDARD.seconds * 1000);
    const first = await prepare(STANDARD_PARTNER, { clock });
    const delivery = signed({ seconds: STANDARD.seconds });
    expect(judge(first, delivery)).toEqual(VERIFIED);
    clock.advance(2_000);
    const second = await prepare(STANDARD_PARTNER, { clock, previous: first });
    expect(judge(second, delivery)).toEqual(refusedFor("accepted before"));
    // What was signed before the reload is still told from a replay.
    expect(judge(second, signed({ seconds: STANDARD.seconds + 1 }))).toEqual(VERIFIED);
    // Requests that the old configuration still serves count for the new one, and the other way round.
    const late = signed({ seconds: STANDARD.seconds + 2 });
    expect(judge(first, late)).toEqual(VERIFIED);
    expect(judge(second, late)).toEqual(refusedFor("accepted before"));
    const longer = { ...STANDARD_PARTNER, tolerance: "1h" };
    clock.advance(700_000);
    const third = await prepare(longer, { clock, previous: second });
    expect(judge(third, signed({ seconds: STANDARD.seconds + 703 }))).toEqual(VERIFIED);
    // Within the longer tolerance now, and perhaps forgotten under the shorter one.
    expect(judge(third, delivery)).toMatchObject({ outcome: "refused" });
  });

  test("of another partner is another delivery", async () => {
    const config = webhooksSchema.parse({ partners: { a: STANDARD_PARTNER, b: STANDARD_PARTNER } });
    const verifier = await prepareWebhooks(config, {
      clock: new FrozenClock(STANDARD.seconds * 1000),
      readSecret: () => Promise.resolve(Secret.fromText(STANDARD.secret)),
      readFile: () => Promise.reject(new Error("no file")),
    });
    for (const partner of ["a", "b"])
      expect(verifier.verify(contextOf(standardDelivery()), partner)).toEqual(VERIFIED);
  });
});

describe("keys that will not do", () => {
  const ed25519 = { scheme: "timestamp.body", algorithm: "ed25519", keys: ["file:key"] };

  test.each<[string, string, string]>([
    ["an empty one", "", "fewer than 24"],
    ["one of 23 bytes", "0123456789abcdefghijklm", "fewer than 24"],
    ["one letter many times", "a".repeat(64), "repeats"],
  ])("a shared secret: %s", async (_, secret, why) => {
    SECRETS["WEAK"] = secret;
    const partner = { scheme: "timestamp.body", secrets: ["env:TEXT", "env:WEAK"] };
    await expect(prepare(partner)).rejects.toThrow(why);
  });

  test.each([
    "whsec_hunter2 is not base64 however long",
    "whsec_hunter2UPD8ILPZIo2LaLaSwhunter2=w",
  ])("a secret of Standard Webhooks that is not base64", async (secret) => {
    SECRETS["WEAK"] = secret;
    const failure = prepare({ ...STANDARD_PARTNER, secrets: ["env:WEAK"] });
    await expect(failure).rejects.toThrow(/partner acme: a secret is not base64/);
    await expect(failure).rejects.not.toThrow("hunter2");
  });

  const { privateKey } = generateKeyPairSync("ed25519");
  const { publicKey: rsa } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const { publicKey: exchange } = generateKeyPairSync("x25519");
  test.each<[string, string, string]>([
    ["nothing", "", "no Ed25519"],
    ["a private key", privateKey.export({ type: "pkcs8", format: "pem" }).toString(), "private"],
    ["an RSA key", rsa.export({ type: "spki", format: "pem" }).toString(), "no Ed25519"],
    ["a key for another use", exchange.export({ type: "spki", format: "pem" }).toString(), "no Ed"],
    ["31 bytes", `whpk_${Buffer.alloc(31, 7).toString("base64")}`, "no Ed25519"],
    ["base64 with a slip", "whpk_wL02CUFU8Gr170Z8KpVZUV7lZDjdej2+xUgu9XdogJJ=", "no Ed25519"],
    ["a private key of Standard Webhooks", `whsk_${"A".repeat(44)}`, "no Ed25519"],
  ])("a public key: %s", async (_, key, why) => {
    await expect(prepare(ed25519, { files: { key } })).rejects.toThrow(why);
  });
});

test("over real HTTP: the bytes on the wire are what was signed", async () => {
  const { handler, port, server } = await startRecording({});
  try {
    const clock = new FrozenClock(STANDARD.seconds * 1000);
    const verifier = await prepare(STANDARD_PARTNER, { clock });
    const post = async (body: string, headers: Record<string, string>) => {
      await fetch(`http://127.0.0.1:${port}/webhooks/acme`, { method: "POST", body, headers });
      const { request, body: bytes } = handler.recorded.pop() ?? expect.fail("nothing arrived");
      return verifier.verify({ ...contextOf(), request, peer: request.peer, body: bytes }, "acme");
    };
    const headers = {
      "Webhook-Id": STANDARD.id,
      "Webhook-Timestamp": String(STANDARD.seconds),
      "Webhook-Signature": STANDARD.signature,
    };
    expect(await post(STANDARD.body.replace(" ", ""), headers)).toEqual(refusedFor("not match"));
    expect(await post(STANDARD.body, headers)).toEqual(VERIFIED);
    expect(await post(STANDARD.body, headers)).toEqual(refusedFor("accepted before"));
    expect(await post(STANDARD.body, {})).toBeUndefined();
  } finally {
    await server.close();
  }
});
