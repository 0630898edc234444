/** The ledger before a real witness of the C2SP ecosystem: it checks every proof with code that is not ours. */
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  createTestLedger,
  TEST_ORIGIN,
  type TestLedger,
} from "../../src/ledger/outward/ledger-files.test-support.ts";
import {
  openWitnessFeed,
  type CosignedNote,
  type WitnessFeed,
} from "../../src/ledger/outward/witness-feed.ts";
import { parseWitnessKey } from "../../src/ledger/outward/witness-key.ts";
import { openNote } from "../../src/ledger/signed-note.ts";
import { parseVerifierKey } from "../../src/ledger/verifier-key.ts";
import { type Litewitness, prepareLitewitness, startLitewitness } from "../support/litewitness.ts";
import { until } from "../support/until.ts";

const PATIENCE_MS = 25_000;

const folder = prepareLitewitness();

describe.skipIf(folder === undefined)("litewitness", () => {
  let ledger: TestLedger;
  let witness: Litewitness;
  let feed: WitnessFeed | undefined;
  let cosigned: CosignedNote[];
  beforeEach(async () => {
    ledger = await createTestLedger();
    witness = await startLitewitness(folder as string, {
      origin: TEST_ORIGIN,
      vkey: ledger.key.verifierKey,
    });
    cosigned = [];
  });
  afterEach(async () => {
    await feed?.close();
    feed = undefined;
    await witness.stop();
    await ledger.remove();
  });

  async function open(source: TestLedger, state = "witnesses.json"): Promise<WitnessFeed> {
    feed = await openWitnessFeed({
      witnesses: [{ name: "lite", url: witness.url, keys: [parseWitnessKey(witness.vkey)] }],
      consistencyProof: (oldSize, newSize) => source.consistencyProof(oldSize, newSize),
      onCosigned: (note) => void cosigned.push(note),
      statePath: join(source.directory, state),
      intervalMs: 1,
      backoff: { firstMs: 1, limitMs: 10 },
    });
    return feed;
  }

  async function cosign(opened: WitnessFeed): Promise<string> {
    const { note, size } = ledger;
    opened.checkpoint(note, size);
    const isCosigned = (): boolean => {
      if (opened.status().failed > 0) throw new Error(opened.status().lastError?.message);
      return cosigned.at(-1)?.size === size;
    };
    await until(`a cosignature of ${size}`, isCosigned, PATIENCE_MS);
    return (cosigned.at(-1) as CosignedNote).note;
  }

  test("cosigns tree after tree, and the note verifies under both keys", async () => {
    const opened = await open(ledger);
    for (const count of [1, 1, 2, 3, 7, 64, 100, 257]) {
      await ledger.append(count);
      const note = await cosign(opened);
      const keys = [parseVerifierKey(ledger.key.verifierKey), parseWitnessKey(witness.vkey)];
      expect(openNote(note, keys).verified).toEqual([TEST_ORIGIN, "witness.example/w1"]);
    }
  });

  test("says where it stands when the gateway has forgotten", async () => {
    await cosign(await open(ledger));
    await feed?.close();
    await ledger.append(20);
    await cosign(await open(ledger, "another.json"));
  });

  test("does not cosign a ledger that was rewritten", async () => {
    await ledger.append(5);
    await cosign(await open(ledger));
    await feed?.close();
    const forged = await createTestLedger({ key: ledger.key });
    await forged.append(30, (index) => `"kind":"decision","request_id":"forged-${index}"`);
    const opened = await open(forged);
    opened.checkpoint(forged.note, forged.size);
    await until("an alarm", () => opened.status().lastError !== undefined, PATIENCE_MS);
    expect(opened.status().lastError).toMatchObject({ code: "witness.inconsistent" });
    await opened.close();
    await forged.remove();
  });

  test("does not cosign a ledger whose tail was cut off", async () => {
    const short = { note: ledger.note, size: ledger.size };
    await ledger.append(5);
    await cosign(await open(ledger));
    await feed?.close();
    const opened = await open(ledger, "another.json");
    opened.checkpoint(short.note, short.size);
    await until("an alarm", () => opened.status().lastError !== undefined, PATIENCE_MS);
    expect(opened.status().lastError).toMatchObject({ code: "witness.ahead" });
  });

  test("does not take another key for the same ledger", async () => {
    const stranger = await createTestLedger();
    const opened = await open(stranger);
    opened.checkpoint(stranger.note, stranger.size);
    await until("a refusal", () => opened.status().lastError !== undefined, PATIENCE_MS);
    expect(opened.status().lastError).toMatchObject({ code: "witness.refused" });
    await opened.close();
    await stranger.remove();
  });
});
