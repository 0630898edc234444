import { gunzipSync, gzipSync } from "node:zlib";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { signJoin } from "../join-note.ts";
import { EMPTY_STATE, Stream } from "../stream.ts";
import {
  filesOf,
  makeLedger,
  newKey,
  removeDirectories,
  segmentName,
  writeDirectory,
  type FixtureOptions,
  type LedgerFixture,
} from "./ledger-fixture.test-support.ts";
import type { Verification } from "./verification.ts";
import { verifyLedger, type VerifyOptions } from "./verify-ledger.ts";

afterAll(removeDirectories);

const KEY = newKey();
const make = (options: Partial<FixtureOptions> = {}): LedgerFixture =>
  makeLedger({ key: KEY, ...options });

function directoryOf(ledger: LedgerFixture, segments = filesOf(ledger)): string {
  const { note, key } = ledger;
  return writeDirectory({ segments, note, publicKey: key.verifierKey });
}

const verify = (directory: string, options: VerifyOptions = {}): Promise<Verification> =>
  verifyLedger(directory, { settleMs: 0, ...options });

const kinds = ({ findings }: Verification): string[] => findings.map(({ kind }) => kind);

describe("an undamaged ledger", () => {
  const ledger = make({ noteAt: [20] });
  const outside = [ledger.note, ledger.notes.get(20) as string].map((note, at) => ({
    name: `kept-${at}`,
    note,
  }));

  test.each<[string, LedgerFixture, VerifyOptions]>([
    ["signed by checkpoint", ledger, {}],
    ["signed by entry", make({ sign: "entry" }), {}],
    ["of one segment", make({ segments: 1 }), {}],
    ["of many segments", make({ segments: 12, groups: 1, entries: 1 }), {}],
    ["with the trusted key", ledger, { publicKeys: [KEY.verifierKey] }],
    [
      "with one of two trusted keys",
      ledger,
      { publicKeys: [newKey().verifierKey, KEY.verifierKey] },
    ],
    ["with checkpoints kept outside", ledger, { checkpoints: outside }],
  ])("%s is proven whole", async (_name, made, options) => {
    const verification = await verify(directoryOf(made), options);
    expect(verification.findings).toEqual([]);
    expect(verification).toMatchObject({
      isProven: true,
      lines: made.size,
      proven: [{ fromSeq: 0, toSeq: made.size - 1 }],
      checkpoints: { outside: options.checkpoints?.length ?? 0, notCompared: [] },
      isSelfAsserted: options.publicKeys === undefined,
    });
  });

  test("is proven with segments compressed, moved aside, and one that is there in both forms", async () => {
    const files = filesOf(ledger);
    const [zero, one] = [files.get(segmentName(0)), files.get(segmentName(1))] as [Buffer, Buffer];
    files.delete(segmentName(0));
    files.set(`${segmentName(0)}.1.gz`, zero).set(`${segmentName(1)}.gz`, one);
    expect((await verify(directoryOf(ledger, files))).findings).toEqual([]);
  });

  test("is proven in part, up to the checkpoint that covers it", async () => {
    const verification = await verify(directoryOf(make({ segments: 6 })), {
      fromSeq: 15,
      toSeq: 25,
    });
    expect(verification).toMatchObject({ isProven: true, firstSeq: 11, findings: [] });
    expect(verification.lines).toBeLessThan(66);
    expect((await verify(directoryOf(ledger), { toSeq: 500 })).isProven).toBe(false);
  });

  test("says what it cannot show without an outside checkpoint and a trusted key", async () => {
    const { conclusion } = await verify(directoryOf(ledger));
    expect(conclusion).toMatch(
      /Proven: lines 0 to 32, .*ledger's own word.*whether the end was cut off/,
    );
    const trusted = await verify(directoryOf(ledger), {
      publicKeys: [KEY.verifierKey],
      checkpoints: outside,
    });
    expect(trusted.conclusion).toBe("Proven: lines 0 to 32, unaltered, complete and in order.");
  });
});

describe("a ledger whose old segments were removed", () => {
  const ledger = make({ segments: 4, isRetained: true });
  const without = (...gone: number[]): Map<string, Buffer> => {
    const files = filesOf(ledger);
    for (const segment of gone) files.delete(segmentName(segment));
    return files;
  };

  test.each([
    ["from the beginning", [0, 1], 0],
    ["from the midst", [1], 11],
  ])("is proven when a signed line says so: %s", async (_name, gone, fromSeq) => {
    const verification = await verify(directoryOf(ledger, without(...gone)));
    const removed = [{ fromSeq, toSeq: 21 }];
    expect(verification).toMatchObject({ isProven: true, findings: [], removed });
    // The line that says so may stand far behind the lines that were asked for.
    const part = await verify(directoryOf(ledger, without(...gone)), { toSeq: 30 });
    expect(part).toMatchObject({ isProven: true, findings: [], removed });
  });

  test("is not when none does", async () => {
    const plain = make({ segments: 4 });
    const files = filesOf(plain);
    files.delete(segmentName(0));
    const verification = await verify(directoryOf(plain, files));
    expect(verification).toMatchObject({
      isProven: false,
      findings: [{ kind: "segment_missing", seq: 0, lastSeq: 10 }],
      proven: [{ fromSeq: 11, toSeq: 43 }],
    });
  });
});

describe("what is proven of a damaged ledger", () => {
  test("is what stands before the last checkpoint before the damage, and what comes behind it", async () => {
    const ledger = make();
    const files = filesOf(ledger);
    const bytes = files.get(segmentName(1)) as Buffer;
    bytes[bytes.indexOf("status", bytes.indexOf('"seq":14,'))] = 0x53;
    const verification = await verify(directoryOf(ledger, files));
    expect(verification).toMatchObject({
      findings: [{ kind: "line_altered", segment: 1, file: segmentName(1), line: 4, seq: 14 }],
      proven: [
        { fromSeq: 0, toSeq: 11 },
        { fromSeq: 15, toSeq: 32 },
      ],
    });
  });

  test("is bounded in findings, however bad it is, and still counts them", async () => {
    const ledger = make();
    const files = filesOf(ledger);
    for (const bytes of files.values()) {
      for (let at = 3; at < bytes.length; at += 150) bytes[at] = (bytes[at] as number) ^ 1;
    }
    const verification = await verify(directoryOf(ledger, files), { limitFindings: 5 });
    expect(verification.findings).toHaveLength(5);
    expect(verification.moreFindings).toBeGreaterThan(5);
  });

  test("ends where no checkpoint follows: lines that anyone could have added are named", async () => {
    const ledger = make();
    const lines = ledger.segments.map((segment) => [...segment]);
    lines[2]?.splice(9);
    const directory = writeDirectory({
      segments: filesOf({ segments: lines }),
      publicKey: KEY.verifierKey,
    });
    const verification = await verify(directory);
    expect(verification.findings).toMatchObject([{ kind: "tail_unsigned", seq: 28, lastSeq: 30 }]);
    expect(verification.proven).toEqual([{ fromSeq: 0, toSeq: 26 }]);
  });

  test("names a time that went back", async () => {
    const options = { key: KEY, sign: "checkpoint" as const };
    const before = new Stream(EMPTY_STATE(), { ...options, nowUs: () => 2_000_000 });
    const first = before.seal('"kind":"reload"');
    const after = new Stream(
      { ...before.state, lastTsUs: 0 },
      { ...options, nowUs: () => 1_000_000 },
    );
    const second = after.seal('"kind":"reload"');
    const directory = writeDirectory({
      segments: filesOf({ segments: [[first, second]] }),
      publicKey: KEY.verifierKey,
    });
    const { findings } = await verify(directory);
    expect(findings).toContainEqual(
      expect.objectContaining({ kind: "time_went_back", seq: 1, line: 2 }),
    );
  });
});

describe("compressed segments", () => {
  test("of which a byte is changed either hold the same lines or are found damaged", async () => {
    const ledger = make({ segments: 2, groups: 1, entries: 2 });
    const files = filesOf(ledger);
    const whole = files.get(segmentName(0)) as Buffer;
    const packed = gzipSync(whole);
    files.delete(segmentName(0));
    const directory = directoryOf(ledger, files);
    let damaged = 0;
    for (let at = 0; at < packed.length; at += at < 12 ? 1 : 9) {
      const bytes = Buffer.from(packed);
      bytes[at] = (bytes[at] as number) ^ 0x10;
      writeFileSync(join(directory, `${segmentName(0)}.gz`), bytes);
      const { isProven } = await verify(directory);
      // Some bits of the format say nothing (RFC 1952: time, system; RFC 1951: padding of the last byte).
      expect(isProven, `byte ${at}`).toBe(isSame(bytes, whole));
      damaged += isProven ? 0 : 1;
    }
    expect(damaged).toBeGreaterThan(packed.length / 12);
  });
});

function isSame(packed: Buffer, whole: Buffer): boolean {
  try {
    return gunzipSync(packed).equals(whole);
  } catch {
    return false;
  }
}

describe("one note over several streams", () => {
  const [joiner, other] = [newKey("fleet"), newKey("gateway-2.example.bank")];
  const ledger = make();
  const second = makeLedger({ key: other });
  const joined = signJoin(
    [
      { origin: other.origin, note: second.note },
      { origin: KEY.origin, note: ledger.note },
    ],
    joiner.signer,
  );
  const checkpoints = [{ name: "join", ...joined }];
  const joinKeys = [joiner.verifierKey];

  test("anchors each of them", async () => {
    for (const each of [ledger, second]) {
      const verification = await verify(directoryOf(each), { checkpoints, joinKeys });
      expect(verification).toMatchObject({ isProven: true, checkpoints: { outside: 1 } });
    }
  });

  test("shows a tail that was cut off", async () => {
    const short = make({ segments: 2 });
    const verification = await verify(directoryOf(short), { checkpoints, joinKeys });
    expect(kinds(verification)).toContain("tail_cut");
  });

  test.each([
    [
      "without its list",
      [{ name: "join", note: joined.note }],
      joinKeys,
      /list of its streams is missing/,
    ],
    ["without the key", checkpoints, [], /public key of whoever signed/],
    [
      "with another's key",
      checkpoints,
      [newKey("fleet").verifierKey],
      /no signature by a known key/,
    ],
    [
      "with a list that was changed",
      [
        {
          name: "join",
          note: joined.note,
          streams: joined.streams.replace("gateway-1", "gateway-3"),
        },
      ],
      joinKeys,
      /joins other streams/,
    ],
    [
      "with a list that is shorter",
      [{ name: "join", note: joined.note, streams: joined.streams.split("\n")[0] as string }],
      joinKeys,
      /not the one it was signed for/,
    ],
  ])("is refused %s", async (_name, given, keys, message) => {
    const verifying = verify(directoryOf(ledger), { checkpoints: given, joinKeys: keys });
    await expect(verifying).rejects.toThrow(message);
  });
});
