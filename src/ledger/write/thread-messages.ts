/** What the two sides of the ledger say to each other. Data only: all of it is copied between threads. */
import type { LedgerErrorCode } from "./ledger-error.ts";
import type { ClosedSegment, LedgerEvent, WriterSettings } from "./ledger-options.ts";

/** Separates entries in a message: JSON text never contains it, and one string is far cheaper to copy than a list. */
export const ENTRY_SEPARATOR = "\n";

/** The thread's `workerData`. */
export interface ThreadStart {
  readonly settings: WriterSettings;
  /** One 32-bit number: entries refused or dropped since the writer failed. */
  readonly lost: SharedArrayBuffer;
  /** Whether there is someone to ask before a segment goes. */
  readonly asksBeforeRemoving: boolean;
}

export type ToThread =
  /** Entries that were gathered. */
  | { readonly kind: "entries"; readonly text: string; readonly isAwaited: boolean }
  | { readonly kind: "rotate" }
  | { readonly kind: "removal"; readonly segment: number; readonly mayRemove: boolean }
  | { readonly kind: "close" };

export type FromThread =
  | { readonly kind: "started"; readonly verifierKey: string; readonly checkpoint: NewestNote }
  | { readonly kind: "refused"; readonly code: LedgerErrorCode; readonly message: string }
  /** The next `count` entries are durable, but for those refused. */
  | {
      readonly kind: "durable";
      readonly count: number;
      readonly firstSeq: number;
      readonly refused: readonly number[];
      readonly checkpoint: NewestNote;
    }
  /** The next `count` entries are not recorded. */
  | { readonly kind: "rejected"; readonly count: number; readonly message: string }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "writing"; readonly checkpoint: NewestNote }
  | { readonly kind: "rotated"; readonly error?: string }
  | { readonly kind: "may_remove"; readonly segment: ClosedSegment }
  | { readonly kind: "event"; readonly event: LedgerEvent }
  | { readonly kind: "closed"; readonly checkpoint: NewestNote };

export interface NewestNote {
  readonly note: string;
  readonly size: number;
}
