/** The hook: whatever implements this gets each closed segment once and the newest checkpoint now and then. */
import type { ClosedSegment } from "../write/ledger-options.ts";

/** `lastSeq` is the last line that counts; bytes behind it were set aside (docs/ledger-format.md). */
export interface SinkSegment extends ClosedSegment {
  /** What `path` is now; the writer may compress it, or delete it once it is confirmed. */
  readonly isCompressed: boolean;
  /** `ts` of the first line. */
  readonly startedAt: string;
}

/**
 * Resolves once the other side has it for good: then the segment is confirmed, may be deleted here and is not handed over
 * again. A rejection is tried again later, so both must bear being called twice with the same.
 */
export interface SegmentSink {
  segmentClosed(segment: SinkSegment, signal: AbortSignal): Promise<void>;
  checkpoint(note: string, size: number, signal: AbortSignal): Promise<void>;
}
