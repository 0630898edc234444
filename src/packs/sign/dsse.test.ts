import { sign } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  addSignatures,
  PAYLOAD_TYPE,
  preAuthenticationEncoding,
  readEnvelope,
  signEnvelope,
  signersOf,
} from "./dsse.ts";
import {
  bytesOf,
  codeOf,
  envelopeMembers,
  newKey,
  yamlOf,
  type EnvelopeMembers,
} from "./signed-packs.test-support.ts";

const [A, B, C] = [newKey(), newKey(), newKey()] as const;
const PUBLIC = [A.publicKey, B.publicKey, C.publicKey];
const YAML = yamlOf({});

describe("the pre-authentication encoding", () => {
  test("is that of the specification's example", () => {
    const encoded = preAuthenticationEncoding(
      "http://example.com/HelloWorld",
      Buffer.from("hello world"),
    );
    expect(encoded.toString()).toBe("DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  });

  test.each([
    ["nothing", "", "", "DSSEv1 0  0 "],
    ["lengths in bytes, not characters", "é", "ü", "DSSEv1 2 é 2 ü"],
    ["no second reading", "a 1 b", "c", "DSSEv1 5 a 1 b 1 c"],
  ])("%s", (_what, type, body, encoded) => {
    expect(preAuthenticationEncoding(type, Buffer.from(body)).toString()).toBe(encoded);
  });
});

describe("an envelope", () => {
  test("is one line of JSON without a keyid", () => {
    const text = signEnvelope({ bytes: YAML, keys: [A.privateKey, B.privateKey] });
    expect(text).toBe(`${JSON.stringify(envelopeMembers([A, B]))}\n`);
  });

  test("gives back the exact bytes", () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from([0xff, 0x00, 0x0d, 0x0a]), YAML]) {
      const envelope = readEnvelope(bytesOf(signEnvelope({ bytes, keys: [A.privateKey] })));
      expect(envelope.payload).toEqual(bytes);
      expect(signersOf(envelope, PUBLIC)).toEqual([A.publicKey]);
    }
  });

  test("in the URL-safe alphabet, as verifiers MUST accept it", () => {
    // Bytes that need both digits of which the alphabets differ.
    const bytes = Buffer.from([0xfb, 0xef, 0xff, 0xff]);
    const members = envelopeMembers([A], bytes);
    expect(members.payload).toMatch(/[+].*[/]/);
    const urlSafe = (text: string): string => text.replaceAll("+", "-").replaceAll("/", "_");
    const envelope = readEnvelope(
      bytesOf({
        ...members,
        payload: urlSafe(members.payload),
        signatures: members.signatures.map(({ sig }) => ({ sig: urlSafe(sig) })),
      }),
    );
    expect(envelope.payload).toEqual(bytes);
    expect(signersOf(envelope, PUBLIC)).toHaveLength(1);
  });

  test("as others print it: another order of members, lines and keyids", () => {
    const { payload, signatures } = envelopeMembers([B, A]);
    const text = JSON.stringify(
      {
        payloadType: PAYLOAD_TYPE,
        signatures: signatures.map(({ sig }, i) => ({ sig, keyid: `SHA256:${i}` })),
        payload,
      },
      undefined,
      "\t",
    );
    expect(signersOf(readEnvelope(bytesOf(text)), PUBLIC)).toEqual([A.publicKey, B.publicKey]);
  });
});

describe("who signed", () => {
  const read = (members: EnvelopeMembers) => readEnvelope(bytesOf(members));

  test.each([
    ["nobody known", [], [A, B, C], []],
    ["one", [A], [A], [A]],
    ["one, though another is trusted too", [B], [A, B], [B]],
    ["all, in the order of trust", [C, A, B], [A, B, C], [A, B, C]],
    ["one who signed twice", [A, A], [A, B], [A]],
  ])("%s", (_who, signers, trusted, expected) => {
    const envelope = read(envelopeMembers([newKey(), ...signers]));
    expect(
      signersOf(
        envelope,
        trusted.map((key) => key.publicKey),
      ),
    ).toEqual(expected.map((key) => key.publicKey));
  });

  test("one signature never counts for two keys", () => {
    const envelope = read(envelopeMembers([A]));
    expect(signersOf(envelope, [A.publicKey, A.publicKey])).toHaveLength(1);
  });
});

describe("a signature that is added later", () => {
  const first = bytesOf(signEnvelope({ bytes: YAML, keys: [A.privateKey] }));

  test("stands behind those that were there", () => {
    const both = bytesOf(addSignatures(first, [B.privateKey]));
    expect(JSON.parse(both.toString())).toEqual(envelopeMembers([A, B]));
    expect(signersOf(readEnvelope(both), PUBLIC)).toHaveLength(2);
  });

  test("leaves the keyids of others alone", () => {
    const members = envelopeMembers([A]);
    const named = { ...members, signatures: [{ ...members.signatures[0], keyid: "a" }] };
    const text = addSignatures(bytesOf(named), [B.privateKey]);
    expect(JSON.parse(text)).toMatchObject({ signatures: [{ keyid: "a" }, {}] });
  });

  test("is refused by a key that signed before", () => {
    expect(codeOf(() => addSignatures(first, [A.privateKey]))).toBe("pack.already_signed");
    expect(codeOf(() => addSignatures(first, [B.privateKey, B.privateKey]))).toBe(
      "pack.already_signed",
    );
    expect(codeOf(() => signEnvelope({ bytes: YAML, keys: [A.privateKey, A.privateKey] }))).toBe(
      "pack.already_signed",
    );
  });

  test("is refused where sixteen are", () => {
    const keys = Array.from({ length: 16 }, () => newKey().privateKey);
    const full = bytesOf(signEnvelope({ bytes: YAML, keys }));
    expect(readEnvelope(full).signatures).toHaveLength(16);
    expect(codeOf(() => addSignatures(full, [A.privateKey]))).toBe("pack.too_many_signatures");
  });

  test("is refused where there are none, and nobody signs", () => {
    expect(codeOf(() => signEnvelope({ bytes: YAML, keys: [] }))).toBe("pack.no_signatures");
    const stripped = bytesOf({ ...envelopeMembers([A]), signatures: [] });
    expect(codeOf(() => addSignatures(stripped, [B.privateKey]))).toBe("pack.no_signatures");
  });

  test("is refused where a signature is of another text of the same key", () => {
    const sig = sign(null, YAML, A.privateKey).toString("base64");
    const wrong = bytesOf({ ...envelopeMembers([B]), signatures: [{ sig }] });
    // It does not count as signed: the key may sign now, rightly.
    const right = readEnvelope(bytesOf(addSignatures(wrong, [A.privateKey])));
    expect(signersOf(right, PUBLIC)).toEqual([A.publicKey]);
  });
});
