/**
 * What every way out of the machine looks like to the gateway. A piece takes news without ever waiting or throwing: the
 * writer must never be stopped or slowed by it.
 */
import type { ClosedSegment } from "../write/ledger-options.ts";
import type { ErrorReport } from "./outward-error.ts";

export interface OutwardStatus {
  /** What waits: segments or lines, as the piece counts them. */
  readonly pending: number;
  /** What was taken by the other side since this process started. */
  readonly sent: number;
  /** Attempts that failed since this process started. */
  readonly failed: number;
  /** What was gone from the disk, or refused for good, before the other side had it. */
  readonly lost: number;
  readonly lastError: ErrorReport | undefined;
  /** Age of the oldest thing that waits, in milliseconds; 0 when nothing waits. */
  readonly oldestPendingMs: number;
}

export interface OutwardPiece {
  segmentClosed(segment: ClosedSegment): void;
  /** A new signed note, durable on this machine; `size` is the tree's. */
  checkpoint(note: string, size: number): void;
  status(): OutwardStatus;
  /** Whether retention may delete a segment: false while this piece still needs it. */
  mayRemove(segment: number): boolean;
  /** Tries once more to send the newest, for a few seconds at most; never rejects. */
  close(): Promise<void>;
}
