/** What a ledger is opened with, and what it tells about itself besides the seqs it returns. */
import type { SegmentFailureCause } from "./active-segment.ts";

/** A segment that will not be written any more. */
export interface ClosedSegment {
  readonly segment: number;
  /** Compressed already where that is configured. */
  readonly path: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

export type LedgerEvent =
  /** Once per segment, after its compression; also for one that the process before left behind. */
  | ({ readonly kind: "segment_closed" } & ClosedSegment)
  /** The newest signed note; at most one a second. `ledger.checkpoint()` is never behind it. */
  | { readonly kind: "checkpoint"; readonly note: string; readonly size: number }
  /** Entries are refused from here on. After `thread_failed` for good. */
  | {
      readonly kind: "failed";
      readonly cause: SegmentFailureCause | "thread_failed";
      readonly message: string;
    }
  /** Something was set aside, and the stream goes on: at start (`torn`), or after `failed`. */
  | {
      readonly kind: "recovered";
      readonly cause: SegmentFailureCause | "torn";
      readonly segment: number;
      /** Bytes set aside. */
      readonly bytes: number;
      /** Name of the file that holds them, when they were moved. */
      readonly file?: string;
      /** Entries refused or dropped meanwhile. */
      readonly lost?: number;
    }
  /** The machine's clock is behind the last line. */
  | { readonly kind: "clock_behind"; readonly behindUs: number }
  | { readonly kind: "retention"; readonly removed: readonly RemovedSegment[] }
  /** Compression, retention or the `checkpoint` file; it is tried again, and no entry is affected. */
  | { readonly kind: "housekeeping_failed"; readonly message: string };

/** As in the `retention` line. */
export interface RemovedSegment {
  readonly segment: number;
  readonly first_seq: number;
  readonly last_seq: number;
  readonly head: string;
  /** Base64: the tree's root after the segment. */
  readonly root: string;
}

export interface SegmentLimits {
  /** A segment that has reached this size is closed. Larger ones make a start slower: the last one is read whole. */
  readonly limitBytes: number;
  readonly maxAgeMs: number;
  readonly isCompressed: boolean;
}

/** How long lines are kept, by class. */
export interface RetentionTimes {
  readonly decision: number;
  readonly denial: number;
  readonly administration: number;
}

/** What crosses to the thread: data only. */
export interface WriterSettings {
  readonly directory: string;
  /** The gateway's id: name of the signing key and origin of the checkpoints. */
  readonly origin: string;
  readonly signingKeyPem: string;
  readonly sign: "checkpoint" | "entry";
  /** Software and version, for the `open` lines. */
  readonly writer: string;
  readonly segment: SegmentLimits;
  readonly group: {
    /** How long posted entries may wait for company. An entry that someone waits for is never held back. */
    readonly maxWaitMs: number;
    readonly maxEntries: number;
  };
  /** Default: all is kept. */
  readonly retentionMs?: RetentionTimes | undefined;
}

export interface LedgerOptions extends WriterSettings {
  /** Asked before a segment is deleted, for example whether it has been mirrored. Default: it may. */
  readonly mayRemove?: (segment: ClosedSegment) => boolean | Promise<boolean>;
  /** It must not throw. */
  readonly onEvent: (event: LedgerEvent) => void;
}
