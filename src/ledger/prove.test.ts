import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { verifyConsistency } from "./merkle/verify-proof.ts";
import { proveConsistency, proveLine } from "./prove.ts";
import { parseTlogProof, verifyTlogProof } from "./tlog-proof.ts";
import {
  filesOf,
  makeLedger,
  newKey,
  removeDirectories,
  segmentName,
  writeDirectory,
} from "./verify/ledger-fixture.test-support.ts";

afterAll(removeDirectories);

const KEY = newKey();
const SIZES = Array.from({ length: 45 }, (_, size) => size);
const LEDGER = makeLedger({ key: KEY, segments: 4, noteAt: SIZES });
const vkeys = [KEY.verifierKey];
const lines = LEDGER.segments.flat();
const directoryOf = (files = filesOf(LEDGER)): string =>
  writeDirectory({ segments: files, note: LEDGER.note, publicKey: KEY.verifierKey });

describe("the proof of a line", () => {
  test("holds for every line, with nothing but the public key", async () => {
    const directory = directoryOf();
    for (const [seq, bytes] of lines.entries()) {
      const text = await proveLine({ directory, seq, vkeys });
      const { line } = verifyTlogProof(text, vkeys);
      expect(line.value).toEqual(JSON.parse(bytes.toString()));
    }
  });

  test("can be made against a checkpoint that someone kept", async () => {
    const note = LEDGER.notes.get(30) as string;
    const text = await proveLine({ directory: directoryOf(), seq: 3, vkeys, note });
    expect(parseTlogProof(text).note).toBe(note);
    await expect(
      proveLine({ directory: directoryOf(), seq: 30, vkeys, note }),
    ).rejects.toMatchObject({ code: "prove.no_checkpoint" });
  });

  test("can still be made where older segments were removed, and says so where the line itself was", async () => {
    const directory = directoryOf();
    rmSync(join(directory, segmentName(0)));
    verifyTlogProof(await proveLine({ directory, seq: 25, vkeys }), vkeys);
    await expect(proveLine({ directory, seq: 5, vkeys })).rejects.toMatchObject({
      code: "prove.removed",
    });
  });

  test("is not made of a ledger that is damaged, nor of a line that is not there", async () => {
    const files = filesOf(LEDGER);
    const bytes = files.get(segmentName(0)) as Buffer;
    bytes[bytes.indexOf("status", bytes.indexOf('"seq":3,'))] = 0x53;
    const directory = directoryOf(files);
    await expect(proveLine({ directory, seq: 2, vkeys })).rejects.toMatchObject({
      code: "prove.damaged",
    });
    await expect(proveLine({ directory, seq: 99, vkeys })).rejects.toMatchObject({
      code: "prove.no_checkpoint",
    });
  });
});

describe("the proof that a checkpoint continues another", () => {
  test.each([
    [1, 44],
    [7, 8],
    [16, 33],
    [23, 23],
    [31, 44],
  ])("holds from %i lines to %i", async (size1, size2) => {
    const notes = { older: LEDGER.notes.get(size1), newer: LEDGER.notes.get(size2) };
    const { older, newer, proof } = await proveConsistency({
      directory: directoryOf(),
      vkeys,
      ...(notes as { older: string; newer: string }),
    });
    verifyConsistency({ size1, size2, root1: older.root, root2: newer.root, proof });
  });

  test("is refused for checkpoints of two histories, in the wrong order, or by another key", async () => {
    const members = (seq: number): string => `"kind":"decision","request_id":"other-${seq}"`;
    const other = makeLedger({ key: KEY, segments: 4, noteAt: SIZES, members });
    const [older, newer] = [LEDGER.notes.get(20), LEDGER.note] as [string, string];
    const directory = directoryOf();
    const forked = { directory, vkeys, older: other.notes.get(20) as string, newer };
    await expect(proveConsistency(forked)).rejects.toMatchObject({ code: "prove.damaged" });
    const turned = { directory, vkeys, older: newer, newer: older };
    await expect(proveConsistency(turned)).rejects.toMatchObject({ code: "prove.no_checkpoint" });
    const strange = { directory, vkeys: [newKey().verifierKey], older, newer };
    await expect(proveConsistency(strange)).rejects.toMatchObject({ code: "note.unverified" });
  });
});
