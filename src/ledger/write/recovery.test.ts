/** Starting where another process stopped, in order or not: what was acknowledged is there, or the start is refused. */
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { array, assert, integer, nat, pre, property, tuple } from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openLedger } from "../ledger.ts";
import { createSigningKeyPem, readSigningKey } from "../signing-key.ts";
import { EMPTY_STATE, Stream } from "../stream.ts";
import { compressSegment } from "./compress-segment.ts";
import {
  decision,
  linesIn,
  newDirectory,
  optionsFor,
  ORIGIN,
  QUICK_PLACE,
  removeDirectories,
  requireProven,
  SIGNING_KEY_PEM,
  VERIFIER_KEY,
} from "./ledger-directory.test-support.ts";
import { recoverStream, type Recovered } from "./recover-stream.ts";
import { openMembers } from "./open-line.ts";

const LF = 0x0a;
const SECTOR_BYTES = 512;

afterAll(removeDirectories);

/** As a crash leaves it: the end of the last segment is cut off at a byte, or overwritten. */
function copyOf(directory: string): string {
  const copy = newDirectory(QUICK_PLACE);
  cpSync(directory, copy, { recursive: true });
  rmSync(join(copy, "lock"), { force: true });
  return copy;
}

function recover(directory: string): Recovered {
  return recoverStream({ directory, origin: ORIGIN, verifierKey: VERIFIER_KEY, onEvent: () => {} });
}

function removeTorn(directory: string): void {
  for (const name of readdirSync(directory))
    if (name.endsWith(".torn")) rmSync(join(directory, name));
}

/** Where each line of a file begins, and the end. */
function lineOffsets(path: string): number[] {
  const bytes = readFileSync(path);
  const offsets = [0];
  for (let end = bytes.indexOf(LF); end >= 0; end = bytes.indexOf(LF, end + 1))
    offsets.push(end + 1);
  return offsets;
}

/**
 * A stream that a crash ended, with three groups of one entry. `durable` are the bytes of all but the last group, and the
 * file `checkpoint` covers no more: the crash came while the last group was being synced.
 */
async function crashed(): Promise<{
  directory: string;
  path: string;
  durable: number;
  whole: number;
}> {
  const directory = newDirectory();
  const ledger = await openLedger(optionsFor(directory));
  await ledger.append(decision(1));
  await ledger.append(decision(2));
  const note = ledger.checkpoint()?.note ?? "";
  await ledger.append(decision(3));
  await ledger.close();
  const path = join(directory, "00000000.ndjson");
  const offsets = lineOffsets(path);
  // The file ends in: decision, checkpoint, close.
  const whole = offsets.at(-2) as number;
  truncateSync(path, whole);
  writeFileSync(join(directory, "checkpoint"), note);
  return { directory, path: "00000000.ndjson", durable: offsets.at(-4) as number, whole };
}

describe("a crash in the midst of a write", () => {
  let subject: Awaited<ReturnType<typeof crashed>>;
  beforeAll(async () => {
    subject = await crashed();
  });

  test("cut at every byte of the group that was not acknowledged: the rest is set aside, nothing else", () => {
    const whole = readFileSync(join(subject.directory, subject.path));
    const starts = lineOffsets(join(subject.directory, subject.path));
    const directory = copyOf(subject.directory);
    const path = join(directory, subject.path);
    for (let end = subject.durable; end < subject.whole; end += 1) {
      writeFileSync(path, whole.subarray(0, end));
      const { position } = recover(directory);
      const kept = starts.findLast((start) => start <= end) as number;
      expect(statSync(path).size, `cut at ${end}`).toBe(kept);
      expect(position.state.nextSeq).toBe(starts.indexOf(kept));
      const torn = join(directory, "00000000.torn");
      expect(existsSync(torn)).toBe(kept < end);
      if (kept < end) expect(readFileSync(torn)).toEqual(whole.subarray(kept, end));
      rmSync(torn, { force: true });
    }
  });

  test("a torn line is recorded as recovered, the stream goes on, and all of it verifies", async () => {
    const directory = copyOf(subject.directory);
    truncateSync(join(directory, subject.path), subject.whole - 10);
    const options = optionsFor(directory);
    const ledger = await openLedger(options);
    await ledger.append(decision(4));
    await ledger.close();
    const recovered = (await linesIn(directory)).find(({ kind }) => kind === "recovered");
    const torn = readFileSync(join(directory, "00000000.torn"));
    expect(recovered?.value).toMatchObject({
      segment: 0,
      cause: "torn",
      bytes: torn.length,
      file: "00000000.torn",
    });
    expect(options.events).toContainEqual(
      expect.objectContaining({ kind: "recovered", cause: "torn", bytes: torn.length }),
    );
    await requireProven(directory);
  });

  test("what was set aside before is not overwritten", () => {
    const directory = copyOf(subject.directory);
    writeFileSync(join(directory, "00000000.torn"), "of an earlier crash");
    truncateSync(join(directory, subject.path), subject.whole - 1);
    recover(directory);
    expect(readFileSync(join(directory, "00000000.torn"), "utf8")).toBe("of an earlier crash");
    expect(existsSync(join(directory, "00000000-1.torn"))).toBe(true);
  });

  test("power is lost: sectors behind the durable bytes may be missing or zero, and the start still succeeds", () => {
    const whole = readFileSync(join(subject.directory, subject.path));
    const directory = copyOf(subject.directory);
    const path = join(directory, subject.path);
    const firstSector = Math.floor(subject.durable / SECTOR_BYTES);
    const sectors = Math.ceil(subject.whole / SECTOR_BYTES) - firstSector;
    const loss = tuple(nat(subject.whole - subject.durable), array(nat(sectors)));
    assert(
      property(loss, ([length, lost]) => {
        const bytes = Buffer.from(whole.subarray(0, subject.durable + length));
        for (const sector of lost) {
          const start = (firstSector + sector) * SECTOR_BYTES;
          // What the sector held of the groups before is on the disk.
          bytes.fill(
            0,
            Math.min(Math.max(start, subject.durable), bytes.length),
            Math.min(start + SECTOR_BYTES, bytes.length),
          );
        }
        writeFileSync(path, bytes);
        const { position } = recover(directory);
        removeTorn(directory);
        expect(position.state.nextSeq).toBe(lineOffsets(path).length - 1);
        expect(statSync(path).size).toBeGreaterThanOrEqual(subject.durable);
      }),
      { numRuns: 500 },
    );
  });

  test("any changed byte of what was acknowledged is refused", () => {
    const whole = readFileSync(join(subject.directory, subject.path));
    const directory = copyOf(subject.directory);
    const path = join(directory, subject.path);
    assert(
      property(nat(subject.durable - 1), integer({ min: 1, max: 255 }), (at, change) => {
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] as number) ^ change;
        // One NUL at the edge of a sector could be the whole of what a sector lost.
        pre(bytes[at] !== 0 || (at % SECTOR_BYTES !== 0 && (at + 1) % SECTOR_BYTES !== 0));
        writeFileSync(path, bytes);
        expect(() => recover(directory)).toThrow(
          expect.objectContaining({ code: "ledger.damaged" }),
        );
        expect(readFileSync(path)).toEqual(bytes);
      }),
      { numRuns: 500 },
    );
  });

  test("an acknowledged tail that is gone is refused, at any byte", () => {
    const whole = readFileSync(join(subject.directory, subject.path));
    const directory = copyOf(subject.directory);
    const covered = lineOffsets(join(subject.directory, subject.path)).at(-5) as number;
    assert(
      property(nat(covered - 1), (end) => {
        writeFileSync(join(directory, subject.path), whole.subarray(0, end));
        expect(() => recover(directory)).toThrow(
          expect.objectContaining({ code: "ledger.damaged" }),
        );
        for (const name of readdirSync(directory))
          if (name.endsWith(".torn")) rmSync(join(directory, name));
      }),
      { numRuns: 100 },
    );
  });

  test("a damaged line is named, with the command that says more", () => {
    const directory = copyOf(subject.directory);
    const path = join(directory, subject.path);
    const bytes = readFileSync(path);
    const offset = lineOffsets(path)[2] as number;
    bytes[offset + 100] = (bytes[offset + 100] as number) ^ 1;
    writeFileSync(path, bytes);
    expect(() => recover(directory)).toThrow(
      new RegExp(`line 2, at byte ${offset}.*portcullis ledger verify`),
    );
  });

  test("a segment of which not even the first line is whole is set aside, and the one before goes on", async () => {
    const directory = copyOf(subject.directory);
    const first = await openLedger(optionsFor(directory));
    await first.close();
    truncateSync(join(directory, "00000001.ndjson"), 40);
    rmSync(join(directory, "checkpoint"));
    const ledger = await openLedger(optionsFor(directory));
    await ledger.append(decision(5));
    await ledger.close();
    expect(existsSync(join(directory, "00000001.torn"))).toBe(true);
    await requireProven(directory);
  });

  test("an empty segment is no segment", async () => {
    const directory = copyOf(subject.directory);
    writeFileSync(join(directory, "00000001.ndjson"), "");
    const ledger = await openLedger(optionsFor(directory));
    await ledger.close();
    await requireProven(directory);
  });

  test("lines that were replaced by others, rightly chained, are refused for want of the key", () => {
    const directory = copyOf(subject.directory);
    const path = join(directory, subject.path);
    const other = readSigningKey(createSigningKeyPem(), ORIGIN);
    const stream = new Stream(EMPTY_STATE(), { key: other, sign: "checkpoint", nowUs: () => 1 });
    const open = openMembers(
      {
        segment: 0,
        reason: "start",
        gateway: ORIGIN,
        writer: "forger/1",
        publicKey: VERIFIER_KEY,
        previous: undefined,
      },
      stream.state,
    );
    const lines = [open, decision(1), decision(2), decision(3)].map((members) =>
      stream.seal(members),
    );
    writeFileSync(path, Buffer.concat([...lines, stream.sealCheckpoint().line]));
    rmSync(join(directory, "checkpoint"));
    expect(() => recover(directory)).toThrow(expect.objectContaining({ code: "ledger.damaged" }));
  });
});

describe("a start behind a stop in order", () => {
  test("goes on in a new segment, several times, and all of it verifies", async () => {
    const directory = newDirectory();
    for (let start = 0; start < 4; start += 1) {
      const ledger = await openLedger(optionsFor(directory));
      await ledger.append(decision(start));
      await ledger.close();
    }
    const opens = (await linesIn(directory)).filter(({ kind }) => kind === "open");
    expect(opens.map(({ value }) => value["segment"])).toEqual([0, 1, 2, 3]);
    await requireProven(directory);
  });

  test("also when the last segment was compressed", async () => {
    const directory = newDirectory();
    const first = await openLedger(optionsFor(directory));
    await first.append(decision(1));
    await first.close();
    await compressSegment(join(directory, "00000000.ndjson"), new AbortController().signal);
    const second = await openLedger(optionsFor(directory));
    await second.append(decision(2));
    await second.close();
    await requireProven(directory);
  });

  test.each([
    ["another key", { signingKeyPem: createSigningKeyPem() }],
    ["another origin", { origin: "gateway-2.example.bank" }],
  ])("with %s is refused", async (_name, over) => {
    const directory = newDirectory();
    await (await openLedger(optionsFor(directory))).close();
    await expect(openLedger(optionsFor(directory, over))).rejects.toMatchObject({
      code: "ledger.other_stream",
    });
    rmSync(join(directory, "public-key"));
    rmSync(join(directory, "checkpoint"));
    await expect(openLedger(optionsFor(directory, over))).rejects.toMatchObject({
      code: "ledger.other_stream",
    });
  });

  test.each([
    ["all segments are gone", (directory: string) => rmSync(join(directory, "00000000.ndjson"))],
    [
      "the file checkpoint was changed",
      (directory: string) => writeFileSync(join(directory, "checkpoint"), "x"),
    ],
  ])("is refused when %s", async (_name, harm) => {
    const directory = newDirectory();
    const ledger = await openLedger(optionsFor(directory));
    await ledger.append(decision(1));
    await ledger.close();
    harm(directory);
    await expect(openLedger(optionsFor(directory))).rejects.toMatchObject({
      code: "ledger.damaged",
    });
  });

  test("with a key that is none is refused without showing it", async () => {
    const opening = openLedger(optionsFor(newDirectory(), { signingKeyPem: "-----BEGIN secret" }));
    await expect(opening).rejects.toThrow(/^(?!.*BEGIN secret).*keygen/);
  });

  test("while the clock is behind: lines repeat the last time and say so", async () => {
    const directory = newDirectory();
    const key = readSigningKey(SIGNING_KEY_PEM, ORIGIN);
    const future = (Date.now() + 3_600_000) * 1_000;
    const stream = new Stream(EMPTY_STATE(), { key, sign: "checkpoint", nowUs: () => future });
    const open = openMembers(
      {
        segment: 0,
        reason: "start",
        gateway: ORIGIN,
        writer: "t/1",
        publicKey: VERIFIER_KEY,
        previous: undefined,
      },
      stream.state,
    );
    writeFileSync(
      join(directory, "00000000.ndjson"),
      Buffer.concat([stream.seal(open), stream.sealCheckpoint().line]),
    );
    const options = optionsFor(directory);
    const ledger = await openLedger(options);
    await ledger.append(decision(1));
    await ledger.close();
    const lines = await linesIn(directory);
    expect(new Set(lines.map(({ ts }) => ts)).size).toBe(1);
    expect(lines.at(-1)?.value["clock_behind_us"]).toBeGreaterThan(3_000_000_000);
    expect(options.events).toContainEqual(expect.objectContaining({ kind: "clock_behind" }));
    await requireProven(directory);
  });
});
