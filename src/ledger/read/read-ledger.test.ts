import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import {
  filesOf,
  makeLedger,
  newKey,
  removeDirectories,
  temporaryDirectory,
  writeDirectory,
} from "../verify/ledger-fixture.test-support.ts";
import { readLedger } from "./read-ledger.ts";
import { findSegments } from "./segment-files.ts";

afterAll(removeDirectories);

const LEDGER = makeLedger({ key: newKey(), segments: 4 });
const ALL = LEDGER.segments.flat().map((line) => line.toString());

async function read(directory: string, fromSeq?: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const batch of readLedger(directory, { fromSeq, settleMs: 0 })) {
    for (const line of batch.lines) lines.push(`${line.toString()}${batch.isTorn ? "" : "\n"}`);
  }
  return lines;
}

function directoryWith(rename: Readonly<Record<string, string>>): string {
  const files = filesOf(LEDGER);
  for (const [from, to] of Object.entries(rename)) {
    files.set(to, files.get(from) as Buffer);
    files.delete(from);
  }
  return writeDirectory({ segments: files });
}

describe("reading a ledger", () => {
  test.each([
    ["plain segments", {}],
    ["a compressed one", { "00000001.ndjson": "00000001.ndjson.gz" }],
    [
      "ones moved aside by logrotate",
      {
        "00000000.ndjson": "00000000.ndjson.2.gz",
        "00000001.ndjson": "00000001.ndjson.1",
        "00000002.ndjson": "00000002.ndjson-20261122",
      },
    ],
    ["one under another segment's name", { "00000002.ndjson": "00000009.ndjson" }],
  ])("gives all lines in order, with %s", async (_name, rename) => {
    expect(await read(directoryWith(rename))).toEqual(ALL);
  });

  test("leaves out what is no segment", async () => {
    const directory = directoryWith({});
    for (const name of [
      "00000003.torn",
      "checkpoint",
      "lock",
      "salts.db",
      "00000001.ndjson.gz.tmp",
    ])
      writeFileSync(join(directory, name), "not a line\n");
    expect(await read(directory)).toEqual(ALL);
  });

  test("begins with the segment that holds the line asked for", async () => {
    const lines = await read(directoryWith({}), 25);
    expect(lines).toEqual(LEDGER.segments.slice(2).flat().map(String));
  });

  test("gives the bytes behind the last newline as a torn line", async () => {
    const directory = directoryWith({});
    appendFileSync(join(directory, "00000003.ndjson"), '{"ts":"20');
    expect(await read(directory)).toEqual([...ALL, '{"ts":"20']);
  });

  test("waits for a line that is just being written", async () => {
    const directory = directoryWith({});
    const path = join(directory, "00000003.ndjson");
    appendFileSync(path, "first half");
    const torn: boolean[] = [];
    const reading = (async () => {
      for await (const { isTorn } of readLedger(directory, { settleMs: 20_000 })) torn.push(isTorn);
    })();
    appendFileSync(path, ", second half\n");
    await reading;
    expect(torn).not.toContain(true);
  });

  test("does not count what a later open line set aside", async () => {
    const { segments } = LEDGER;
    const line = String(segments[1]?.[0]).replace(
      ',"prev":',
      ',"set_aside":{"segment":0,"after_seq":6,"bytes":99},"prev":',
    );
    const directory = writeDirectory({
      segments: new Map([
        ["00000000.ndjson", Buffer.concat([...(segments[0] ?? []), Buffer.from("torn")])],
        ["00000001.ndjson", Buffer.from(line)],
      ]),
    });
    expect(await read(directory)).toEqual([...ALL.slice(0, 7), line]);
  });

  test("finds a segment again that was compressed after it was found", async () => {
    const directory = directoryWith({});
    const path = join(directory, "00000002.ndjson");
    const lines: string[] = [];
    for await (const { segment, lines: some } of readLedger(directory)) {
      if (segment.segment === 0) {
        writeFileSync(`${path}.gz`, gzipSync(filesOf(LEDGER).get("00000002.ndjson") as Buffer));
        rmSync(path, { force: true });
      }
      for (const line of some) lines.push(`${line.toString()}\n`);
    }
    expect(lines).toEqual(ALL);
  });

  test.each([
    ["no directory", (at: string) => join(at, "absent"), "ledger.directory_unreadable"],
    ["no segment", (at: string) => at, "ledger.no_segments"],
    [
      "a segment that cannot be opened",
      (at: string) => {
        mkdirSync(join(at, "00000000.ndjson"));
        return at;
      },
      "ledger.segment_unreadable",
    ],
    [
      "compressed bytes that are damaged",
      (at: string) => {
        const packed = gzipSync(filesOf(LEDGER).get("00000000.ndjson") as Buffer);
        writeFileSync(join(at, "00000000.ndjson.gz"), packed.subarray(0, packed.length / 2));
        return at;
      },
      "ledger.compressed_damaged",
    ],
  ])("refuses %s", async (_name, prepare, code) => {
    await expect(read(prepare(temporaryDirectory()))).rejects.toMatchObject({ code });
  });

  test("names a second file of a segment as a spare", async () => {
    const directory = directoryWith({});
    renameSync(join(directory, "00000003.ndjson"), join(directory, "00000003.ndjson.1"));
    writeFileSync(
      join(directory, "00000007.ndjson"),
      filesOf(LEDGER).get("00000001.ndjson") as Buffer,
    );
    const { segments, spares } = await findSegments(directory);
    expect(segments.map(({ segment }) => segment)).toEqual([0, 1, 2, 3]);
    expect(spares.map(({ name }) => name)).toEqual(["00000007.ndjson"]);
  });
});
