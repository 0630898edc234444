/**
 * The ledger as its owner sees it: entries go in, and a promise tells when each is durable. Opening refuses whatever it
 * cannot go on from; it must never begin anew where a stream was.
 */
import { mkdirSync } from "node:fs";
import { DirectoryLock } from "./write/directory-lock.ts";
import { LedgerError, reasonOf } from "./write/ledger-error.ts";
import type { LedgerOptions } from "./write/ledger-options.ts";
import { DIRECTORY_MODE } from "./write/segment-files.ts";
import type { NewestNote } from "./write/thread-messages.ts";
import { ThreadedLedger } from "./write/threaded-ledger.ts";

export { LedgerError } from "./write/ledger-error.ts";
export type {
  ClosedSegment,
  LedgerEvent,
  LedgerOptions,
  RemovedSegment,
  RetentionTimes,
} from "./write/ledger-options.ts";

/** One open stream; safe to call from anywhere in this thread. */
export interface Ledger {
  /**
   * Records an entry and resolves with its `seq` once it is durable. `members` is JSON text without braces that begins
   * with `"kind":"..."`. Rejects with a LedgerError: `ledger.unavailable` (it is not recorded, or nobody knows),
   * `ledger.overloaded`, `ledger.entry_refused`, `ledger.closed`.
   */
  append(members: string): Promise<number>;
  /** Records an entry some time soon. False: it was dropped, because too many wait or the disk fails. */
  post(members: string): boolean;
  /** While `failed`, entries are refused at once. */
  readonly state: "writing" | "failed";
  /** The vkey to give to those who verify. */
  readonly verifierKey: string;
  /** Goes on in a new segment; what was appended before is in the old one. Rejects with `ledger.unavailable`. */
  rotate(): Promise<void>;
  /** The newest signed note and the number of lines it covers. */
  checkpoint(): NewestNote | undefined;
  /** Makes what was appended durable, ends the segment in order and gives the directory free. */
  close(): Promise<void>;
}

/**
 * Opens the stream in a directory, or begins one. Rejects with a LedgerError: `ledger.locked`, `ledger.damaged`,
 * `ledger.other_stream`, `ledger.directory_unusable`.
 */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const { directory } = options;
  try {
    mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE });
  } catch (error) {
    const why = `${directory}: ${reasonOf(error)}; name a directory that can be made and written`;
    throw new LedgerError("ledger.directory_unusable", why, error);
  }
  const lock = DirectoryLock.acquire(directory);
  try {
    const ledger = new ThreadedLedger(options, lock);
    await ledger.started;
    return ledger;
  } catch (error) {
    lock.release();
    throw error;
  }
}
