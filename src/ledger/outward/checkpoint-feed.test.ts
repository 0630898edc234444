/** The newest note goes out, at a bounded rate, and the last one when the gateway ends. */
import { afterEach, describe, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import { CheckpointFeed, type CheckpointFeedOptions } from "./checkpoint-feed.ts";
import type { OutwardPiece } from "./outward-piece.ts";
import { createStdoutCheckpoints } from "./stdout-checkpoints.ts";

const NEVER_MS = 3_600_000;
const PATIENCE_MS = 20_000;

let feed: CheckpointFeed | OutwardPiece | undefined;
afterEach(async () => {
  await feed?.close();
  feed = undefined;
});

function open(options: Partial<CheckpointFeedOptions> = {}): [CheckpointFeed, number[]] {
  const delivered: number[] = [];
  const opened = new CheckpointFeed({
    deliver: async (_note, size) => void delivered.push(size),
    backoff: { firstMs: 1, limitMs: 5 },
    ...options,
  });
  feed = opened;
  return [opened, delivered];
}

describe("a checkpoint", () => {
  test("goes out at once, the next ones wait, and the newest goes when the gateway ends", async () => {
    const [opened, delivered] = open({ intervalMs: NEVER_MS });
    opened.offer("a", 1);
    await until("the first", () => delivered.length === 1, PATIENCE_MS);
    for (let size = 2; size <= 1_000; size++) opened.offer("b", size);
    expect(opened.pendingMs).toBeGreaterThanOrEqual(0);
    await opened.close();
    expect(delivered).toEqual([1, 1_000]);
  });

  test("follows by itself when its time has come", async () => {
    const [opened, delivered] = open({ intervalMs: 10 });
    opened.offer("a", 1);
    await until("the first", () => delivered.length === 1, PATIENCE_MS);
    opened.offer("b", 2);
    await until("the second", () => delivered.at(-1) === 2, PATIENCE_MS);
  });

  test("offered while another is on its way is not forgotten", async () => {
    const delivered: number[] = [];
    const [opened] = open({
      intervalMs: 1,
      deliver: async (_note, size) => {
        delivered.push(size);
        if (size === 1) opened.offer("b", 2);
      },
    });
    opened.offer("a", 1);
    await until("the second", () => delivered.at(-1) === 2, PATIENCE_MS);
  });

  test("that was refused is tried again, or replaced by a newer one", async () => {
    const delivered: number[] = [];
    let refusals = 3;
    const [opened] = open({
      intervalMs: 1,
      deliver: async (_note, size) => {
        if (refusals-- > 0) throw new Error("not now");
        delivered.push(size);
      },
    });
    opened.offer("a", 1);
    opened.offer("b", 2);
    await until("the newest", () => delivered.at(-1) === 2, PATIENCE_MS);
    expect(delivered).toEqual([2]);
    expect(opened).toMatchObject({ failed: 3, sent: 1, lastError: { message: "not now" } });
  });
});

test("on stdout it is one line of JSON with the whole note", async () => {
  const written: string[] = [];
  const opened = createStdoutCheckpoints({ write: (line) => written.push(line), intervalMs: 1 });
  feed = opened;
  opened.checkpoint("gateway-1\n5\nroot\nchain b3:00\n\n— gateway-1 AAAA\n", 5);
  await until("the line", () => written.length > 0, PATIENCE_MS);
  expect(written[0]).toMatch(/^[^\n]+\n$/);
  expect(JSON.parse(written[0] ?? "")).toMatchObject({
    event: "ledger_checkpoint",
    size: 5,
    note: "gateway-1\n5\nroot\nchain b3:00\n\n— gateway-1 AAAA\n",
  });
});
