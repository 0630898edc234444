/**
 * Hands every closed segment to a sink, oldest first, until it is confirmed; after a restart it finds what is not. It must
 * never hand over the active segment.
 */
import { stat } from "node:fs/promises";
import { CheckpointFeed } from "./checkpoint-feed.ts";
import { OutwardError, reportOf, type ErrorReport } from "./outward-error.ts";
import type { ClosedSegment } from "../write/ledger-options.ts";
import type { OutwardPiece, OutwardStatus } from "./outward-piece.ts";
import { RetryLoop, type Backoff } from "./retry-loop.ts";
import { listSegments, readFirstLine, type SegmentFile } from "./segment-files.ts";
import type { SegmentSink } from "./segment-sink.ts";
import { countOf, readState, writeState } from "./state-file.ts";

/** The directory is also looked through without news: a segment may have been closed by a writer before this one. */
const SCAN_INTERVAL_MS = 60_000;

/** Longest time `close` lets a hand-over go on; what is cut short is done again after the next start. */
const CLOSE_GRACE_MS = 1_000;

export interface SegmentFeedOptions {
  /** The ledger's directory. */
  readonly directory: string;
  /** Remembers what is confirmed; `mirror.json` for the mirror. Losing it costs a second hand-over, nothing else. */
  readonly statePath: string;
  readonly sink: SegmentSink;
  /** Least time between two checkpoints. Default 60 s. */
  readonly checkpointIntervalMs?: number;
  readonly backoff?: Backoff;
}

interface Waiting {
  readonly file: SegmentFile;
  readonly closedAtMs: number;
}

/** Faults of one segment; the ones after it may still go. Anything else is taken for a fault of the other side. */
const FAULTS_OF_ONE = new Set(["segment.unreadable", "mirror.too_large", "mirror.mismatch"]);

/** Opens a feed; what was confirmed before is read first. Never rejects. */
export async function openSegmentFeed(options: SegmentFeedOptions): Promise<OutwardPiece> {
  const state = (await readState(options.statePath)) as { confirmed?: unknown } | undefined;
  const confirmed = Array.isArray(state?.confirmed) ? state.confirmed : [];
  return new SegmentFeed(options, new Set(confirmed.map(countOf).filter((n) => n !== undefined)));
}

class SegmentFeed implements OutwardPiece {
  readonly #options: SegmentFeedOptions;
  readonly #confirmed: Set<number>;
  readonly #checkpoints: CheckpointFeed;
  readonly #loop: RetryLoop;
  #waiting: readonly Waiting[] = [];
  /** Segments the writer said are closed, though no later one need exist. */
  #closedThrough = -1;
  #sent = 0;
  #failed = 0;
  #lost = 0;
  #lastError: ErrorReport | undefined;

  constructor(options: SegmentFeedOptions, confirmed: Set<number>) {
    this.#options = options;
    this.#confirmed = confirmed;
    const backoff = options.backoff && { backoff: options.backoff };
    this.#checkpoints = new CheckpointFeed({
      deliver: (note, size, signal) => options.sink.checkpoint(note, size, signal),
      ...(options.checkpointIntervalMs !== undefined && {
        intervalMs: options.checkpointIntervalMs,
      }),
      ...backoff,
    });
    this.#loop = new RetryLoop({
      step: (signal) => this.#round(signal),
      idleMs: SCAN_INTERVAL_MS,
      ...backoff,
      onError: (error) => this.#note(error),
    });
  }

  segmentClosed({ segment }: ClosedSegment): void {
    this.#closedThrough = Math.max(this.#closedThrough, segment);
    this.#loop.wake();
  }

  checkpoint(note: string, size: number): void {
    this.#checkpoints.offer(note, size);
  }

  mayRemove(segment: number): boolean {
    return this.#confirmed.has(segment);
  }

  status(): OutwardStatus {
    const oldest = this.#waiting[0];
    const waitedMs = oldest === undefined ? 0 : Math.max(0, Date.now() - oldest.closedAtMs);
    const [later, other] = [this.#lastError, this.#checkpoints.lastError];
    return {
      pending: this.#waiting.length,
      sent: this.#sent,
      failed: this.#failed + this.#checkpoints.failed,
      lost: this.#lost,
      lastError: (later?.atMs ?? 0) >= (other?.atMs ?? 0) ? later : other,
      oldestPendingMs: Math.max(waitedMs, this.#checkpoints.pendingMs),
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.#checkpoints.close(), this.#loop.close(CLOSE_GRACE_MS)]);
  }

  #note(error: unknown): void {
    this.#failed++;
    this.#lastError = reportOf(error, Date.now());
  }

  async #round(signal: AbortSignal): Promise<"idle"> {
    const files = await listSegments(this.#options.directory);
    await this.#look(files);
    let fault: unknown;
    for (const { file } of this.#waiting) {
      if (signal.aborted) break;
      try {
        await this.#handOver(file, files, signal);
      } catch (error) {
        if (!(error instanceof OutwardError && FAULTS_OF_ONE.has(error.code))) throw error;
        if (fault !== undefined) this.#note(fault);
        fault = error;
      }
    }
    // Told at the end, so that the loop pauses before it tries again.
    if (fault !== undefined) throw fault;
    return "idle";
  }

  /** Brings what waits up to date with the directory. */
  async #look(files: readonly SegmentFile[]): Promise<void> {
    const present = new Set(files.map(({ segment }) => segment));
    this.#lost += this.#waiting.filter(({ file }) => !present.has(file.segment)).length;
    for (const segment of this.#confirmed)
      if (!present.has(segment)) this.#confirmed.delete(segment);
    const newest = files.at(-1)?.segment ?? -1;
    const waiting: Waiting[] = [];
    for (const file of files) {
      const isActive = file.segment === newest && newest > this.#closedThrough;
      if (isActive || this.#confirmed.has(file.segment)) continue;
      const known = this.#waiting.find((one) => one.file.segment === file.segment);
      waiting.push({ file, closedAtMs: known?.closedAtMs ?? (await changedAtMs(file)) });
    }
    this.#waiting = waiting;
  }

  async #handOver(
    file: SegmentFile,
    files: readonly SegmentFile[],
    signal: AbortSignal,
  ): Promise<void> {
    const first = await readFirstLine(file);
    const following = files.find(({ segment }) => segment > file.segment);
    const next = following === undefined ? undefined : await readFirstLine(following);
    // Empty: the writer died before its first line. There is nothing to keep.
    if (first !== undefined)
      await this.#options.sink.segmentClosed(
        {
          segment: file.segment,
          path: file.path,
          isCompressed: file.isCompressed,
          firstSeq: first.seq,
          lastSeq: next === undefined ? first.seq : next.seq - 1,
          startedAt: first.ts,
        },
        signal,
      );
    await this.#confirm(file.segment);
  }

  async #confirm(segment: number): Promise<void> {
    this.#confirmed.add(segment);
    this.#waiting = this.#waiting.filter(({ file }) => file.segment !== segment);
    this.#sent++;
    await writeState(this.#options.statePath, {
      version: 1,
      confirmed: [...this.#confirmed].sort((a, b) => a - b),
    });
  }
}

async function changedAtMs(file: SegmentFile): Promise<number> {
  return stat(file.path).then(
    ({ mtimeMs }) => mtimeMs,
    () => Date.now(),
  );
}
