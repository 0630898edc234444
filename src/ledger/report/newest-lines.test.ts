import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { linesBackward } from "./lines-backward.ts";
import { newestLines, type NewestQuestion } from "./newest-lines.ts";
import { decision, SmallLedger } from "./small-ledger.test-support.ts";

const START_MS = Date.UTC(2026, 10, 22, 13);

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "portcullis-newest-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const ask = (question: Partial<NewestQuestion> = {}) =>
  newestLines({ directory, limit: 100, ...question });

const seqsOf = ({ lines }: { readonly lines: readonly Buffer[] }): number[] =>
  lines.map((line) => (JSON.parse(line.toString()) as { seq: number }).seq);

/** 0 to 29: open at 0, 10 and 20, close at 9, 19 and 29; the first segment packed, a line each second. */
function thirtyLines(): void {
  const ledger = new SmallLedger(directory, START_MS);
  for (let segment = 0; segment < 3; segment++) {
    ledger.open(segment === 0 ? "start" : "rotation");
    for (let i = 1; i <= 8; i++) {
      const seq = segment * 10 + i;
      ledger.at(START_MS + seq * 1_000).line(decision({ requestId: `r${seq}`, caller: `c${seq}` }));
    }
    ledger.close(segment === 2 ? "stop" : "rotation", segment < 1);
  }
}

const down = (from: number, to: number): number[] =>
  Array.from({ length: from - to + 1 }, (_, i) => from - i);

describe("the newest lines", () => {
  test.each<[string, Partial<NewestQuestion>, number[], number | undefined]>([
    ["all", {}, down(29, 0), undefined],
    ["the last three", { limit: 3 }, [29, 28, 27], 27],
    ["a page over a boundary of segments", { limit: 4, beforeSeq: 22 }, [21, 20, 19, 18], 18],
    ["a page over packed and plain", { limit: 4, beforeSeq: 12 }, [11, 10, 9, 8], 8],
    ["a page within a packed segment", { limit: 3, beforeSeq: 6 }, [5, 4, 3], 3],
    ["the first line ends it", { limit: 2, beforeSeq: 2 }, [1, 0], undefined],
    ["nothing before the first", { beforeSeq: 0 }, [], undefined],
    ["of one kind", { kind: "open" }, [20, 10, 0], undefined],
    ["of one kind, one at a time", { kind: "open", limit: 1, beforeSeq: 20 }, [10], 10],
    ["of a kind there is not", { kind: "pack" }, [], undefined],
    ["of one request, in a packed segment", { requestId: "r4" }, [4], undefined],
    ["of a request there is not", { requestId: "r" }, [], undefined],
    ["since a time", { sinceMs: START_MS + 26_000 }, [29, 28, 27, 26], undefined],
    [
      "since a time, in a packed segment",
      { sinceMs: START_MS + 7_000, beforeSeq: 11 },
      [10, 9, 8, 7],
      undefined,
    ],
    [
      "since a time, and only so many",
      { sinceMs: START_MS + 7_000, beforeSeq: 11, limit: 2 },
      [10, 9],
      9,
    ],
  ])("%s", async (_name, question, expected, nextBefore) => {
    thirtyLines();
    const answer = await ask(question);
    expect(seqsOf(answer)).toEqual(expected);
    expect(answer).toMatchObject({ nextBefore, damaged: 0 });
  });

  test("come page by page, each line once, whatever the size of the page", async () => {
    thirtyLines();
    for (const limit of [1, 7, 10, 29, 30]) {
      const all: number[] = [];
      let beforeSeq: number | undefined;
      for (let page = 0; page < 40; page++) {
        const answer = await ask({ limit, beforeSeq });
        all.push(...seqsOf(answer));
        beforeSeq = answer.nextBefore;
        if (beforeSeq === undefined) break;
      }
      expect(all).toEqual(down(29, 0));
    }
  });

  test("are the very bytes of the ledger", async () => {
    thirtyLines();
    const { lines } = await ask({ limit: 1 });
    const last = readFileSync(join(directory, "00000002.ndjson"), "utf8")
      .trimEnd()
      .split("\n")
      .at(-1);
    expect(lines[0]?.toString()).toBe(last);
  });

  test("of a request include how it ended, also where its id needs escapes", async () => {
    new SmallLedger(directory, START_MS)
      .open("start")
      .line(decision({ requestId: 'a"b', status: null }))
      .line({ kind: "outcome", of: 'a"b', status: 200 })
      .line({ kind: "key", event: "create", key_id: "only-here" })
      .flush();
    expect(seqsOf(await ask({ requestId: 'a"b' }))).toEqual([2, 1]);
    expect(seqsOf(await ask({ requestId: "only-here" }))).toEqual([]);
  });

  test("leave out what a later segment set aside, and the line that is just being written", async () => {
    const ledger = new SmallLedger(directory, START_MS).open("start");
    for (let i = 0; i < 3; i++) ledger.line(decision());
    // Never acknowledged: the chain goes on from line 3, and these stay in the failed file.
    const failed = `{"ts":"2026-11-22T13:00:00.000000Z","seq":4,"kind":"decision","prev":"b3:${"0".repeat(64)}","hash":"b3:${"0".repeat(64)}"}\n`;
    ledger.flush({ tail: failed });
    ledger.open("recovery", { set_aside: [{ segment: 0, after_seq: 3, bytes: failed.length }] });
    ledger.line(decision()).flush({ tail: '{"ts":"2026-11-22T13:' });
    const answer = await ask();
    expect(seqsOf(answer)).toEqual(down(5, 0));
    expect(answer.lines.filter((line) => line.includes('"prev":"b3:0000'))).toHaveLength(1);
    expect(answer.damaged).toBe(0);
  });

  test("count what is no line, and go on", async () => {
    thirtyLines();
    const path = join(directory, "00000001.ndjson");
    const lines = readFileSync(path, "utf8").split("\n");
    writeFileSync(path, [...lines.slice(0, 3), "rubbish", ...lines.slice(4)].join("\n"));
    const packed = join(directory, "00000000.ndjson.gz");
    writeFileSync(packed, readFileSync(packed).subarray(0, 60));
    const answer = await ask();
    expect(answer.damaged).toBe(2);
    expect(seqsOf(answer).filter((seq) => seq >= 10)).toEqual(
      down(29, 10).filter((seq) => seq !== 13),
    );
  });

  test("a segment that logrotate moved is found; a directory that is not there is named", async () => {
    thirtyLines();
    renameSync(join(directory, "00000001.ndjson"), join(directory, "00000001.ndjson.1"));
    expect(seqsOf(await ask())).toEqual(down(29, 0));
    await expect(ask({ directory: join(directory, "no") })).rejects.toMatchObject({
      code: "ledger.directory_unreadable",
    });
  });

  test("an answer is bounded in bytes, and says where to go on", async () => {
    const ledger = new SmallLedger(directory, START_MS).open("start");
    const filler = "x".repeat(60_000);
    for (let segment = 0; segment < 2; segment++) {
      for (let i = 0; i < 160; i++) ledger.line({ kind: "pack", filler });
      if (segment === 0) ledger.close("rotation", true).open("rotation");
    }
    ledger.flush();
    const all: number[] = [];
    let beforeSeq: number | undefined;
    let pages = 0;
    for (; pages < 10; pages++) {
      const answer = await ask({ limit: 1_000, beforeSeq });
      expect(answer.lines.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(
        4_194_304 + 65_536,
      );
      all.push(...seqsOf(answer));
      beforeSeq = answer.nextBefore;
      if (beforeSeq === undefined) break;
    }
    expect(pages).toBeGreaterThan(1);
    expect(all).toEqual(down(322, 0));
  });

  test("a scan is bounded: an answer that nothing fits says where to go on, and gets there", async () => {
    const ledger = new SmallLedger(directory, START_MS)
      .open("start")
      .line({ kind: "kill", event: "set" });
    const filler = "x".repeat(64_000);
    for (let i = 0; i < 1_200; i++) ledger.line({ kind: "pack", filler });
    ledger.flush();
    const first = await ask({ kind: "kill" });
    expect(first.lines).toEqual([]);
    expect(first.nextBefore).toBeGreaterThan(100);
    const second = await ask({ kind: "kill", beforeSeq: first.nextBefore });
    expect(seqsOf(second)).toEqual([1]);
    expect(second.nextBefore).toBeUndefined();
  });
});

describe("reading a file backward", () => {
  test("gives every whole line, last first, whatever their lengths", async () => {
    const path = join(directory, "lines");
    const length = fc.oneof(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 60_000, max: 65_535 }),
      fc.integer({ min: 130_000, max: 131_072 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(length, { maxLength: 12 }), fc.nat(3), async (lengths, torn) => {
        const lines = lengths.map((n, i) => String.fromCodePoint(97 + (i % 26)).repeat(n));
        writeFileSync(path, lines.map((line) => `${line}\n`).join("") + "T".repeat(torn));
        const got: string[] = [];
        for await (const some of linesBackward(path)) got.push(...some.map(String));
        expect(got).toEqual(lines.toReversed());
      }),
      { numRuns: 40 },
    );
  });

  test("a line without end does not fill the memory, nor hide the lines around it", async () => {
    const path = join(directory, "lines");
    writeFileSync(path, `first\n${"x".repeat(3_000_000)}\nlast\n`);
    const got: string[] = [];
    let mostBytes = 0;
    for await (const some of linesBackward(path)) {
      got.push(...some.map(String));
      mostBytes = Math.max(mostBytes, ...some.map((line) => line.length));
    }
    expect(got[0]).toBe("last");
    expect(got.at(-1)).toBe("first");
    expect(mostBytes).toBeLessThan(1_000_000);
  });
});
