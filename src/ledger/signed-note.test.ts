/** Signed notes: the specification's own example, its rules, and that no changed byte is taken. */
import { execFileSync } from "node:child_process";
import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  isKeyName,
  NOTE_LIMIT_BYTES,
  NOTE_LIMIT_SIGNATURES,
  NoteError,
  openNote,
  signNote,
} from "./signed-note.ts";
import { createSigningKeyPem, readSigningKey } from "./signing-key.ts";
import { formatVerifierKey, parseVerifierKey } from "./verifier-key.ts";

/** https://c2sp.org/signed-note, "Example". */
const SPECIFICATION_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const SPECIFICATION_NOTE = `This is an example message.

\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
`;

const PEM = createSigningKeyPem();
const KEY = readSigningKey(PEM, "gateway.example/one");
const VERIFIER = parseVerifierKey(KEY.verifierKey);
const OTHER = readSigningKey(createSigningKeyPem(), "witness.example");
const OTHER_VERIFIER = parseVerifierKey(OTHER.verifierKey);
const TEXT = "gateway.example/one\n\nwith an empty line, and \u00fcml\u00e4uts\n";
const NOTE = signNote(TEXT, KEY.signer);

/** The code a note is refused with, or `opened`. */
function verdictOf(note: string | Uint8Array, verifiers = [VERIFIER]): string {
  try {
    openNote(note, verifiers);
    return "opened";
  } catch (error) {
    if (error instanceof NoteError) return error.code;
    throw error;
  }
}

const lastLineOf = (note: string): string => `${note.trimEnd().split("\n").at(-1)}\n`;

describe("a signed note", () => {
  test("of the specification opens under the specification's key", () => {
    const opened = openNote(SPECIFICATION_NOTE, [parseVerifierKey(SPECIFICATION_VKEY)]);
    expect(opened).toEqual({
      text: "This is an example message.\n",
      verified: ["example.com/foo"],
    });
  });

  test("gives back its text, with the names of all known keys that signed", () => {
    const note = signNote(TEXT, OTHER.signer, KEY.signer);
    const names = [OTHER.origin, KEY.origin];
    expect(openNote(note, [VERIFIER, OTHER_VERIFIER])).toEqual({ text: TEXT, verified: names });
    expect(openNote(Buffer.from(note), [VERIFIER]).verified).toEqual([KEY.origin]);
  });

  test("names a key once, however often it signed", () => {
    const note = NOTE + lastLineOf(NOTE);
    expect(openNote(note, [VERIFIER]).verified).toEqual([KEY.origin]);
  });

  test("ignores what unknown keys signed, even under a known name or with a known id", () => {
    const sameName = readSigningKey(createSigningKeyPem(), KEY.origin);
    const sameId = { ...OTHER.signer, keyId: KEY.signer.keyId };
    const note = signNote(TEXT, sameName.signer, sameId, OTHER.signer, KEY.signer);
    expect(openNote(note, [VERIFIER])).toEqual({ text: TEXT, verified: [KEY.origin] });
  });

  test("is refused when only unknown keys signed it", () => {
    expect(verdictOf(signNote(TEXT, OTHER.signer))).toBe("note.unverified");
    expect(verdictOf(NOTE, [])).toBe("note.unverified");
  });

  test("is refused whole when one known key's signature is wrong and another's is right", () => {
    const forged = { ...OTHER.signer, sign: () => Buffer.alloc(64) };
    const note = signNote(TEXT, KEY.signer, forged);
    expect(verdictOf(note, [VERIFIER, OTHER_VERIFIER])).toBe("note.bad_signature");
  });

  test("is refused when a known key signed another text", () => {
    const note = `another text\n\n${lastLineOf(NOTE)}`;
    expect(verdictOf(note)).toBe("note.bad_signature");
  });

  test("may carry sixteen signatures of five thousand bytes", () => {
    const large = { ...OTHER.signer, sign: () => Buffer.alloc(5_000) };
    const note = signNote(TEXT, ...Array.from({ length: 15 }, () => large), KEY.signer);
    expect(verdictOf(note)).toBe("opened");
  });

  test("is refused with more signatures or bytes than the limits", () => {
    const line = lastLineOf(NOTE);
    expect(verdictOf(`${TEXT}\n${line.repeat(NOTE_LIMIT_SIGNATURES)}`)).toBe("opened");
    expect(verdictOf(`${TEXT}\n${line.repeat(NOTE_LIMIT_SIGNATURES + 1)}`)).toBe("note.too_large");
    const filler = "\u00fc".repeat(NOTE_LIMIT_BYTES / 2);
    expect(verdictOf(signNote(`${filler}\n`, KEY.signer))).toBe("note.too_large");
  });

  test.each([
    ["nothing", ""],
    ["text without signatures", TEXT],
    ["a blank line and no signatures", "text\n\n"],
    ["no newline at the end", NOTE.slice(0, -1)],
    ["carriage returns", NOTE.replaceAll("\n", "\r\n")],
    ["a tab in the text", NOTE.replace("with an", "with\tan")],
    ["a zero byte in the text", NOTE.replace("with an", "with\0an")],
    ["a hyphen for the dash", NOTE.replace("\u2014", "-")],
    ["two spaces before the name", NOTE.replace("\u2014 ", "\u2014  ")],
    ["a third word in the signature line", NOTE.replace(/\n$/, " more\n")],
    ["a name with a plus sign", NOTE.replace("\u2014 gateway", "\u2014 gate+way")],
    ["a name with a Unicode space", NOTE.replace("\u2014 gateway", "\u2014 gate\u00a0way")],
    ["a signature that is only a key id", NOTE.replace(/ \S+\n$/, " AAAAAA==\n")],
    [
      "base64 for URLs",
      NOTE.replace(/ \S+\n$/, ` ${Buffer.alloc(68, 0xff).toString("base64url")}\n`),
    ],
    ["base64 without padding", NOTE.replace(/=+\n$/, "\n")],
    ["a lone surrogate", NOTE.replace("with an", "\ud800")],
    ["a byte order mark before a signature", NOTE.replace("\u2014", "\ufeff\u2014")],
  ])("is malformed with %s", (_, note) => {
    expect(verdictOf(note)).toBe("note.malformed");
  });

  test("is malformed with bytes that are not UTF-8, and a byte order mark is part of the text", () => {
    expect(verdictOf(Buffer.concat([Buffer.of(0xff), Buffer.from(NOTE)]))).toBe("note.malformed");
    expect(verdictOf(Buffer.from(`\ufeff${NOTE}`))).toBe("note.bad_signature");
  });

  test("with base64 that says the same in another way is refused: a note has one text", () => {
    const [, text = ""] = / (\S+)==?\n$/.exec(signNote(TEXT, OTHER.signer)) ?? [];
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const loose = alphabet[alphabet.indexOf(text.at(-1) as string) + 1] as string;
    const changed = signNote(TEXT, OTHER.signer).replace(/.=\n$/, `${loose}=\n`);
    expect(Buffer.from(changed.trim().split(" ").at(-1) as string, "base64")).toHaveLength(68);
    expect(verdictOf(changed, [OTHER_VERIFIER])).toBe("note.malformed");
  });

  test("does not open with any one byte changed, dropped or doubled, wherever it is", () => {
    const bytes = Buffer.from(NOTE);
    for (let at = 0; at < bytes.length; at += 1) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] as number) ^ (1 << (at % 8));
      expect(verdictOf(flipped), `byte ${at} flipped`).not.toBe("opened");
      const dropped = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
      expect(verdictOf(dropped), `byte ${at} dropped`).not.toBe("opened");
      const doubled = Buffer.concat([bytes.subarray(0, at + 1), bytes.subarray(at)]);
      expect(verdictOf(doubled), `byte ${at} doubled`).not.toBe("opened");
    }
  });

  test("does not open with any byte replaced by any other", () => {
    const bytes = Buffer.from(NOTE);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] as number) ^ change;
        expect(verdictOf(changed)).not.toBe("opened");
      }),
      { numRuns: 500 },
    );
  });

  test("opens with any text that may be signed", () => {
    const text = fc.string({ unit: "grapheme" }).map((each) => `${each}\n`);
    fc.assert(
      fc.property(text, (each) => {
        // oxlint-disable-next-line no-control-regex -- controls are what may not be signed
        fc.pre(!/[\u0000-\u0009\u000b-\u001f]/.test(each));
        expect(openNote(signNote(each, KEY.signer), [VERIFIER]).text).toBe(each);
      }),
    );
  });

  test.each([["no newline"], ["a control\u0007\n"], ["a lone surrogate \ud800\n"], [""]])(
    "is not made of %j",
    (text) => {
      expect(() => signNote(text, KEY.signer)).toThrow(NoteError);
    },
  );
});

test.each([
  ["example.com/log", true],
  ["\u65e5\u672c", true],
  ["", false],
  ["two words", false],
  ["a+b", false],
  ["a\u2003b", false],
  ["a\u0001b", false],
  ["a\ud800", false],
])("%j names a key: %s", (name, expected) => {
  expect(isKeyName(name)).toBe(expected);
});

describe("a cosignature (type 4)", () => {
  const privateKey = createPrivateKey(createSigningKeyPem());
  const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  const vkey = formatVerifierKey("witness.example/w1", spki.subarray(-32), "witness");
  const verifier = parseVerifierKey(vkey);

  /** https://c2sp.org/tlog-cosignature, "Ed25519 signed message". */
  function cosigner(time: bigint, signedTime = time): typeof KEY.signer {
    const stamp = Buffer.alloc(8);
    stamp.writeBigUInt64BE(time);
    const signText = (text: Uint8Array): Buffer => {
      const header = Buffer.from(`cosignature/v1\ntime ${signedTime}\n`);
      return Buffer.concat([stamp, sign(null, Buffer.concat([header, text]), privateKey)]);
    };
    return { name: verifier.name, keyId: verifier.keyId, sign: signText };
  }

  test("verifies over its time and the text", () => {
    const note = signNote(TEXT, KEY.signer, cosigner(1_795_000_000n));
    expect(openNote(note, [VERIFIER, verifier]).verified).toEqual([KEY.origin, verifier.name]);
  });

  test.each([
    ["another time than it signed", cosigner(1_795_000_001n, 1_795_000_000n)],
    ["a time beyond 2^63 - 1", cosigner(2n ** 63n)],
    ["a time it signed as a negative one", cosigner(2n ** 63n, -(2n ** 63n))],
    ["no time at all", { ...cosigner(1n), sign: KEY.signer.sign }],
  ])("does not verify with %s", (_, signer) => {
    expect(verdictOf(signNote(TEXT, signer), [verifier])).toBe("note.bad_signature");
  });
});

test("OpenSSL verifies the signature of a note over its text, and refuses it over another", () => {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-note-"));
  try {
    const path = (name: string): string => join(folder, name);
    const signature = Buffer.from(lastLineOf(NOTE).trim().split(" ").at(-1) as string, "base64");
    const publicKey = createPublicKey(createPrivateKey(PEM));
    writeFileSync(path("key.pem"), publicKey.export({ format: "pem", type: "spki" }));
    writeFileSync(path("signature"), signature.subarray(4));
    writeFileSync(path("text"), TEXT);
    writeFileSync(path("other"), TEXT.replace("empty", "emtpy"));
    const verify = (text: string): string =>
      execFileSync(
        "openssl",
        [
          ["pkeyutl", "-verify", "-pubin", "-inkey", path("key.pem"), "-rawin"],
          ["-sigfile", path("signature"), "-in", path(text)],
        ].flat(),
        { encoding: "utf8", stdio: "pipe" },
      );
    expect(verify("text")).toContain("Verified Successfully");
    expect(() => verify("other")).toThrow(/Verification Failure|Command failed/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
