/** An open ledger: what goes in is durable, in order and verifiable; what cannot go in is refused at once. */
import {
  appendFileSync,
  existsSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { until } from "../../test/support/until.ts";
import { openLedger } from "./ledger.ts";
import { openNote } from "./signed-note.ts";
import { parseVerifierKey } from "./verifier-key.ts";
import {
  decision,
  linesIn,
  newDirectory,
  optionsFor,
  removeDirectories,
  requireProven,
  VERIFIER_KEY,
} from "./write/ledger-directory.test-support.ts";

/** On a loaded machine a turn of the thread may take this long. */
const PATIENCE_MS = 20_000;

const SMALL_SEGMENTS = { limitBytes: 8_192, maxAgeMs: 3_600_000, isCompressed: false };

afterAll(removeDirectories);

describe("appending", () => {
  test("entries get the seqs of their lines, in the order they were appended", async () => {
    const directory = newDirectory();
    const ledger = await openLedger(optionsFor(directory));
    const seqs = await Promise.all(
      Array.from({ length: 1_000 }, (_, n) => ledger.append(decision(n))),
    );
    await ledger.close();
    const lines = new Map((await linesIn(directory)).map((line) => [line.seq, line]));
    expect(seqs.map((seq) => lines.get(seq)?.value["serial"])).toEqual([...seqs.keys()]);
    await requireProven(directory);
  });

  test("every group ends in a checkpoint, and no group is larger than allowed", async () => {
    const directory = newDirectory();
    const ledger = await openLedger(
      optionsFor(directory, { group: { maxWaitMs: 10, maxEntries: 7 } }),
    );
    await Promise.all(Array.from({ length: 100 }, (_, n) => ledger.append(decision(n))));
    await ledger.close();
    let run = 0;
    let longest = 0;
    for (const { kind } of await linesIn(directory)) {
      run = kind === "decision" ? run + 1 : 0;
      longest = Math.max(longest, run);
    }
    expect(longest).toBe(7);
    await requireProven(directory);
  });

  test("an entry with a signature on every line verifies", async () => {
    const directory = newDirectory();
    const ledger = await openLedger(optionsFor(directory, { sign: "entry" }));
    await ledger.append(decision(1));
    await ledger.close();
    expect((await linesIn(directory)).every((line) => line.signature !== undefined)).toBe(true);
    await requireProven(directory);
  });

  test("posted entries are recorded though nobody waits", async () => {
    const directory = newDirectory();
    const ledger = await openLedger(optionsFor(directory));
    expect(ledger.post(decision(1))).toBe(true);
    await until(
      "the posted entry is durable",
      async () => (await linesIn(directory)).some(({ kind }) => kind === "decision"),
      PATIENCE_MS,
    );
    expect(ledger.post(decision(2))).toBe(true);
    await ledger.close();
    expect((await linesIn(directory)).filter(({ kind }) => kind === "decision")).toHaveLength(2);
  });

  const LONG = `"kind":"decision","text":"${"é".repeat(40_000)}"`;
  test.each([
    ["no members", ""],
    ["members that do not begin with their kind", '"ts":"x","kind":"decision"'],
    ["two lines", `${decision(1)}\n${decision(2)}`],
    ["more than a line may hold", LONG],
  ])("%s is refused, and what comes with it is recorded", async (_name, members) => {
    const directory = newDirectory();
    const ledger = await openLedger(optionsFor(directory));
    const [bad, good] = await Promise.allSettled([
      ledger.append(members),
      ledger.append(decision(7)),
    ]);
    expect(bad).toMatchObject({ status: "rejected", reason: { code: "ledger.entry_refused" } });
    expect(good).toMatchObject({ status: "fulfilled" });
    await ledger.close();
    await requireProven(directory);
  });

  test("the longest entry that is taken fits its line", async () => {
    const directory = newDirectory();
    const ledger = await openLedger(optionsFor(directory, { sign: "entry" }));
    await ledger.append(`"kind":"decision","text":"${"x".repeat(64_990)}"`);
    await ledger.close();
    await requireProven(directory);
  });

  test("more than may wait is refused at once, and nothing that was taken is lost", async () => {
    const directory = newDirectory();
    const ledger = await openLedger(optionsFor(directory));
    const text = decision(1).padEnd(60_000, " ");
    const appended = Array.from({ length: 700 }, () => ledger.append(text));
    const settled = await Promise.allSettled(appended);
    const refused = settled.filter(({ status }) => status === "rejected");
    expect(refused.length).toBeGreaterThan(0);
    for (const each of refused)
      expect(each).toMatchObject({ reason: { code: "ledger.overloaded" } });
    await ledger.close();
    const recorded = (await linesIn(directory)).filter(({ kind }) => kind === "decision");
    expect(recorded).toHaveLength(settled.length - refused.length);
  });

  test("a closed ledger refuses, and closing twice is closing once", async () => {
    const ledger = await openLedger(optionsFor(newDirectory()));
    const last = ledger.append(decision(1));
    await Promise.all([ledger.close(), ledger.close()]);
    await expect(last).resolves.toBeGreaterThan(0);
    await expect(ledger.append(decision(2))).rejects.toMatchObject({ code: "ledger.closed" });
    expect(ledger.post(decision(3))).toBe(false);
  });

  test("a closed ledger leaves a signed note over all of its lines", async () => {
    const directory = newDirectory();
    const ledger = await openLedger(optionsFor(directory));
    await ledger.append(decision(1));
    await ledger.close();
    const newest = ledger.checkpoint();
    expect(newest?.size).toBe((await linesIn(directory)).length);
    expect(openNote(newest?.note ?? "", [parseVerifierKey(VERIFIER_KEY)]).verified).toHaveLength(1);
    expect(ledger.verifierKey).toBe(VERIFIER_KEY);
  });
});

describe("segments", () => {
  test("go on by size, each linked to the one before, and are announced", async () => {
    const directory = newDirectory();
    const options = optionsFor(directory, { segment: SMALL_SEGMENTS });
    const ledger = await openLedger(options);
    for (let n = 0; n < 100; n += 1) await ledger.append(decision(n));
    await ledger.close();
    const files = readdirSync(directory).filter((name) => name.endsWith(".ndjson"));
    expect(files.length).toBeGreaterThan(3);
    const closed = options.events.filter(({ kind }) => kind === "segment_closed");
    expect(closed).toHaveLength(files.length - 1);
    await requireProven(directory);
  });

  test("go on by age, but not while they are empty", async () => {
    const directory = newDirectory();
    const ledger = await openLedger(
      optionsFor(directory, { segment: { ...SMALL_SEGMENTS, limitBytes: 1e9, maxAgeMs: 1 } }),
    );
    await ledger.append(decision(1));
    await until(
      "a second segment is there",
      () => existsSync(join(directory, "00000001.ndjson")),
      PATIENCE_MS,
    );
    await ledger.append(decision(2));
    await ledger.close();
    await requireProven(directory);
  });

  test("rotate on request: what was appended before is in the old one", async () => {
    const directory = newDirectory();
    const ledger = await openLedger(optionsFor(directory));
    const before = ledger.append(decision(1));
    const rotated = ledger.rotate();
    const after = ledger.append(decision(2));
    await Promise.all([before, rotated, after]);
    await ledger.close();
    const lines = await linesIn(directory);
    expect(lines.map(({ kind }) => kind)).toEqual(
      "open checkpoint decision checkpoint close open checkpoint decision checkpoint close".split(
        " ",
      ),
    );
    await requireProven(directory);
  });

  test("are compressed behind the writing, with the same lines inside", async () => {
    const directory = newDirectory();
    const options = optionsFor(directory, { segment: { ...SMALL_SEGMENTS, isCompressed: true } });
    const ledger = await openLedger(options);
    for (let n = 0; n < 50; n += 1) await ledger.append(decision(n));
    await ledger.rotate();
    const plain = (): string[] => readdirSync(directory).filter((name) => name.endsWith(".ndjson"));
    await until("only the active segment is plain", () => plain().length === 1, PATIENCE_MS);
    await ledger.close();
    await requireProven(directory);
    for (const event of options.events) {
      if (event.kind === "segment_closed") expect(event.path).toMatch(/\.ndjson\.gz$/);
    }
  });

  test("what a crash left of a compression is done again at the next start", async () => {
    const directory = newDirectory();
    const first = await openLedger(optionsFor(directory));
    await first.append(decision(1));
    await first.close();
    writeFileSync(join(directory, "00000000.ndjson.gz.tmp"), "half");
    writeFileSync(join(directory, "00000000.ndjson.gz"), "not verified yet");
    const second = await openLedger(
      optionsFor(directory, { segment: { ...SMALL_SEGMENTS, isCompressed: true } }),
    );
    await until(
      "the plain file is gone",
      () => !existsSync(join(directory, "00000000.ndjson")),
      PATIENCE_MS,
    );
    await second.close();
    expect(existsSync(join(directory, "00000000.ndjson.gz.tmp"))).toBe(false);
    await requireProven(directory);
  });
});

describe("logrotate", () => {
  test.each([
    ["moved the active file", false],
    ["moved it and made an empty one in its place", true],
  ])(
    "%s: the stream goes on in a new segment, and all of it verifies",
    async (_name, isRecreated) => {
      const directory = newDirectory();
      const ledger = await openLedger(optionsFor(directory));
      await ledger.append(decision(1));
      const path = join(directory, "00000000.ndjson");
      renameSync(path, `${path}.1`);
      if (isRecreated) writeFileSync(path, "");
      await until(
        "a new segment is there",
        () => existsSync(join(directory, "00000001.ndjson")),
        PATIENCE_MS,
      );
      await ledger.append(decision(2));
      await ledger.close();
      const lines = await linesIn(directory);
      expect(lines.find(({ kind }) => kind === "close")?.value["reason"]).toBe("moved");
      expect(existsSync(path)).toBe(false);
      await requireProven(directory);
    },
  );

  test.each([
    ["truncated", (path: string) => truncateSync(path, 0)],
    ["truncated", (path: string) => appendFileSync(path, "someone else was here\n")],
    ["removed", (path: string) => rmSync(path)],
  ] as const)(
    "what makes the file %s is a failure with a name, and writing comes back",
    async (cause, interfere) => {
      const directory = newDirectory();
      const options = optionsFor(directory);
      const ledger = await openLedger(options);
      await ledger.append(decision(1));
      interfere(join(directory, "00000000.ndjson"));
      await expect(ledger.append(decision(2))).rejects.toMatchObject({
        code: "ledger.unavailable",
      });
      expect(options.events).toContainEqual(expect.objectContaining({ kind: "failed", cause }));
      await until("it writes again", () => ledger.state === "writing", PATIENCE_MS);
      const seq = await ledger.append(decision(3));
      await ledger.close();
      expect(options.events).toContainEqual(
        expect.objectContaining({ kind: "recovered", cause, segment: 0 }),
      );
      expect(statSync(join(directory, "00000001.ndjson")).size).toBeGreaterThan(0);
      // Its seq goes on behind what was acknowledged: what is missing can be seen to be missing.
      expect(seq).toBeGreaterThan(4);
    },
  );
});

describe("retention", () => {
  const DAY_MS = 86_400_000;
  const entries = [
    decision(1),
    '"kind":"decision","decision":"deny"',
    '"kind":"reload","result":"taken"',
  ];

  /** One closed segment per entry, in order, and the active one. */
  async function segmentsOf(directory: string): Promise<void> {
    const ledger = await openLedger(optionsFor(directory));
    for (const entry of entries) {
      await ledger.append(entry);
      await ledger.rotate();
    }
    await ledger.close();
  }

  test.each([
    ["nothing expired", { decision: DAY_MS, denial: DAY_MS, administration: DAY_MS }, [0, 1, 2]],
    ["allowed decisions expired", { decision: 1, denial: DAY_MS, administration: DAY_MS }, [1, 2]],
    ["only administration is kept", { decision: 1, denial: 1, administration: DAY_MS }, [2]],
    ["all expired", { decision: 1, denial: 1, administration: 1 }, []],
  ])("%s", async (_name, retentionMs, kept) => {
    const directory = newDirectory();
    await segmentsOf(directory);
    const options = optionsFor(directory, { retentionMs });
    const ledger = await openLedger(options);
    const gone = [0, 1, 2].filter((segment) => !kept.includes(segment));
    const removed = (): number[] =>
      options.events.flatMap((event) =>
        event.kind === "retention" ? event.removed.map(({ segment }) => segment) : [],
      );
    await until(
      "all that expired is removed",
      () => gone.every((each) => removed().includes(each)),
      PATIENCE_MS,
    );
    await ledger.close();
    for (const segment of [0, 1, 2]) {
      expect(existsSync(join(directory, `0000000${segment}.ndjson`)), String(segment)).toBe(
        kept.includes(segment),
      );
    }
    await requireProven(directory);
  });

  test("nothing goes while the hook says no", async () => {
    const directory = newDirectory();
    await segmentsOf(directory);
    const asked: number[] = [];
    const ledger = await openLedger(
      optionsFor(directory, {
        retentionMs: { decision: 1, denial: 1, administration: 1 },
        mayRemove: ({ segment }) => {
          asked.push(segment);
          return segment === 1;
        },
      }),
    );
    await until(
      "one segment is removed",
      () => !existsSync(join(directory, "00000001.ndjson")),
      PATIENCE_MS,
    );
    await until("the hook was asked for the rest", () => asked.includes(2), PATIENCE_MS);
    await ledger.close();
    expect(existsSync(join(directory, "00000000.ndjson"))).toBe(true);
    expect(existsSync(join(directory, "00000002.ndjson"))).toBe(true);
    await requireProven(directory);
  });
});
