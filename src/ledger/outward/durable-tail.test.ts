/** What a reader behind the writer may see: every durable line once, in order, and nothing else. */
import { readFile, rm, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DurableTail, readDurableSize, type LinePlace, type TailLine } from "./durable-tail.ts";
import { createTestLedger, type TestLedger } from "./ledger-files.test-support.ts";

let ledger: TestLedger;
beforeEach(async () => {
  ledger = await createTestLedger();
});
afterEach(() => ledger.remove());

const textOf = (lines: readonly TailLine[]): string[] =>
  lines.map(({ bytes }) => bytes.toString("utf8"));

/** Everything from a place on, until nothing comes. */
async function readAll(tail: DurableTail, durableSize?: number): Promise<string[]> {
  const all: string[] = [];
  for (;;) {
    const before = tail.place;
    const until = durableSize ?? (await readDurableSize(ledger.directory));
    const lines = await tail.read(until);
    all.push(...textOf(lines));
    if (lines.length === 0 && tail.place === before) return all;
  }
}

describe("lines that are durable", () => {
  test("come once, in order, over plain and compressed segments", async () => {
    await ledger.append(700);
    await ledger.rotate();
    await ledger.append(1_300);
    await ledger.rotate();
    await ledger.append(5);
    await ledger.compress(1);
    const tail = new DurableTail(ledger.directory, undefined);
    expect(await readAll(tail)).toEqual(ledger.lines);
    expect(tail.lostLines).toBe(0);
    await ledger.append(3);
    expect(await readAll(tail)).toEqual(ledger.lines.slice(-4));
  });

  test.each([
    { name: "plain", compressed: false },
    { name: "compressed", compressed: true },
  ])("can be read on from any place in a $name segment", async ({ compressed }) => {
    await ledger.append(1_100);
    await ledger.rotate();
    const places: (LinePlace | undefined)[] = [undefined];
    const first = new DurableTail(ledger.directory, undefined);
    while ((await first.read(ledger.size)).length > 0) places.push(first.place);
    if (compressed) await ledger.compress(0);
    expect(places.length).toBeGreaterThan(3);
    for (const place of places) {
      const tail = new DurableTail(ledger.directory, place);
      expect(await readAll(tail)).toEqual(ledger.lines.slice(place?.seq ?? 0));
    }
  });

  test("go on when the segment is compressed while it is read", async () => {
    await ledger.append(1_100);
    await ledger.rotate();
    const tail = new DurableTail(ledger.directory, undefined);
    const begun = textOf(await tail.read(ledger.size));
    await ledger.compress(0);
    expect([...begun, ...(await readAll(tail))]).toEqual(ledger.lines);
  });
});

describe("lines that do not count", () => {
  test("lines behind the newest checkpoint do not come", async () => {
    await ledger.append(2);
    const durable = ledger.lines.length;
    await ledger.appendLoose(3);
    expect(await readAll(new DurableTail(ledger.directory, undefined))).toHaveLength(durable);
  });

  test("the first line of a new start does not come before it is covered, though the last note names its place", async () => {
    await ledger.append(2);
    await ledger.end();
    const before = [...ledger.lines];
    await ledger.appendRaw(Buffer.from(ledger.nextLine('"kind":"open","reason":"start"')));
    expect(await readDurableSize(ledger.directory)).toBe(before.length);
    expect(await readAll(new DurableTail(ledger.directory, undefined))).toEqual(before);
  });

  test("half a line does not come, not even when the checkpoint ran ahead", async () => {
    await ledger.append(2);
    await ledger.appendRaw(Buffer.from('{"ts":"2026-11-22T1'));
    const tail = new DurableTail(ledger.directory, undefined);
    expect(await readAll(tail, 1_000)).toEqual(ledger.lines);
  });

  test.each([
    { name: "a reader that was up to date", reads: true },
    { name: "a reader that comes later", reads: false },
  ])("what was set aside never comes: $name", async ({ reads }) => {
    await ledger.append(2);
    const tail = new DurableTail(ledger.directory, undefined);
    const before = reads ? await readAll(tail) : [];
    await ledger.appendLoose(4);
    if (reads) expect(await readAll(tail)).toEqual([]);
    await ledger.failOver();
    await ledger.append(8);
    expect([...before, ...(await readAll(tail))]).toEqual(ledger.lines);
    expect(tail.lostLines).toBe(0);
  });
});

describe("lines that are gone", () => {
  test("are counted, and the ones behind them come", async () => {
    await ledger.append(10);
    const tail = new DurableTail(ledger.directory, undefined);
    const read = await readAll(tail);
    await ledger.append(20);
    await ledger.rotate();
    const gone = ledger.lines.indexOf(ledger.lines.find((line) => line.includes('"segment":1,'))!);
    await ledger.append(1);
    await rm(ledger.path(0));
    expect(await readAll(tail)).toEqual(ledger.lines.slice(gone));
    expect(tail.lostLines).toBe(gone - read.length);
    tail.seek({ segment: 0, offset: 0, seq: 0 });
    await readAll(tail);
    expect(tail.lostLines, "once only").toBe(gone - read.length);
  });

  test.each([
    { name: "plain", compressed: false },
    { name: "compressed", compressed: true },
  ])("a damaged $name segment is passed over and counted", async ({ compressed }) => {
    await ledger.append(1_500);
    await ledger.rotate();
    await ledger.append(2);
    if (compressed) await ledger.compress(0);
    const path = ledger.path(0, compressed ? ".gz" : "");
    const bytes = await readFile(path);
    const middle = compressed ? bytes.length >> 1 : bytes.indexOf('"seq":20') + '"seq":'.length;
    bytes[middle] = (bytes[middle] as number) ^ 1;
    await writeFile(path, bytes);
    const tail = new DurableTail(ledger.directory, undefined);
    const read = await readAll(tail);
    expect(ledger.lines).toEqual(expect.arrayContaining(read));
    expect(read.at(-1)).toBe(ledger.lines.at(-1));
    expect(tail.lostLines).toBe(ledger.lines.length - read.length);
    expect(tail.lostLines).toBeGreaterThan(0);
  });

  test("a damaged line in the last segment is an error that names it", async () => {
    await ledger.append(3);
    const bytes = await readFile(ledger.path(0));
    bytes[bytes.indexOf('"seq":3') + 6] = "9".charCodeAt(0);
    await writeFile(ledger.path(0), bytes);
    const tail = new DurableTail(ledger.directory, undefined);
    expect(await tail.read(ledger.size)).toHaveLength(3);
    await expect(tail.read(ledger.size)).rejects.toMatchObject({
      code: "tail.damaged",
      message: expect.stringContaining("line 3") as string,
    });
  });
});
