/**
 * What is done to closed segments beside the writing: compression, announcement, retention. It must never touch the
 * segment that is being written, and its failures must never become those of an entry.
 */
import { readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { compressSegment } from "./compress-segment.ts";
import { reasonOf } from "./ledger-error.ts";
import type {
  ClosedSegment,
  LedgerEvent,
  RemovedSegment,
  WriterSettings,
} from "./ledger-options.ts";
import { Retention } from "./retention.ts";
import { listSegments, type SegmentFile } from "./segment-files.ts";
import { readOpening } from "./segment-summary.ts";

export interface HousekeepingOptions {
  readonly settings: WriterSettings;
  readonly activeSegment: () => number;
  readonly mayRemove: (segment: ClosedSegment) => Promise<boolean>;
  /** Makes the `retention` line durable; throws when it cannot. */
  readonly record: (removed: readonly RemovedSegment[]) => void;
  readonly onEvent: (event: LedgerEvent) => void;
}

/** How often retention looks, and failed compressions are tried again. */
export const HOUSEKEEPING_INTERVAL_MS = 60_000;

export class Housekeeping {
  readonly #options: HousekeepingOptions;
  readonly #retention: Retention | undefined;
  readonly #stopping = new AbortController();
  /** Closed and not yet announced. */
  readonly #closed = new Map<number, ClosedSegment>();
  #running: Promise<void> | undefined;
  #isWanted = false;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
    const { retentionMs } = options.settings;
    this.#retention = retentionMs && new Retention(retentionMs);
  }

  /** A segment that will not be written any more. */
  add(segment: ClosedSegment): void {
    this.#closed.set(segment.segment, segment);
    this.run();
  }

  /** Starts a round, or another one behind the one that runs. */
  run(): void {
    this.#isWanted = true;
    this.#running ??= this.#rounds().finally(() => {
      this.#running = undefined;
    });
  }

  /** Breaks off what is under way; the next start goes on with it. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #rounds(): Promise<void> {
    while (this.#isWanted && !this.#stopping.signal.aborted) {
      this.#isWanted = false;
      await this.#attempt(() => this.#tidyClosed());
      await this.#attempt(() => this.#removeExpired());
    }
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      this.#options.onEvent({ kind: "housekeeping_failed", message: reasonOf(error) });
    }
  }

  #tidyClosed(): Promise<void> {
    return this.#options.settings.segment.isCompressed
      ? this.#compressClosed()
      : this.#announceClosed();
  }

  async #announceClosed(): Promise<void> {
    const present = new Set(listSegments(this.#options.settings.directory).map(({ path }) => path));
    for (const closed of this.#closed.values()) {
      if (present.has(closed.path)) this.#options.onEvent({ kind: "segment_closed", ...closed });
    }
    this.#closed.clear();
  }

  /** Oldest first; each is announced when it is done. */
  async #compressClosed(): Promise<void> {
    const { directory } = this.#options.settings;
    await this.#removeLeftovers();
    const files = listSegments(directory);
    for (const [index, file] of files.entries()) {
      if (file.isCompressed || file.segment >= this.#options.activeSegment()) continue;
      const described = this.#closed.get(file.segment) ?? (await describe(file, files[index + 1]));
      const path = await compressSegment(file.path, this.#stopping.signal);
      this.#closed.delete(file.segment);
      if (described) this.#options.onEvent({ kind: "segment_closed", ...described, path });
    }
  }

  /** Of compressions that a crash broke off. */
  async #removeLeftovers(): Promise<void> {
    const { directory } = this.#options.settings;
    for (const name of readdirSync(directory)) {
      if (name.endsWith(".ndjson.gz.tmp")) await rm(join(directory, name), { force: true });
    }
  }

  /** The line comes first: after a crash in between the segment is still there and is removed again. */
  async #removeExpired(): Promise<void> {
    if (this.#retention === undefined) return;
    const { directory } = this.#options.settings;
    let last = -1;
    while (!this.#stopping.signal.aborted) {
      const expired = await this.#retention.nextExpired(listSegments(directory), last);
      if (expired === undefined) return;
      const { file, summary } = expired;
      last = file.segment;
      const { first_seq: firstSeq, last_seq: lastSeq } = summary.removed;
      const closed = { segment: file.segment, path: file.path, firstSeq, lastSeq };
      if (!(await this.#options.mayRemove(closed)) || file.segment >= this.#options.activeSegment())
        continue;
      this.#options.record([summary.removed]);
      await rm(file.path);
      this.#options.onEvent({ kind: "retention", removed: [summary.removed] });
    }
  }
}

/** What a segment of an earlier process holds; undefined where its neighbour cannot tell. */
async function describe(
  file: SegmentFile,
  next: SegmentFile | undefined,
): Promise<ClosedSegment | undefined> {
  if (next?.segment !== file.segment + 1) return undefined;
  const { segment, path } = file;
  const firstSeq = (await readOpening(file)).seq;
  return { segment, path, firstSeq, lastSeq: (await readOpening(next)).seq - 1 };
}
