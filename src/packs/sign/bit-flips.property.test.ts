/** No change that an attacker makes to signed bytes is taken: each byte of each file, and changes at random. */
import { assert, integer, nat, property, tuple, uint8Array } from "fast-check";
import { describe, expect, test } from "vitest";
import { signEnvelope } from "./dsse.ts";
import { signPackJson } from "./pack-json.ts";
import { bytesOf, newKey, yamlOf } from "./signed-packs.test-support.ts";
import { openPack, type OpenedPack, type PackTrust } from "./trust.ts";

const [A, B] = [newKey(), newKey()] as const;
const YAML = yamlOf({});
const PACK_JSON = bytesOf(
  signPackJson({ bytes: YAML, id: "doors", version: "7", key: A.privateKey, createdAtMs: 1e12 }),
);
const ENVELOPE = bytesOf(signEnvelope({ bytes: YAML, keys: [A.privateKey, B.privateKey] }));
const ONE: PackTrust = { form: "pack_json", keys: [A.publicKey], threshold: 1 };
const TWO: PackTrust = { form: "dsse", keys: [A.publicKey, B.publicKey], threshold: 2 };

/** Where the one value stands that is not signed. */
const TIME_FROM = PACK_JSON.indexOf("1000000000");
const TIME_TO = TIME_FROM + "1000000000".length;

type Open = (bytes: Uint8Array) => OpenedPack;
const openYaml: Open = (yaml) => openPack({ signature: PACK_JSON, yaml }, ONE);
const openPackJson: Open = (signature) => openPack({ signature, yaml: YAML }, ONE);
const openEnvelope: Open = (signature) => openPack({ signature }, TWO);

const FILES = [
  ["the YAML", YAML, openYaml],
  ["pack.json", PACK_JSON, openPackJson],
  ["the envelope", ENVELOPE, openEnvelope],
] as const;

function tryOpen(open: Open, bytes: Uint8Array): OpenedPack | undefined {
  try {
    return open(bytes);
  } catch (error) {
    // A change may make a file wrong in any way, but never break the reader.
    expect(error).toMatchObject({ name: "PackRefused" });
    return undefined;
  }
}

/** What a signature is for. */
const meaningOf = ({ bytes, id, version, blake3, signers }: OpenedPack) => ({
  bytes: Buffer.from(bytes).toString("hex"),
  id,
  version,
  blake3,
  signers,
});

describe.each(FILES)("%s", (name, file, open) => {
  const good = meaningOf(open(file));
  const isUnsigned = (at: number): boolean =>
    name === "pack.json" && at >= TIME_FROM && at < TIME_TO;

  test("with one bit flipped is refused, wherever it is", () => {
    const taken: number[] = [];
    for (let at = 0; at < file.length; at++) {
      if (isUnsigned(at)) continue;
      const bytes = Buffer.from(file);
      // Each byte once, each of its bits in turn.
      bytes[at] = (bytes[at] as number) ^ (1 << (at % 8));
      if (tryOpen(open, bytes)) taken.push(at);
    }
    expect(taken).toEqual([]);
  });

  test("with any byte replaced is refused, or says the same", () => {
    const change = tuple(nat(file.length - 1), integer({ min: 1, max: 255 }));
    assert(
      property(change, ([at, mask]) => {
        const bytes = Buffer.from(file);
        bytes[at] = (bytes[at] as number) ^ mask;
        const opened = tryOpen(open, bytes);
        if (opened !== undefined) expect(meaningOf(opened)).toEqual(good);
      }),
      { numRuns: 500 },
    );
  });

  test("with bytes cut out, put in or moved is refused, or says the same", () => {
    const position = nat(file.length);
    const change = tuple(position, position, position, uint8Array({ maxLength: 8 }));
    assert(
      property(change, ([one, other, to, extra]) => {
        const [from, until] = [Math.min(one, other), Math.max(one, other)];
        const rest = Buffer.concat([file.subarray(0, from), file.subarray(until)]);
        const moved = file.subarray(from, Math.min(until, from + to));
        const bytes = Buffer.concat([rest.subarray(0, to), extra, moved, rest.subarray(to)]);
        const opened = tryOpen(open, bytes);
        if (opened !== undefined) expect(meaningOf(opened)).toEqual(good);
      }),
      { numRuns: 500 },
    );
  });

  test("cut off anywhere is refused", () => {
    for (let length = 0; length < file.length; length++) {
      const opened = tryOpen(open, file.subarray(0, length));
      // The line end behind an envelope is white space.
      if (opened !== undefined) expect(name === "the envelope" && length).toBe(file.length - 1);
    }
  });
});

test("a time that is changed changes nothing", () => {
  const later = bytesOf(PACK_JSON.toString().replace("1000000000", "2000000000"));
  expect(meaningOf(openPackJson(later))).toEqual(meaningOf(openPackJson(PACK_JSON)));
});
