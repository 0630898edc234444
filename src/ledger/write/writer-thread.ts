/**
 * The ledger's thread: takes entries from the main thread, commits them in groups, answers each group with one message,
 * and brings the writer back after a failure. It must never answer for an entry before the disk did.
 */
import {
  parentPort,
  receiveMessageOnPort,
  workerData,
  type MessagePort,
} from "node:worker_threads";
import { readSigningKey, SigningKeyError } from "../signing-key.ts";
import { SegmentFailure } from "./active-segment.ts";
import { EntryQueue } from "./entry-queue.ts";
import { Housekeeping, HOUSEKEEPING_INTERVAL_MS } from "./housekeeping.ts";
import { LedgerError, reasonOf } from "./ledger-error.ts";
import type { ClosedSegment, LedgerEvent } from "./ledger-options.ts";
import { recoverStream } from "./recover-stream.ts";
import { StreamWriter } from "./stream-writer.ts";
import type { FromThread, ThreadStart, ToThread } from "./thread-messages.ts";
import { createWallClock } from "./wall-clock.ts";

/** How often rotation by age, moved files and the `checkpoint` file are looked after. */
const TICK_MS = 1_000;

/** A failed disk is tried again so soon at first, and so late at last. */
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;

/** A writer that fails again within this time goes on with the delay it had: a disk that is all but full would flap. */
const CALM_MS = 10_000;

class WriterThread {
  readonly #port: MessagePort;
  readonly #start: ThreadStart;
  readonly #lost: Int32Array;
  readonly #writer: StreamWriter;
  readonly #housekeeping: Housekeeping;
  readonly #removals = new Map<number, (mayRemove: boolean) => void>();
  readonly #queue = new EntryQueue();
  #isScheduled = false;
  #wait: NodeJS.Timeout | undefined;
  #retryMs = FIRST_RETRY_MS;
  #recoveredAtMs = Number.NEGATIVE_INFINITY;
  #isClosing = false;
  #retryTimer: NodeJS.Timeout | undefined;
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(port: MessagePort, start: ThreadStart) {
    this.#port = port;
    this.#start = start;
    this.#lost = new Int32Array(start.lost);
    const { settings } = start;
    const key = readSigningKey(settings.signingKeyPem, settings.origin);
    const onEvent = (event: LedgerEvent): void => this.#post({ kind: "event", event });
    const { directory, origin } = settings;
    const { verifierKey } = key;
    const { position, last } = recoverStream({ directory, origin, verifierKey, onEvent });
    this.#writer = new StreamWriter(position, {
      settings,
      key,
      nowUs: createWallClock(),
      onEvent,
      onClosed: (segment) => this.#housekeeping.add(segment),
    });
    this.#housekeeping = new Housekeeping({
      settings,
      activeSegment: () => this.#writer.activeSegment,
      mayRemove: (segment) => this.#askRemoval(segment),
      record: (removed) => this.#record(JSON.stringify({ kind: "retention", removed })),
      onEvent,
    });
    port.on("message", (message: ToThread) => this.#receive(message));
    this.#post({ kind: "started", verifierKey, checkpoint: this.#writer.checkpoint });
    this.#timers.push(
      setInterval(() => this.#tick(), TICK_MS),
      setInterval(() => this.#housekeeping.run(), HOUSEKEEPING_INTERVAL_MS),
    );
    this.#writer.publish();
    if (last) this.#housekeeping.add(last);
    else this.#housekeeping.run();
  }

  #post(message: FromThread): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.#port.postMessage(message);
  }

  /**
   * Takes in all that has arrived, and commits in the next phase of the loop. Not here: under load messages would keep
   * this phase going, and compression and timers would starve.
   */
  #receive(first: ToThread): void {
    let message: ToThread | undefined = first;
    let isAwaited = false;
    while (message !== undefined) {
      if (message.kind === "entries") {
        isAwaited ||= message.isAwaited;
        this.#queue.push(message.text);
      } else this.#obey(message);
      message = receiveMessageOnPort(this.#port)?.message as ToThread | undefined;
    }
    const { maxEntries, maxWaitMs } = this.#start.settings.group;
    if (isAwaited || this.#queue.count >= maxEntries) this.#schedule();
    else if (this.#queue.count > 0) this.#wait ??= setTimeout(() => this.#schedule(), maxWaitMs);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#commitNext();
    });
  }

  #commitNext(): void {
    clearTimeout(this.#wait);
    this.#wait = undefined;
    if (this.#queue.count === 0) return;
    if (!this.#writer.isWriting) return this.#rejectAll("the ledger's disk failed");
    try {
      this.#queue.take((entries, start) => {
        const committed = this.#writer.commit(entries, start);
        this.#post({ kind: "durable", ...committed, checkpoint: this.#writer.checkpoint });
        return committed.count;
      });
      this.#writer.publish();
    } catch (error) {
      return this.#onFailure(error);
    }
    if (this.#queue.count > 0) this.#schedule();
  }

  /** The group that failed and all behind it. */
  #rejectAll(message: string): void {
    const count = this.#queue.clear();
    if (count === 0) return;
    Atomics.add(this.#lost, 0, count);
    this.#post({ kind: "rejected", count, message });
  }

  #onFailure(error: unknown): void {
    if (!(error instanceof SegmentFailure)) throw error;
    const message = error.message;
    this.#post({ kind: "failed", message });
    this.#rejectAll(message);
    const isCalm = performance.now() - this.#recoveredAtMs > CALM_MS;
    if (isCalm) this.#retryMs = FIRST_RETRY_MS;
    this.#retryLater();
  }

  #retryLater(): void {
    if (this.#isClosing) return;
    this.#retryTimer = setTimeout(() => this.#retry(), this.#retryMs);
    this.#retryMs = Math.min(LAST_RETRY_MS, this.#retryMs * 2);
  }

  #retry(): void {
    if (this.#isClosing) return;
    const lost = Atomics.load(this.#lost, 0);
    try {
      this.#writer.reopen(lost);
    } catch (error) {
      if (!(error instanceof SegmentFailure)) throw error;
      return this.#retryLater();
    }
    Atomics.sub(this.#lost, 0, lost);
    this.#recoveredAtMs = performance.now();
    this.#post({ kind: "writing", checkpoint: this.#writer.checkpoint });
    this.#housekeeping.run();
  }

  #tick(): void {
    try {
      this.#writer.tick();
    } catch (error) {
      this.#onFailure(error);
    }
  }

  #obey(message: Exclude<ToThread, { kind: "entries" }>): void {
    switch (message.kind) {
      case "removal":
        this.#removals.get(message.segment)?.(message.mayRemove);
        this.#removals.delete(message.segment);
        return;
      case "rotate":
        return this.#rotate();
      case "close":
        void this.#close();
    }
  }

  /** What came before goes into the segment before. */
  #rotate(): void {
    this.#commitAll();
    if (!this.#writer.isWriting) {
      return this.#post({ kind: "rotated", error: "the ledger's disk failed" });
    }
    try {
      this.#writer.rotate("rotation");
      this.#post({ kind: "rotated" });
    } catch (error) {
      this.#onFailure(error);
      this.#post({ kind: "rotated", error: reasonOf(error) });
    }
  }

  #commitAll(): void {
    while (this.#queue.count > 0) this.#commitNext();
  }

  async #close(): Promise<void> {
    this.#commitAll();
    this.#isClosing = true;
    for (const timer of [...this.#timers, this.#retryTimer]) clearTimeout(timer);
    // A hook that never answers must not keep the process.
    for (const resolve of this.#removals.values()) resolve(false);
    await this.#housekeeping.stop();
    try {
      this.#writer.close();
    } catch (error) {
      // Reported as `failed`; the next start finds the stream as a crash would have left it.
      if (!(error instanceof SegmentFailure)) throw error;
    }
    this.#post({ kind: "closed", checkpoint: this.#writer.checkpoint });
    this.#port.close();
  }

  #askRemoval(segment: ClosedSegment): Promise<boolean> {
    if (!this.#start.asksBeforeRemoving) return Promise.resolve(true);
    return new Promise((resolve) => {
      this.#removals.set(segment.segment, resolve);
      this.#post({ kind: "may_remove", segment });
    });
  }

  #record(line: string): void {
    if (!this.#writer.isWriting) throw new Error("nothing is deleted while the disk fails");
    try {
      this.#writer.commit([line.slice(1, -1)], 0);
    } catch (error) {
      this.#onFailure(error);
      throw error;
    }
  }
}

if (parentPort !== null) {
  try {
    // oxlint-disable-next-line no-new -- it lives by its port
    new WriterThread(parentPort, workerData as ThreadStart);
  } catch (error) {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    parentPort.postMessage(refusalOf(error));
    parentPort.close();
  }
}

function refusalOf(error: unknown): FromThread {
  if (error instanceof LedgerError) {
    return { kind: "refused", code: error.code, message: error.message };
  }
  const isKey = error instanceof SigningKeyError;
  const remedy = isKey ? "" : "; make the directory writable, with free space";
  const message = `${reasonOf(error)}${remedy}`;
  return { kind: "refused", code: "ledger.directory_unusable", message };
}
