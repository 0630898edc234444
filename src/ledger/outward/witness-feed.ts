/**
 * Asks witnesses to cosign the newest checkpoint now and then. What a witness refuses is an alarm, not an outage: it must
 * never be answered by starting over under the same origin.
 */
import { CheckpointFeed } from "./checkpoint-feed.ts";
import { OutwardError, reportOf, type ErrorReport } from "./outward-error.ts";
import type { OutwardPiece, OutwardStatus } from "./outward-piece.ts";
import type { Backoff } from "./retry-loop.ts";
import { countOf, readState, writeState } from "./state-file.ts";
import { addCheckpoint, type Witness } from "./witness-request.ts";

/** A witness that learns its size anew is asked once more, not again and again. */
const ATTEMPTS = 2;

export interface NamedWitness extends Witness {
  /** The operator's name for it. */
  readonly name: string;
}

export interface WitnessFeedOptions {
  readonly witnesses: readonly NamedWitness[];
  /** RFC 6962 section 2.1.2, from the tree of `oldSize` (at least 1) to the larger one. */
  readonly consistencyProof: (oldSize: number, newSize: number) => Promise<readonly Uint8Array[]>;
  /** Takes the note with the cosignatures behind the log's own. */
  readonly onCosigned: (cosigned: CosignedNote) => void | Promise<void>;
  /** Remembers the size each witness last cosigned; without it one more request asks. */
  readonly statePath: string;
  /** Least time between two rounds. Default 60 s. */
  readonly intervalMs?: number;
  readonly backoff?: Backoff;
}

export interface CosignedNote {
  readonly note: string;
  readonly size: number;
  /** Names of the witnesses that cosigned it. */
  readonly witnesses: readonly string[];
}

export interface WitnessStatus {
  readonly name: string;
  /** The last size it cosigned; undefined when never. */
  readonly size: number | undefined;
  readonly lastError: ErrorReport | undefined;
}

export interface WitnessFeed extends OutwardPiece {
  /** Each witness by itself; `witness.inconsistent` and `witness.ahead` are alarms. */
  witnesses(): readonly WitnessStatus[];
}

/** Never rejects. */
export async function openWitnessFeed(options: WitnessFeedOptions): Promise<WitnessFeed> {
  const state = (await readState(options.statePath)) as { sizes?: unknown } | undefined;
  const known = new Map<string, number>();
  for (const [name, said] of Object.entries(state?.sizes ?? {})) {
    const size = countOf(said);
    if (size !== undefined) known.set(name, size);
  }
  return new Witnesses(options, known);
}

class Witnesses implements WitnessFeed {
  readonly #options: WitnessFeedOptions;
  readonly #sizes: Map<string, number>;
  readonly #errors = new Map<string, ErrorReport>();
  readonly #feed: CheckpointFeed;
  #failed = 0;
  #lastError: ErrorReport | undefined;

  constructor(options: WitnessFeedOptions, sizes: Map<string, number>) {
    this.#options = options;
    this.#sizes = sizes;
    this.#feed = new CheckpointFeed({
      deliver: (note, size, signal) => this.#round(note, size, signal),
      ...(options.intervalMs !== undefined && { intervalMs: options.intervalMs }),
      ...(options.backoff && { backoff: options.backoff }),
    });
  }

  segmentClosed(): void {
    // Witnesses see trees, not files.
  }

  checkpoint(note: string, size: number): void {
    this.#feed.offer(note, size);
  }

  mayRemove(): boolean {
    return true;
  }

  witnesses(): readonly WitnessStatus[] {
    return this.#options.witnesses.map(({ name }) => ({
      name,
      size: this.#sizes.get(name),
      lastError: this.#errors.get(name),
    }));
  }

  status(): OutwardStatus {
    return {
      pending: this.#feed.pendingMs > 0 ? 1 : 0,
      sent: this.#feed.sent,
      failed: this.#failed,
      lost: 0,
      lastError: this.#lastError,
      oldestPendingMs: this.#feed.pendingMs,
    };
  }

  close(): Promise<void> {
    return this.#feed.close();
  }

  /** All at once, so that the note bears the cosignatures of all that are well. */
  async #round(note: string, size: number, signal: AbortSignal): Promise<void> {
    const { witnesses } = this.#options;
    const settled = await Promise.allSettled(
      witnesses.map((witness) => this.#ask(witness, { note, size }, signal)),
    );
    const cosigned: string[] = [];
    let lines = "";
    let failure: PromiseRejectedResult | undefined;
    for (const [index, result] of settled.entries()) {
      const { name } = witnesses[index] as NamedWitness;
      if (result.status === "fulfilled") {
        cosigned.push(name);
        lines += result.value;
        this.#errors.delete(name);
        continue;
      }
      failure = result;
      this.#failed++;
      this.#lastError = reportOf(result.reason, Date.now());
      this.#errors.set(name, this.#lastError);
    }
    if (cosigned.length > 0) {
      await writeState(this.#options.statePath, {
        version: 1,
        sizes: Object.fromEntries(this.#sizes),
      });
      await this.#options.onCosigned({ note: note + lines, size, witnesses: cosigned });
    } else if (failure !== undefined) throw failure.reason;
  }

  async #ask(
    witness: NamedWitness,
    { note, size }: { note: string; size: number },
    signal: AbortSignal,
  ): Promise<string> {
    let oldSize = this.#sizes.get(witness.name) ?? 0;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      requireNotAhead(witness, oldSize, size);
      const isProofNeeded = oldSize > 0 && oldSize < size;
      const proof = isProofNeeded ? await this.#options.consistencyProof(oldSize, size) : [];
      const answer = await addCheckpoint(witness, { oldSize, proof, note }, signal);
      if (answer.kind === "cosigned") {
        this.#sizes.set(witness.name, size);
        return answer.lines;
      }
      oldSize = answer.size;
      requireNotAhead(witness, oldSize, size);
      this.#sizes.set(witness.name, oldSize);
    }
    throw new OutwardError(
      "witness.bad_answer",
      `${witness.url} answers 409 to the very size it named: is another process of this origin asking it too?`,
    );
  }
}

/** A witness never goes back: then it is this ledger that did. */
function requireNotAhead(witness: NamedWitness, knownSize: number, size: number): void {
  if (knownSize <= size) return;
  throw new OutwardError(
    "witness.ahead",
    `${witness.url} has cosigned ${knownSize} lines of this ledger, which now has ${size}: lines were cut off, or another one has the same origin and key. Verify it with a mirror`,
  );
}
