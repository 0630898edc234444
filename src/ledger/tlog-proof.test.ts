/** Proofs of single lines: they prove, and with anything changed, missing or foreign they do not. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkpointText } from "./checkpoint.ts";
import { leafHash } from "./hashing.ts";
import { CompactRange } from "./merkle/compact-range.ts";
import { ProofBuilder } from "./merkle/make-proof.ts";
import { signNote } from "./signed-note.ts";
import { createSigningKeyPem, readSigningKey, type SigningKey } from "./signing-key.ts";
import { EMPTY_STATE, Stream } from "./stream.ts";
import { formatTlogProof, parseTlogProof, TlogProofError, verifyTlogProof } from "./tlog-proof.ts";
import { formatVerifierKey, parseVerifierKey } from "./verifier-key.ts";

const ORIGIN = "gateway.example/one";
const KEY = readSigningKey(createSigningKeyPem(), ORIGIN);
const VKEYS = [KEY.verifierKey];

/** A stream of `count` lines and its checkpoint. */
function recorded(count: number, key: SigningKey = KEY): { lines: Buffer[]; note: string } {
  const stream = new Stream(EMPTY_STATE(), { key, sign: "checkpoint", nowUs: () => 1 });
  const lines = Array.from({ length: count }, (_, n) =>
    stream.seal(`"kind":"decision","n":${n}`).subarray(0, -1),
  );
  return { lines, note: stream.sealCheckpoint().note };
}

function pathOf(lines: readonly Buffer[], index: number): Buffer[] {
  const builder = ProofBuilder.inclusion({ index, size: lines.length });
  for (const line of lines) builder.append(leafHash(line));
  return builder.proof();
}

/** Whether it proves anything, or the code it was refused with. */
function verdictOf(text: string, vkeys: readonly string[] = VKEYS, line?: Uint8Array): string {
  try {
    verifyTlogProof(text, vkeys, line);
    return "proven";
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (typeof code === "string") return code;
    throw error;
  }
}

const { lines: LINES, note: NOTE } = recorded(11);
const PROOF = { index: 6, path: pathOf(LINES, 6), note: NOTE, extra: LINES[6] as Buffer };
const TEXT = formatTlogProof(PROOF);

describe("a tlog-proof", () => {
  test("is written as https://c2sp.org/tlog-proof says, and read again", () => {
    const path = PROOF.path.map((hash) => hash.toString("base64")).join("\n");
    const extra = PROOF.extra.toString("base64");
    expect(TEXT).toBe(`c2sp.org/tlog-proof@v1\nextra ${extra}\nindex 6\n${path}\n\n${NOTE}`);
    expect(parseTlogProof(TEXT)).toEqual(PROOF);
  });

  test("proves every line of streams of every length up to 20", () => {
    for (let count = 1; count <= 20; count += 1) {
      const { lines, note } = recorded(count);
      for (const [index, extra] of lines.entries()) {
        const text = formatTlogProof({ index, path: pathOf(lines, index), note, extra });
        const { line, checkpoint, verified } = verifyTlogProof(text, VKEYS);
        expect(line).toMatchObject({ seq: index, value: { n: index } });
        expect([checkpoint.origin, checkpoint.size]).toEqual([ORIGIN, count]);
        expect(verified).toEqual([ORIGIN]);
      }
    }
  });

  test("without the line in it proves a line that is given, and only the right one", () => {
    const text = formatTlogProof({ index: 6, path: PROOF.path, note: NOTE });
    expect(verdictOf(text)).toBe("tlog_proof.no_line");
    expect(verdictOf(text, VKEYS, LINES[6])).toBe("proven");
    expect(verdictOf(text, VKEYS, LINES[7])).toBe("proof.root_mismatch");
  });

  test("proves nothing with any byte flipped, dropped or doubled", () => {
    const bytes = Buffer.from(TEXT);
    for (let at = 0; at < bytes.length; at += 1) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] as number) ^ (1 << (at % 7));
      expect(verdictOf(flipped.toString()), `byte ${at} flipped`).not.toBe("proven");
    }
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.boolean(), (at, isDropped) => {
        const rest = bytes.subarray(isDropped ? at + 1 : at);
        const changed = Buffer.concat([bytes.subarray(0, isDropped ? at : at + 1), rest]);
        expect(verdictOf(changed.toString())).not.toBe("proven");
      }),
    );
  });

  test.each([
    ["another line in its place", { ...PROOF, extra: LINES[5]! }, "proof.root_mismatch"],
    ["another index", { ...PROOF, index: 7 }, "proof.root_mismatch"],
    ["an index behind the tree", { ...PROOF, index: 11 }, "proof.range"],
    ["a path too short", { ...PROOF, path: PROOF.path.slice(1) }, "proof.length"],
    ["a path too long", { ...PROOF, path: [...PROOF.path, PROOF.path[0]!] }, "proof.length"],
    ["a checkpoint of fewer lines", { ...PROOF, note: recorded(8).note }, "proof.length"],
    [
      "a checkpoint that is only a note",
      { ...PROOF, note: signNote("hi\n", KEY.signer) },
      "checkpoint.malformed",
    ],
    [
      "an unsigned checkpoint",
      { ...PROOF, note: NOTE.replace(/\u2014 .*\n$/, "") },
      "note.malformed",
    ],
  ])("proves nothing with %s", (_, proof, code) => {
    expect(verdictOf(formatTlogProof(proof))).toBe(code);
  });

  const foreign = readSigningKey(createSigningKeyPem(), ORIGIN);
  const named = readSigningKey(createSigningKeyPem(), "other.example");
  test("proves nothing when its checkpoint is forged, or of another stream", () => {
    const forged = { ...PROOF, note: recorded(11, foreign).note };
    expect(verdictOf(formatTlogProof(forged))).toBe("note.unverified");
    expect(verdictOf(formatTlogProof(PROOF), [named.verifierKey])).toBe("note.unverified");
    const text = NOTE.slice(0, NOTE.indexOf("\n\n") + 1);
    const cosigned = { ...PROOF, note: signNote(text, named.signer) };
    expect(verdictOf(formatTlogProof(cosigned), [named.verifierKey])).toBe("tlog_proof.origin");
    expect(verdictOf(formatTlogProof(cosigned), [...VKEYS, named.verifierKey])).toBe(
      "note.unverified",
    );
  });

  test("proves nothing when only a witness with the name of the log signed", () => {
    const { publicKey } = parseVerifierKey(KEY.verifierKey);
    const witness = formatVerifierKey(ORIGIN, publicKey, "witness");
    expect(verdictOf(TEXT, [witness])).toBe("note.unverified");
    const stamp = Buffer.alloc(8);
    const cosigner = {
      name: ORIGIN,
      keyId: parseVerifierKey(witness).keyId,
      sign: (text: Uint8Array) => {
        const signed = Buffer.concat([Buffer.from("cosignature/v1\ntime 0\n"), text]);
        return Buffer.concat([stamp, KEY.signer.sign(signed)]);
      },
    };
    const text = NOTE.slice(0, NOTE.indexOf("\n\n") + 1);
    const proof = formatTlogProof({ ...PROOF, note: signNote(text, cosigner) });
    expect(verdictOf(proof, [witness])).toBe("tlog_proof.origin");
    expect(verdictOf(proof, [witness, ...VKEYS])).toBe("note.unverified");
  });

  test("names the witnesses that cosigned, besides the log", () => {
    const text = NOTE.slice(0, NOTE.indexOf("\n\n") + 1);
    const proof = formatTlogProof({ ...PROOF, note: signNote(text, KEY.signer, named.signer) });
    const vkeys = [...VKEYS, named.verifierKey];
    expect(verifyTlogProof(proof, vkeys).verified).toEqual([ORIGIN, "other.example"]);
  });

  test("proves nothing of a leaf that is no line, or a line of another index, signed as it may be", () => {
    const proven = (leaf: Buffer, index: number, leaves: readonly Buffer[]): string => {
      const tree = CompactRange.empty();
      for (const each of leaves) tree.append(leafHash(each));
      const checkpoint = {
        origin: ORIGIN,
        size: leaves.length,
        root: tree.root(),
        chain: `b3:${"0".repeat(64)}`,
      };
      const note = signNote(checkpointText(checkpoint), KEY.signer);
      return verdictOf(formatTlogProof({ index, path: pathOf(leaves, index), note, extra: leaf }));
    };
    const swapped = [LINES[1]!, LINES[0]!];
    expect(proven(swapped[0]!, 0, swapped)).toBe("tlog_proof.line");
    const noLine = [Buffer.from("hello"), LINES[1]!];
    expect(proven(noLine[0]!, 0, noLine)).toBe("line.malformed");
    const changed = Buffer.from(LINES[0]!.toString().replace('"n":0', '"n":5'));
    expect(proven(changed, 0, [changed, LINES[1]!])).toBe("tlog_proof.line");
  });

  test.each([
    ["nothing", ""],
    ["another version", TEXT.replace("@v1", "@v2")],
    ["no index", TEXT.replace("index 6\n", "")],
    ["an index with a leading zero", TEXT.replace("index 6", "index 06")],
    ["an index beyond safe integers", TEXT.replace("index 6", "index 9007199254740993")],
    ["extra data behind the index", TEXT.replace(/(extra .*\n)(index 6\n)/, "$2$1")],
    ["extra data twice", TEXT.replace(/(extra .*\n)/, "$1$1")],
    ["extra data that is not base64", TEXT.replace("extra ", "extra !")],
    ["a hash too short", TEXT.replace(/index 6\n..../, "index 6\n")],
    ["no blank line", TEXT.replaceAll("\n\n", "\n")],
    ["carriage returns", TEXT.replaceAll("\n", "\r\n")],
    [
      "a path longer than any tree is deep",
      formatTlogProof({ ...PROOF, path: Array.from({ length: 54 }, () => PROOF.path[0]!) }),
    ],
    ["more bytes than a proof has", TEXT + "x".repeat(2_000_000)],
  ])("is malformed with %s", (_, text) => {
    expect(() => parseTlogProof(text)).toThrow(TlogProofError);
  });
});
