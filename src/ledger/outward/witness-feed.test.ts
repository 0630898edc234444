/** Witnesses: cosignatures that verify are added, everything else is refused and named. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import { openNote } from "../signed-note.ts";
import { createTestLedger, TEST_ORIGIN, type TestLedger } from "./ledger-files.test-support.ts";
import { startStrictWitness, type StrictWitness } from "./strict-witness.test-support.ts";
import {
  openWitnessFeed,
  type CosignedNote,
  type NamedWitness,
  type WitnessFeed,
} from "./witness-feed.ts";
import { parseWitnessKey } from "./witness-key.ts";
import { addCheckpoint } from "./witness-request.ts";

const PATIENCE_MS = 20_000;
const QUICK = { firstMs: 1, limitMs: 10 };
/** Node 24 makes such keys; with the OpenSSL of late Node 22 they can be read. */
const hasMlDsa = Number(process.versions.node.split(".")[0]) >= 24;
if (!hasMlDsa)
  console.warn("SKIPPED: this Node makes no ML-DSA-44 keys; cosignatures of type 6 are not tested");

let ledger: TestLedger;
let witness: StrictWitness;
let feed: WitnessFeed | undefined;
let cosigned: CosignedNote[];
beforeEach(async () => {
  ledger = await createTestLedger();
  witness = await startStrictWitness({ logs: new Map([[TEST_ORIGIN, ledger.key.verifierKey]]) });
  cosigned = [];
});
afterEach(async () => {
  await feed?.close();
  feed = undefined;
  await witness.close();
  await ledger.remove();
});

const named = (one: StrictWitness, name = "first"): NamedWitness => ({
  name,
  url: one.url,
  keys: [parseWitnessKey(one.vkey)],
});

async function open(witnesses: readonly NamedWitness[] = [named(witness)]): Promise<WitnessFeed> {
  feed = await openWitnessFeed({
    witnesses,
    consistencyProof: (oldSize, newSize) => ledger.consistencyProof(oldSize, newSize),
    onCosigned: (note) => void cosigned.push(note),
    statePath: join(ledger.directory, "witnesses.json"),
    intervalMs: 1,
    backoff: QUICK,
  });
  return feed;
}

async function cosign(opened: WitnessFeed): Promise<CosignedNote> {
  const { note, size } = ledger;
  opened.checkpoint(note, size);
  await until(`a cosignature of ${size}`, () => cosigned.at(-1)?.size === size, PATIENCE_MS);
  return cosigned.at(-1) as CosignedNote;
}

async function failure(opened: WitnessFeed): Promise<string | undefined> {
  opened.checkpoint(ledger.note, ledger.size);
  await until("a failure", () => opened.status().lastError !== undefined, PATIENCE_MS);
  return opened.status().lastError?.code;
}

describe("a witness", () => {
  test("cosigns tree after tree, each proven to continue the one before", async () => {
    const opened = await open();
    for (const count of [1, 2, 3, 5, 8, 130]) {
      await ledger.append(count);
      const { note, witnesses } = await cosign(opened);
      expect(witnesses).toEqual(["first"]);
      expect(note.startsWith(ledger.note)).toBe(true);
      expect(openNote(note, [parseWitnessKey(witness.vkey)]).verified).toEqual([
        "witness.example/w1",
      ]);
    }
    expect(witness.trees.get(TEST_ORIGIN)?.size).toBe(ledger.size);
    expect(opened.witnesses()).toEqual([
      { name: "first", size: ledger.size, lastError: undefined },
    ]);
  });

  test("is asked from the remembered size after a restart", async () => {
    await cosign(await open());
    const { size } = ledger;
    await feed?.close();
    await ledger.append(4);
    await cosign(await open());
    expect(witness.requests.at(-1)).toMatch(new RegExp(`^old ${size}\n`));
    expect(witness.requests).toHaveLength(2);
  });

  test("tells the size itself when it is not remembered (409)", async () => {
    await cosign(await open());
    await feed?.close();
    await ledger.append(4);
    await writeFile(join(ledger.directory, "witnesses.json"), "{}");
    await cosign(await open());
    expect(witness.requests.map((body) => body.split("\n")[0])).toEqual([
      "old 0",
      "old 0",
      "old 1",
    ]);
  });

  test("that does not know the ledger is named (404)", async () => {
    witness.tamper = () => ({ status: 404, body: "" });
    expect(await failure(await open())).toBe("witness.unknown_log");
  });

  test("that does not take the signature is named (403)", async () => {
    witness.tamper = () => ({ status: 403, body: "" });
    expect(await failure(await open())).toBe("witness.refused");
  });

  test("that has cosigned another history raises an alarm (422)", async () => {
    await ledger.append(3);
    await cosign(await open());
    await feed?.close();
    const fork = await createTestLedger({ key: ledger.key });
    await fork.append(9, (index) => `"kind":"decision","request_id":"other-${index}"`);
    const opened = await openWitnessFeed({
      witnesses: [named(witness)],
      consistencyProof: (oldSize, newSize) => fork.consistencyProof(oldSize, newSize),
      onCosigned: (note) => void cosigned.push(note),
      statePath: join(ledger.directory, "witnesses.json"),
      intervalMs: 1,
      backoff: QUICK,
    });
    feed = opened;
    opened.checkpoint(fork.note, fork.size);
    await until("an alarm", () => opened.status().lastError !== undefined, PATIENCE_MS);
    expect(opened.status().lastError).toMatchObject({ code: "witness.inconsistent" });
    expect(cosigned).toHaveLength(1);
    await fork.remove();
  });

  test("that has cosigned more lines than there are raises an alarm, remembered or not", async () => {
    const short = { note: ledger.note, size: ledger.size };
    await ledger.append(10);
    await cosign(await open());
    await feed?.close();
    for (const state of [undefined, "{}"]) {
      if (state) await writeFile(join(ledger.directory, "witnesses.json"), state);
      const opened = await open();
      opened.checkpoint(short.note, short.size);
      await until("an alarm", () => opened.status().lastError !== undefined, PATIENCE_MS);
      expect(opened.witnesses()[0]?.lastError).toMatchObject({ code: "witness.ahead" });
      await opened.close();
    }
    expect(cosigned).toHaveLength(1);
  });
});

describe("an answer that proves nothing is refused", () => {
  const flipLast = (body: string): string =>
    body.replace(
      /(.)(.)==\n$/,
      (_all, one: string, two: string) => `${one === "A" ? "B" : "A"}${two}==\n`,
    );
  test.each([
    { name: "a cosignature that does not verify", tamper: flipLast },
    { name: "no line at all", tamper: () => "" },
    { name: "a line by an unknown key", tamper: (body: string) => body.replace("w1", "w2") },
    { name: "the log's own signature", tamper: () => ledger.note.split("\n\n")[1] ?? "" },
    {
      name: "a cosignature without a time",
      tamper: (body: string) => {
        const [dash, name, base64 = ""] = body.trimEnd().split(" ");
        const bytes = Buffer.from(base64, "base64");
        bytes.fill(0, 4, 12);
        return `${dash} ${name} ${bytes.toString("base64")}\n`;
      },
    },
  ])("$name", async ({ tamper }) => {
    witness.tamper = ({ status, body }) => ({ status, body: status === 200 ? tamper(body) : body });
    expect(await failure(await open())).toBe("witness.bad_answer");
    expect(cosigned).toEqual([]);
  });

  test.each([
    { name: "409 without a size", status: 409, body: "soon\n" },
    { name: "409 with the very size that was sent", status: 409, body: "0\n" },
    { name: "a redirect", status: 307, body: "" },
    { name: "a status the specification does not know", status: 500, body: "" },
  ])("$name", async ({ status, body }) => {
    witness.tamper = () => ({ status, body });
    expect(await failure(await open())).toBe("witness.bad_answer");
  });

  test("one that never ends", async () => {
    witness.tamper = () => ({ status: 200, body: "— x y\n".repeat(100_000) });
    expect(await failure(await open())).toBe("outward.too_long");
  });

  test("none in time", async () => {
    const mute = createServer(() => undefined).listen(0, "127.0.0.1");
    await once(mute, "listening");
    const url = `http://127.0.0.1:${(mute.address() as AddressInfo).port}`;
    const asked = addCheckpoint(
      { url, keys: [parseWitnessKey(witness.vkey)], limitMs: 50 },
      { oldSize: 0, proof: [], note: ledger.note },
      new AbortController().signal,
    );
    await expect(asked).rejects.toMatchObject({ code: "outward.timeout" });
    mute.closeAllConnections();
    mute.close();
  });
});

describe("several witnesses", () => {
  test("cosign the same note, and one that is away does not hold up the others", async () => {
    const second = await startStrictWitness({
      name: "other.example/w",
      logs: new Map([[TEST_ORIGIN, ledger.key.verifierKey]]),
    });
    const opened = await open([
      named(witness),
      named(second, "second"),
      { ...named(second, "away"), url: "http://127.0.0.1:1" },
    ]);
    const { note, witnesses } = await cosign(opened);
    expect(witnesses).toEqual(["first", "second"]);
    const keys = [witness, second].map(({ vkey }) => parseWitnessKey(vkey));
    expect(openNote(note, keys).verified).toHaveLength(2);
    expect(opened.witnesses().map(({ lastError }) => lastError?.code)).toEqual([
      undefined,
      undefined,
      "outward.unreachable",
    ]);
    await second.close();
  });
});

describe("ML-DSA-44", () => {
  test.skipIf(!hasMlDsa)("cosignatures verify, and changed ones do not", async () => {
    const modern = await startStrictWitness({
      name: "pq.example/w",
      algorithm: "ml-dsa-44",
      logs: new Map([[TEST_ORIGIN, ledger.key.verifierKey]]),
    });
    const opened = await open([named(modern)]);
    await ledger.append(3);
    const { note } = await cosign(opened);
    const key = parseWitnessKey(modern.vkey);
    expect(openNote(note, [key]).verified).toEqual(["pq.example/w"]);
    const changed = note.replace(`\n${ledger.size}\n`, `\n${ledger.size + 1}\n`);
    expect(() => openNote(changed, [key])).toThrow(/does not verify/);
    await modern.close();
  });
});

describe("a key", () => {
  test.each([
    { name: "of a log", vkey: () => ledger.key.verifierKey, code: "witness.bad_key" },
    { name: "that is no key", vkey: () => "witness", code: "witness.bad_key" },
    {
      name: "with an id that is not its own",
      vkey: () => witness.vkey.replace(/\+[0-9a-f]{8}\+/, "+00000000+"),
      code: "witness.bad_key",
    },
    {
      name: "of ML-DSA-44 that is too short",
      vkey: () => `w+00000000+${Buffer.from([6, 1, 2]).toString("base64")}`,
      code: "witness.bad_key",
    },
  ])("$name is refused", ({ vkey, code }) => {
    expect(() => parseWitnessKey(vkey())).toThrow(expect.objectContaining({ code }) as Error);
  });
});
