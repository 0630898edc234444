/**
 * Writes the newest signed note where the log goes, as one line of JSON: whoever keeps the log can then show a cut tail.
 */
import { CheckpointFeed } from "./checkpoint-feed.ts";
import type { OutwardPiece } from "./outward-piece.ts";

export interface StdoutCheckpointsOptions {
  /** Takes one line with its LF. */
  readonly write: (line: string) => void;
  /** Least time between two lines. Default 60 s. */
  readonly intervalMs?: number;
}

export function createStdoutCheckpoints(options: StdoutCheckpointsOptions): OutwardPiece {
  const feed = new CheckpointFeed({
    deliver: async (note, size) => {
      const at = new Date().toISOString();
      options.write(`${JSON.stringify({ time: at, event: "ledger_checkpoint", size, note })}\n`);
    },
    ...(options.intervalMs !== undefined && { intervalMs: options.intervalMs }),
  });
  return {
    segmentClosed: () => undefined,
    checkpoint: (note, size) => feed.offer(note, size),
    mayRemove: () => true,
    status: () => ({
      pending: feed.pendingMs > 0 ? 1 : 0,
      sent: feed.sent,
      failed: feed.failed,
      lost: 0,
      lastError: feed.lastError,
      oldestPendingMs: feed.pendingMs,
    }),
    close: () => feed.close(),
  };
}
