/**
 * The main thread's side of the ledger: hands entries to the thread that hashes, signs and syncs, and settles their
 * promises. It must never block, nor hold more entries than its bounds allow.
 */
import { Worker } from "node:worker_threads";
import { LINE_LIMIT_BYTES } from "../line.ts";
import type { Ledger } from "../ledger.ts";
import type { DirectoryLock } from "./directory-lock.ts";
import { EntryGathering } from "./entry-gathering.ts";
import { LedgerError, reasonOf } from "./ledger-error.ts";
import type { ClosedSegment, LedgerOptions } from "./ledger-options.ts";
import {
  ENTRY_SEPARATOR,
  type FromThread,
  type NewestNote,
  type ThreadStart,
  type ToThread,
} from "./thread-messages.ts";
import { WaitingEntries } from "./waiting-entries.ts";

/** Text that surrounds members in a line, at most: time, seq, clock, prev, signature, hash. */
const ENVELOPE_BYTES = 512;

/** UTF-8 takes up to three bytes for one UTF-16 unit: below this no entry is measured. */
const SURELY_SHORT_UNITS = Math.floor((LINE_LIMIT_BYTES - ENVELOPE_BYTES) / 3);

const MEMBERS_START = '"kind":"';

/** The thread's file stands beside this one, in the same language: TypeScript in a checkout, JavaScript in a package. */
const THREAD_FILE = new URL(
  `./writer-thread${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`,
  import.meta.url,
);

export class ThreadedLedger implements Ledger {
  readonly started: Promise<void>;
  readonly #options: LedgerOptions;
  readonly #lock: DirectoryLock;
  readonly #thread: Worker;
  readonly #lost = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  readonly #waiting = new WaitingEntries();
  readonly #starting = Promise.withResolvers<void>();
  readonly #exited = Promise.withResolvers<void>();
  readonly #rotations: PromiseWithResolvers<void>[] = [];
  readonly #gathering = new EntryGathering((text, isAwaited) =>
    this.#tell({ kind: "entries", text, isAwaited }),
  );
  #state: "writing" | "failed" = "writing";
  #failure = "";
  #isThreadGone = false;
  #verifierKey = "";
  #checkpoint: NewestNote | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: LedgerOptions, lock: DirectoryLock) {
    this.#options = options;
    this.#lock = lock;
    const { onEvent: _onEvent, mayRemove, ...settings } = options;
    const start: ThreadStart = {
      settings,
      lost: this.#lost.buffer,
      asksBeforeRemoving: mayRemove !== undefined,
    };
    this.#thread = new Worker(THREAD_FILE, { workerData: start, name: "ledger" });
    this.#thread.on("message", (message: FromThread) => this.#receive(message));
    this.#thread.on("error", (error) => this.#onThreadFailed(reasonOf(error)));
    this.#thread.on("exit", () => {
      if (this.#closing === undefined) this.#onThreadFailed("the ledger's thread ended");
      this.#exited.resolve();
    });
    this.started = this.#starting.promise;
  }

  get state(): "writing" | "failed" {
    return this.#state;
  }

  get verifierKey(): string {
    return this.#verifierKey;
  }

  append(members: string): Promise<number> {
    const refusal = this.#refusalOf(members, true);
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      this.#waiting.add({ units: members.length, resolve, reject });
      this.#gathering.add(members, true);
    });
  }

  post(members: string): boolean {
    if (this.#refusalOf(members, false) !== undefined) return false;
    this.#waiting.add({ units: members.length });
    this.#gathering.add(members, false);
    return true;
  }

  rotate(): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(closed());
    if (this.#state === "failed") return Promise.reject(this.#unavailable());
    this.#gathering.flush();
    const rotation = Promise.withResolvers<void>();
    this.#rotations.push(rotation);
    this.#tell({ kind: "rotate" });
    return rotation.promise;
  }

  checkpoint(): NewestNote | undefined {
    return this.#checkpoint;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#gathering.flush();
    this.#tell({ kind: "close" });
    await this.#exited.promise;
    this.#giveUp(closed());
    this.#lock.release();
  }

  /** Why the entry cannot even be sent. Entries that a failure turns away are counted, for the `recovered` line. */
  #refusalOf(members: string, isAwaited: boolean): LedgerError | undefined {
    if (this.#closing !== undefined) return closed();
    if (this.#state === "failed") {
      Atomics.add(this.#lost, 0, 1);
      return this.#unavailable();
    }
    if (!isEntry(members)) return entryRefused();
    if (this.#waiting.hasRoom(members.length, isAwaited)) return undefined;
    return new LedgerError(
      "ledger.overloaded",
      `${this.#options.directory}: ${this.#waiting.count} entries wait for the disk; it is too slow for this load`,
    );
  }

  #onGroupEnded(): void {
    this.#gathering.groupEnded(this.#waiting.count > this.#gathering.count);
  }

  #tell(message: ToThread): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.#thread.postMessage(message);
  }

  #receive(message: FromThread): void {
    switch (message.kind) {
      case "durable":
        this.#checkpoint = message.checkpoint;
        this.#waiting.resolve(message, entryRefused);
        return this.#onGroupEnded();
      case "rejected":
        this.#waiting.reject(message.count, this.#unavailable(message.message));
        return this.#onGroupEnded();
      case "failed":
        this.#state = "failed";
        this.#failure = message.message;
        return;
      case "writing":
        this.#state = "writing";
        this.#checkpoint = message.checkpoint;
        return;
      case "event":
        return this.#options.onEvent(message.event);
      case "may_remove":
        void this.#answerRemoval(message.segment);
        return;
      case "rotated":
        return this.#settleRotation(message.error);
      case "started":
        this.#verifierKey = message.verifierKey;
        this.#checkpoint = message.checkpoint;
        return this.#starting.resolve();
      case "refused":
        this.#closing = this.#exited.promise;
        return this.#starting.reject(new LedgerError(message.code, message.message));
      case "closed":
        this.#checkpoint = message.checkpoint;
    }
  }

  #settleRotation(error: string | undefined): void {
    const rotation = this.#rotations.shift();
    if (error === undefined) rotation?.resolve();
    else rotation?.reject(this.#unavailable(error));
  }

  /** A hook that fails has not said yes. */
  async #answerRemoval(segment: ClosedSegment): Promise<void> {
    let mayRemove = false;
    try {
      mayRemove = (await this.#options.mayRemove?.(segment)) === true;
    } finally {
      this.#tell({ kind: "removal", segment: segment.segment, mayRemove });
    }
  }

  /** A bug, or memory ran out: nothing can be recorded any more in this process. */
  #onThreadFailed(reason: string): void {
    if (this.#isThreadGone) return;
    this.#isThreadGone = true;
    this.#state = "failed";
    this.#failure = reason;
    this.#starting.reject(this.#unavailable());
    this.#giveUp(this.#unavailable());
    this.#options.onEvent({ kind: "failed", cause: "thread_failed", message: reason });
  }

  #giveUp(error: LedgerError): void {
    this.#waiting.reject(this.#waiting.count, error);
    for (const rotation of this.#rotations.splice(0)) rotation.reject(error);
  }

  #unavailable(reason = this.#failure): LedgerError {
    const { directory } = this.#options;
    return new LedgerError(
      "ledger.unavailable",
      `${directory}: ${reason}; see that the disk has space and is sound, writing goes on by itself`,
    );
  }
}

/** Members of one line: what the thread would take for two entries, or could not begin a line with, is none. */
function isEntry(members: string): boolean {
  if (!members.startsWith(MEMBERS_START) || members.includes(ENTRY_SEPARATOR)) return false;
  if (members.length <= SURELY_SHORT_UNITS) return true;
  return Buffer.byteLength(members) <= LINE_LIMIT_BYTES - ENVELOPE_BYTES;
}

function entryRefused(): LedgerError {
  return new LedgerError(
    "ledger.entry_refused",
    `an entry is JSON members on one line, "kind" first, and a line has at most ${LINE_LIMIT_BYTES} bytes`,
  );
}

function closed(): LedgerError {
  return new LedgerError("ledger.closed", "the ledger was closed; open it again to record more");
}
