/** Closed segments on their way to whatever takes them: each until it is confirmed, the active one never. */
import { readFileSync } from "node:fs";
import { appendFile, chmod, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import { createExecSink, type ExecSinkOptions } from "./exec-sink.ts";
import { createTestLedger, type TestLedger } from "./ledger-files.test-support.ts";
import { OutwardError } from "./outward-error.ts";
import type { OutwardPiece } from "./outward-piece.ts";
import { openSegmentFeed } from "./segment-feed.ts";
import type { SinkSegment, SegmentSink } from "./segment-sink.ts";

const PATIENCE_MS = 20_000;
const QUICK = { firstMs: 1, limitMs: 10 };

let ledger: TestLedger;
let feed: OutwardPiece | undefined;
beforeEach(async () => {
  ledger = await createTestLedger();
});
afterEach(async () => {
  await feed?.close();
  feed = undefined;
  await ledger.remove();
});

interface RecordingSink extends SegmentSink {
  readonly segments: SinkSegment[];
  readonly notes: string[];
  refuse: (segment: SinkSegment) => Error | undefined;
}

function recordingSink(): RecordingSink {
  const sink: RecordingSink = {
    segments: [],
    notes: [],
    refuse: () => undefined,
    async segmentClosed(segment) {
      const refusal = sink.refuse(segment);
      if (refusal) throw refusal;
      sink.segments.push(segment);
    },
    async checkpoint(note) {
      sink.notes.push(note);
    },
  };
  return sink;
}

async function open(sink: SegmentSink): Promise<OutwardPiece> {
  feed = await openSegmentFeed({
    directory: ledger.directory,
    statePath: join(ledger.directory, "mirror.json"),
    checkpointIntervalMs: 5,
    backoff: QUICK,
    sink,
  });
  return feed;
}

const numbers = (sink: RecordingSink): number[] => sink.segments.map(({ segment }) => segment);

describe("closed segments", () => {
  test("go out in order with what they hold; the active one does not", async () => {
    await ledger.append(3);
    await ledger.rotate();
    await ledger.append(2);
    await ledger.rotate();
    await ledger.compress(0);
    const sink = recordingSink();
    const opened = await open(sink);
    await until("two segments", () => sink.segments.length === 2, PATIENCE_MS);
    const [first, second] = sink.segments as [SinkSegment, SinkSegment];
    expect(first).toMatchObject({ segment: 0, isCompressed: true, firstSeq: 0 });
    expect(second).toMatchObject({ segment: 1, isCompressed: false, firstSeq: first.lastSeq + 1 });
    expect(first.startedAt).toBe("2026-11-22T12:00:00.001000Z");
    await until("nothing to wait for", () => opened.status().pending === 0, PATIENCE_MS);
    expect([0, 1, 2].map((segment) => opened.mayRemove(segment))).toEqual([true, true, false]);
    const closed = await ledger.rotate();
    opened.segmentClosed(closed);
    await until("the third", () => sink.segments.length === 3, PATIENCE_MS);
    expect(sink.segments[2]).toMatchObject({ firstSeq: closed.firstSeq, lastSeq: closed.lastSeq });
  });

  test("that are confirmed are not sent again after a restart", async () => {
    await ledger.rotate();
    const first = recordingSink();
    const opened = await open(first);
    await until("the segment", () => opened.mayRemove(0), PATIENCE_MS);
    await opened.close();
    await ledger.rotate();
    const second = recordingSink();
    const again = await open(second);
    expect(again.mayRemove(0)).toBe(true);
    await until("the other segment", () => second.segments.length === 1, PATIENCE_MS);
    expect(numbers(second)).toEqual([1]);
  });

  test.each(["nonsense", '{"confirmed":{"0":true}}', '{"confirmed":[-1,"0",1.5]}', ""])(
    "are sent again when what was remembered is %j",
    async (state) => {
      await ledger.rotate();
      await writeFile(join(ledger.directory, "mirror.json"), state);
      const sink = recordingSink();
      const opened = await open(sink);
      expect(opened.mayRemove(0)).toBe(false);
      await until("the segment", () => sink.segments.length === 1, PATIENCE_MS);
    },
  );

  test("wait while the other side refuses, and say so", async () => {
    await ledger.rotate();
    await ledger.rotate();
    const sink = recordingSink();
    sink.refuse = () => new OutwardError("outward.unreachable", "nobody there");
    const opened = await open(sink);
    await until("three attempts", () => opened.status().failed >= 3, PATIENCE_MS);
    expect(opened.status()).toMatchObject({
      pending: 2,
      sent: 0,
      lastError: { code: "outward.unreachable", message: "nobody there" },
    });
    expect(opened.mayRemove(0)).toBe(false);
    sink.refuse = () => undefined;
    await until("both", () => sink.segments.length === 2, PATIENCE_MS);
    expect(numbers(sink)).toEqual([0, 1]);
  });

  test("one that cannot go does not hold up the others", async () => {
    await ledger.rotate();
    await ledger.rotate();
    const sink = recordingSink();
    sink.refuse = ({ segment }) =>
      segment === 0 ? new OutwardError("mirror.too_large", "too large") : undefined;
    const opened = await open(sink);
    await until("the other", () => opened.mayRemove(1), PATIENCE_MS);
    await until("two attempts", () => opened.status().failed >= 2, PATIENCE_MS);
    expect(opened.mayRemove(0)).toBe(false);
    expect(opened.status()).toMatchObject({ pending: 1, lastError: { code: "mirror.too_large" } });
  });

  test("one whose beginning is damaged does not hold up the others", async () => {
    await ledger.rotate();
    await ledger.rotate();
    await writeFile(ledger.path(0), "not a ledger\n");
    const sink = recordingSink();
    const opened = await open(sink);
    await until("the other", () => opened.mayRemove(1), PATIENCE_MS);
    await until("it is told", () => opened.status().lastError !== undefined, PATIENCE_MS);
    expect(opened.status().lastError).toMatchObject({ code: "segment.unreadable" });
  });

  test("one that is removed before it went is counted as lost", async () => {
    await ledger.rotate();
    const sink = recordingSink();
    sink.refuse = () => new OutwardError("outward.unreachable", "nobody there");
    const opened = await open(sink);
    await until("an attempt", () => opened.status().failed > 0, PATIENCE_MS);
    await rm(ledger.path(0));
    await until("the loss", () => opened.status().lost === 1, PATIENCE_MS);
    expect(opened.status().pending).toBe(0);
  });
});

test("segments that logrotate moved aside go out too", async () => {
  await ledger.append(1);
  await ledger.rotate();
  await ledger.rotate();
  await ledger.compress(1);
  await rename(ledger.path(0), ledger.path(0, ".1"));
  await rename(ledger.path(1, ".gz"), ledger.path(1, "-20261122.gz"));
  const sink = recordingSink();
  await open(sink);
  await until("both", () => sink.segments.length === 2, PATIENCE_MS);
  expect(sink.segments).toMatchObject([
    { segment: 0, path: ledger.path(0, ".1"), isCompressed: false },
    { segment: 1, path: ledger.path(1, "-20261122.gz"), isCompressed: true },
  ]);
});

test("what was set aside behind the last line that counts is not counted", async () => {
  await ledger.append(2);
  const lastSeq = ledger.lines.length - 1;
  await ledger.appendLoose(5);
  await ledger.failOver();
  const sink = recordingSink();
  await open(sink);
  await until("the segment", () => sink.segments.length === 1, PATIENCE_MS);
  expect(sink.segments[0]).toMatchObject({ firstSeq: 0, lastSeq });
});

test("checkpoints go to the same sink", async () => {
  const sink = recordingSink();
  const opened = await open(sink);
  opened.checkpoint(ledger.note, ledger.size);
  await until("the note", () => sink.notes.length === 1, PATIENCE_MS);
  expect(sink.notes).toEqual([ledger.note]);
});

describe.skipIf(process.platform === "win32")("a program as the hook", () => {
  async function openExec(script: string, options: Partial<ExecSinkOptions> = {}): Promise<string> {
    const program = join(ledger.directory, "hook.sh");
    const log = join(ledger.directory, "hook.out");
    await writeFile(program, `#!/bin/sh\n${script.replaceAll("LOG", log)}\n`);
    await chmod(program, 0o755);
    await appendFile(log, "");
    await open(
      createExecSink({ program, notePath: join(ledger.directory, "hook.note"), ...options }),
    );
    return log;
  }

  test("gets paths as arguments, as they are, and none of the gateway's environment", async () => {
    await ledger.rotate();
    process.env["PORTCULLIS_TEST_SECRET"] = "s3cret";
    const log = await openExec('printf "%s\\n" "$@" >> "LOG"; env >> "LOG"', {
      arguments: ["--to", "a b; $(touch x)"],
      environment: { BUCKET: "b-1" },
    });
    await until("the confirmation", () => feed?.mayRemove(0) === true, PATIENCE_MS);
    delete process.env["PORTCULLIS_TEST_SECRET"];
    const said = await readFile(log, "utf8");
    expect(said.split("\n").slice(0, 4)).toEqual([
      "--to",
      "a b; $(touch x)",
      "segment",
      ledger.path(0),
    ]);
    expect(said).toContain("LEDGER_FIRST_SEQ=0\n");
    expect(said).toContain("BUCKET=b-1\n");
    expect(said).not.toContain("s3cret");
  });

  test("gets the note in a file", async () => {
    const log = await openExec('[ "$1" = checkpoint ] && cat "$2" >> "LOG"');
    feed?.checkpoint(ledger.note, ledger.size);
    await until("the note", async () => (await readFile(log, "utf8")) !== "", PATIENCE_MS);
    expect(await readFile(log, "utf8")).toBe(ledger.note);
  });

  test("is asked again when it fails, and its complaint is told", async () => {
    await ledger.rotate();
    const log = await openExec('echo run >> "LOG"; echo "no space there" >&2; exit 3');
    await until("two runs", async () => (await readFile(log, "utf8")).length >= 8, PATIENCE_MS);
    await until("it is told", () => feed?.status().lastError !== undefined, PATIENCE_MS);
    expect(feed?.status().lastError).toMatchObject({
      code: "exec.failed",
      message: expect.stringMatching(/status 3: no space there$/) as string,
    });
    expect(feed?.mayRemove(0)).toBe(false);
  });

  test("is ended with all it started when its time is up", async () => {
    await ledger.rotate();
    const log = await openExec('sleep 600 & echo $! >> "LOG"; wait', { limitMs: 200 });
    await until("the end", () => feed?.status().lastError?.code === "exec.timeout", PATIENCE_MS);
    const [child] = (await readFile(log, "utf8")).split("\n");
    await until("the end of its child", () => !isRunning(Number(child)), PATIENCE_MS);
  });

  test("that cannot be started is told", async () => {
    await ledger.rotate();
    await openExec("true", { program: join(ledger.directory, "not-there") });
    await until("it is told", () => feed?.status().lastError !== undefined, PATIENCE_MS);
    expect(feed?.status().lastError).toMatchObject({ code: "exec.failed" });
  });
});

/** A process that ended but was not asked for yet by whoever is its parent now counts as ended. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch (error) {
    return (error as NodeJS.ErrnoException).syscall === "open" && process.platform !== "linux";
  }
}
