/** Lines on their way to a sink: each at least once, whatever breaks, and nothing kept in memory. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import { createTestLedger, decisionMembers, type TestLedger } from "./ledger-files.test-support.ts";
import { openLineFeed, type LineFeedOptions, type LineSink } from "./line-feed.ts";
import type { OutwardPiece } from "./outward-piece.ts";

const QUICK = { firstMs: 1, limitMs: 10 };
const PATIENCE_MS = 20_000;

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

interface RecordingSink extends LineSink {
  readonly received: string[];
  /** Failures yet to come. */
  failures: number;
  isClosedWell: boolean;
}

function recordingSink(settleMs = 0): RecordingSink {
  const sink: RecordingSink = {
    received: [],
    failures: 0,
    isClosedWell: true,
    settleMs,
    onBroken: undefined,
    async send(lines) {
      if (sink.failures > 0) {
        sink.failures--;
        throw new Error("out of reach");
      }
      sink.received.push(...lines.map(({ bytes }) => bytes.toString("utf8")));
    },
    close: async () => sink.isClosedWell,
  };
  return sink;
}

async function open(sink: LineSink, options: Partial<LineFeedOptions> = {}): Promise<OutwardPiece> {
  feed = await openLineFeed({
    directory: ledger.directory,
    statePath: join(ledger.directory, "test.json"),
    sink,
    checkpointIntervalMs: 0,
    backoff: QUICK,
    ...options,
  });
  return feed;
}

const announce = (): void => feed?.checkpoint(ledger.note, ledger.size);

describe("lines", () => {
  test("that were there come first, then each as it becomes durable", async () => {
    await ledger.append(600);
    const sink = recordingSink();
    await open(sink);
    await until("the old lines", () => sink.received.length === ledger.lines.length, PATIENCE_MS);
    await ledger.append(3);
    await ledger.appendLoose(2);
    announce();
    await until("the new lines", () => sink.received.length === ledger.lines.length, PATIENCE_MS);
    expect(sink.received).toEqual(ledger.lines);
    expect(feed?.status()).toMatchObject({ pending: 0, sent: ledger.lines.length, lost: 0 });
  });

  test("are neither lost nor sent again by a restart in order", async () => {
    await ledger.append(10);
    const first = recordingSink();
    const opened = await open(first);
    await until("the lines", () => first.received.length === ledger.lines.length, PATIENCE_MS);
    await opened.close();
    const before = ledger.lines.length;
    await ledger.append(10);
    const second = recordingSink();
    await open(second);
    await until(
      "the rest",
      () => second.received.length === ledger.lines.length - before,
      PATIENCE_MS,
    );
    expect(second.received).toEqual(ledger.lines.slice(before));
  });

  test("are all sent again when what is remembered is nonsense", async () => {
    await ledger.append(10);
    await writeFile(join(ledger.directory, "test.json"), '{"segment":-1,"offset":"x"');
    const sink = recordingSink();
    await open(sink);
    await until("the lines", () => sink.received.length === ledger.lines.length, PATIENCE_MS);
  });

  test("come in order through failures of the sink", async () => {
    await ledger.append(1_200);
    const sink = recordingSink();
    sink.failures = 5;
    await open(sink);
    await until("the lines", () => sink.received.length === ledger.lines.length, PATIENCE_MS);
    expect(sink.received).toEqual(ledger.lines);
    expect(feed?.status()).toMatchObject({ failed: 5, lastError: { message: "out of reach" } });
  });

  test("that were sent shortly before a connection broke are sent again", async () => {
    await ledger.append(10);
    const sink = recordingSink(3_600_000);
    await open(sink);
    await until("the lines", () => sink.received.length === ledger.lines.length, PATIENCE_MS);
    sink.onBroken?.();
    await until("them again", () => sink.received.length === 2 * ledger.lines.length, PATIENCE_MS);
    expect(sink.received.slice(ledger.lines.length)).toEqual(ledger.lines);
  });

  test("that may be lost are not remembered as sent", async () => {
    await ledger.append(10);
    const sink = recordingSink(3_600_000);
    sink.isClosedWell = false;
    const opened = await open(sink);
    await until("the lines", () => sink.received.length === ledger.lines.length, PATIENCE_MS);
    await opened.close();
    const again = recordingSink();
    await open(again);
    await until("them again", () => again.received.length === ledger.lines.length, PATIENCE_MS);
  });
});

describe("what is sent", () => {
  test("is of the kinds the operator named", async () => {
    await ledger.append(3);
    await ledger.append(1, () => '"kind":"kill","event":"set"');
    const sink = recordingSink();
    await open(sink, { kinds: ["kill", "open"] });
    await until("two lines", () => sink.received.length === 2, PATIENCE_MS);
    expect(sink.received.map((line) => (JSON.parse(line) as { kind: string }).kind)).toEqual([
      "open",
      "kill",
    ]);
  });

  test("holds one checkpoint of an interval by the lines' own time", async () => {
    for (let group = 0; group < 10; group++) await ledger.append(4, decisionMembers);
    const sink = recordingSink();
    await open(sink, { checkpointIntervalMs: 20 });
    const isCheckpoint = (line: string): boolean => line.includes('"kind":"checkpoint"');
    const others = ledger.lines.filter((line) => !isCheckpoint(line)).length;
    const sent = (): number => sink.received.filter((line) => !isCheckpoint(line)).length;
    await until("all other lines", () => sent() === others, PATIENCE_MS);
    // Lines of the test's ledger are a millisecond apart: 52 of them.
    expect(sink.received.filter(isCheckpoint)).toHaveLength(3);
  });
});

test("the place is remembered in a file that only its owner reads", async () => {
  await ledger.append(2);
  const sink = recordingSink();
  const opened = await open(sink);
  await until("the lines", () => sink.received.length === ledger.lines.length, PATIENCE_MS);
  await opened.close();
  const state: unknown = JSON.parse(await readFile(join(ledger.directory, "test.json"), "utf8"));
  expect(state).toMatchObject({ version: 1, segment: 0, seq: ledger.lines.length });
});
