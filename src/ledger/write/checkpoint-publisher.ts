/**
 * Shows the newest signed note to others: in the file `checkpoint` and as an event, now and then. It must never be given
 * a note of lines that are not durable.
 */
import { writeCheckpointFile } from "./checkpoint-file.ts";
import { reasonOf } from "./ledger-error.ts";
import type { LedgerEvent } from "./ledger-options.ts";
import type { NewestNote } from "./thread-messages.ts";

/**
 * How often the file is replaced at most. Each time costs a second sync; the same note stands durably in the stream
 * anyway.
 */
const INTERVAL_MS = 1_000;

export class CheckpointPublisher {
  readonly #directory: string;
  readonly #onEvent: (event: LedgerEvent) => void;
  #newest: NewestNote = { note: "", size: 0 };
  #publishedSize = -1;
  #publishedAtMs = Number.NEGATIVE_INFINITY;
  #isBroken = false;

  constructor(directory: string, onEvent: (event: LedgerEvent) => void) {
    this.#directory = directory;
    this.#onEvent = onEvent;
  }

  get newest(): NewestNote {
    return this.#newest;
  }

  set newest({ note, size }: NewestNote) {
    this.#newest = { note, size };
  }

  /** Publishes when there is news and it is time. */
  publish(): void {
    if (performance.now() - this.#publishedAtMs < INTERVAL_MS) return;
    if (this.#publishedSize !== this.#newest.size) this.publishNow();
  }

  publishNow(): void {
    const { note, size } = this.#newest;
    this.#publishedAtMs = performance.now();
    try {
      writeCheckpointFile(this.#directory, note);
      this.#publishedSize = size;
      this.#isBroken = false;
    } catch (error) {
      // No entry is affected; a full disk is reported once, not every second.
      const message = `the file checkpoint is behind: ${reasonOf(error)}`;
      if (!this.#isBroken) this.#onEvent({ kind: "housekeeping_failed", message });
      this.#isBroken = true;
    }
    this.#onEvent({ kind: "checkpoint", note, size });
  }
}
