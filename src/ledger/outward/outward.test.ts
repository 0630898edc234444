/** All ways out behind the real writer: what it acknowledged arrives, once it is durable, over rotations and a restart. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import { openLedger, type Ledger } from "../ledger.ts";
import { openNote } from "../signed-note.ts";
import { createSigningKeyPem } from "../signing-key.ts";
import { parseVerifierKey } from "../verifier-key.ts";
import { openLineFeed } from "./line-feed.ts";
import { joinOutward, type Outward } from "./outward.ts";
import { openSegmentFeed } from "./segment-feed.ts";
import type { SinkSegment } from "./segment-sink.ts";
import { createStdoutCheckpoints } from "./stdout-checkpoints.ts";

const PATIENCE_MS = 25_000;

let directory: string;
let outward: Outward | undefined;
let ledger: Ledger | undefined;
const key = createSigningKeyPem();
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "portcullis-outward-"));
});
afterEach(async () => {
  await ledger?.close();
  await outward?.close();
  ledger = undefined;
  outward = undefined;
  await rm(directory, { recursive: true, force: true });
});

interface Arrived {
  readonly lines: string[];
  readonly segments: SinkSegment[];
  readonly notes: string[];
}

async function open(arrived: Arrived): Promise<Ledger> {
  const opened = joinOutward({
    stdout: createStdoutCheckpoints({
      intervalMs: 1,
      write: (line) => arrived.notes.push((JSON.parse(line) as { note: string }).note),
    }),
    mirror: await openSegmentFeed({
      directory,
      statePath: join(directory, "mirror.json"),
      sink: {
        segmentClosed: async (segment) => void arrived.segments.push(segment),
        checkpoint: async () => undefined,
      },
    }),
    siem: await openLineFeed({
      directory,
      statePath: join(directory, "siem.json"),
      checkpointIntervalMs: 0,
      sink: {
        settleMs: 0,
        onBroken: undefined,
        send: async (lines) => {
          arrived.lines.push(...lines.map(({ bytes }) => bytes.toString("utf8")));
        },
        close: async () => true,
      },
    }),
  });
  outward = opened;
  ledger = await openLedger({
    directory,
    origin: "gateway-1",
    signingKeyPem: key,
    sign: "checkpoint",
    writer: "test",
    segment: { limitBytes: 20_000, maxAgeMs: 3_600_000, isCompressed: true },
    group: { maxWaitMs: 1, maxEntries: 64 },
    onEvent: (event) => opened.observe(event),
    mayRemove: (segment) => opened.mayRemove(segment),
  });
  return ledger;
}

async function close(): Promise<void> {
  await ledger?.close();
  await outward?.close();
}

const append = (opened: Ledger, from: number, count: number): Promise<number[]> =>
  Promise.all(
    Array.from({ length: count }, (_, index) =>
      opened.append(`"kind":"decision","request_id":"req-${from + index}","decision":"allow"`),
    ),
  );
const seqsOf = (lines: readonly string[]): number[] =>
  lines.map((line) => (JSON.parse(line) as { seq: number }).seq);

test("everything acknowledged arrives in order, each line once, over rotations and a restart", async () => {
  const arrived: Arrived = { lines: [], segments: [], notes: [] };
  const first = await open(arrived);
  const acknowledged = await append(first, 0, 400);
  await first.rotate();
  acknowledged.push(...(await append(first, 400, 100)));
  await close();
  const second = await open(arrived);
  acknowledged.push(...(await append(second, 500, 300)));
  const last = Math.max(...acknowledged);
  await until("the last line", () => (seqsOf(arrived.lines).at(-1) ?? -1) >= last, PATIENCE_MS);
  await close();
  const seqs = seqsOf(arrived.lines);
  expect(seqs).toEqual(seqs.map((_, index) => index));
  expect(acknowledged.every((seq) => seq < seqs.length)).toBe(true);
  const { verifierKey } = second;
  const sizes = arrived.notes.map((note) =>
    Number(openNote(note, [parseVerifierKey(verifierKey)]).text.split("\n")[1]),
  );
  expect(sizes.length).toBeGreaterThan(1);
  expect(sizes).toEqual([...new Set(sizes)].sort((a, b) => a - b));
});

test("each closed segment is handed over once, and what it holds joins the next", async () => {
  const arrived: Arrived = { lines: [], segments: [], notes: [] };
  const opened = await open(arrived);
  for (let round = 0; round < 4; round++) {
    await append(opened, round * 50, 50);
    await opened.rotate();
  }
  const isDone = (): boolean => outward?.status()["mirror"]?.pending === 0;
  await until("four segments", () => isDone() && arrived.segments.length >= 4, PATIENCE_MS);
  expect(arrived.segments.map(({ segment }) => segment)).toEqual(
    arrived.segments.map((_, at) => at),
  );
  for (const [at, { firstSeq }] of arrived.segments.entries())
    expect(firstSeq).toBe((arrived.segments[at - 1]?.lastSeq ?? -1) + 1);
});
