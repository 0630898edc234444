/**
 * Hands the ledger's lines to a sink as they become durable, each at least once: after a failure or a restart it goes on
 * from the last place the sink surely had. It must never keep lines in memory: the segments are the queue.
 */
import { DEFAULT_CHECKPOINT_INTERVAL_MS } from "./checkpoint-feed.ts";
import { DurableTail, readDurableSize, type LinePlace, type TailLine } from "./durable-tail.ts";
import { reportOf, type ErrorReport } from "./outward-error.ts";
import type { OutwardPiece, OutwardStatus } from "./outward-piece.ts";
import { RetryLoop, type Backoff } from "./retry-loop.ts";
import { countOf, readState, writeState } from "./state-file.ts";

/** Where lines go. */
export interface LineSink {
  /** How long lines may be lost after `send` resolved, when the other side says nothing; 0 where it answers. */
  readonly settleMs: number;
  /** Resolves when the lines are with the other side, as far as it tells. */
  send(lines: readonly TailLine[], signal: AbortSignal): Promise<void>;
  /** Told when what was sent last may be lost, so that it is sent again. */
  onBroken: (() => void) | undefined;
  /** Ends the connection; true when the other side surely has all. Never rejects. */
  close(): Promise<boolean>;
}

export interface LineFeedOptions {
  /** The ledger's directory. */
  readonly directory: string;
  /** Remembers the place. Losing it means that all lines on disk are sent again. */
  readonly statePath: string;
  readonly sink: LineSink;
  /** Kinds of lines to send. Default all. */
  readonly kinds?: readonly string[];
  /** Least time between two checkpoint lines, by their own `ts`: they are as many as groups of lines. 0 sends all. Default 60 s. */
  readonly checkpointIntervalMs?: number;
  readonly backoff?: Backoff;
}

/** News comes many times a second; the disk is asked this often at most. */
const LOOK_INTERVAL_MS = 200;
/** Without news, another process may be the writer. */
const IDLE_INTERVAL_MS = 1_000;
/** How often the place is written down: as many lines may be sent twice after a crash. */
const REMEMBER_INTERVAL_MS = 1_000;
/** Longest time `close` goes on sending. */
const CLOSE_GRACE_MS = 2_000;

/** Never rejects. */
export async function openLineFeed(options: LineFeedOptions): Promise<OutwardPiece> {
  return new LineFeed(options, placeOf(await readState(options.statePath)));
}

class LineFeed implements OutwardPiece {
  readonly #options: LineFeedOptions;
  readonly #tail: DurableTail;
  readonly #loop: RetryLoop;
  readonly #kinds: ReadonlySet<string> | undefined;
  /** Places behind batches that were sent but may still be lost, oldest first. */
  #unsettled: { readonly place: LinePlace; readonly sentAtMs: number }[] = [];
  #settled: LinePlace | undefined;
  #remembered: LinePlace | undefined;
  #rememberedAtMs = Number.NEGATIVE_INFINITY;
  #durableSize = 0;
  #lookTimer: NodeJS.Timeout | undefined;
  #lastCheckpointMs = Number.NEGATIVE_INFINITY;
  #behindSinceMs: number | undefined;
  #sent = 0;
  #failed = 0;
  #lastError: ErrorReport | undefined;

  constructor(options: LineFeedOptions, place: LinePlace | undefined) {
    this.#options = options;
    this.#settled = place;
    this.#remembered = place;
    this.#tail = new DurableTail(options.directory, place);
    this.#kinds = options.kinds && new Set(options.kinds);
    options.sink.onBroken = () => {
      this.#goBack();
      this.#loop.wake();
    };
    this.#loop = new RetryLoop({
      step: (signal) => this.#step(signal),
      idleMs: IDLE_INTERVAL_MS,
      ...(options.backoff && { backoff: options.backoff }),
      onError: (error) => {
        this.#failed++;
        this.#lastError = reportOf(error, Date.now());
      },
    });
  }

  segmentClosed(): void {
    // The checkpoint that comes with it says so too.
  }

  checkpoint(_note: string, size: number): void {
    this.#durableSize = Math.max(this.#durableSize, size);
    this.#behindSinceMs ??= Date.now();
    this.#lookTimer ??= setTimeout(() => {
      this.#lookTimer = undefined;
      this.#loop.wake();
    }, LOOK_INTERVAL_MS).unref();
  }

  /** A sink that is away for as long as lines are kept costs lines (`lost`), never the disk. */
  mayRemove(): boolean {
    return true;
  }

  status(): OutwardStatus {
    const pending = Math.max(0, this.#durableSize - (this.#tail.place?.seq ?? 0));
    return {
      pending,
      sent: this.#sent,
      failed: this.#failed,
      lost: this.#tail.lostLines,
      lastError: this.#lastError,
      oldestPendingMs: pending === 0 ? 0 : Date.now() - (this.#behindSinceMs ?? Date.now()),
    };
  }

  async close(): Promise<void> {
    clearTimeout(this.#lookTimer);
    await this.#loop.close(CLOSE_GRACE_MS);
    const reached = this.#tail.place;
    this.#options.sink.onBroken = undefined;
    if (await this.#options.sink.close()) this.#settled = reached;
    else this.#settle();
    this.#tail.close();
    await this.#remember().catch((error: unknown) => {
      this.#lastError = reportOf(error, Date.now());
    });
  }

  async #step(signal: AbortSignal): Promise<"again" | "idle"> {
    this.#settle();
    if (performance.now() - this.#rememberedAtMs >= REMEMBER_INTERVAL_MS) await this.#remember();
    this.#durableSize = Math.max(this.#durableSize, await readDurableSize(this.#options.directory));
    const before = this.#tail.place;
    const lines = await this.#tail.read(this.#durableSize);
    const reached = this.#tail.place;
    if (reached === undefined || (lines.length === 0 && reached === before)) {
      this.#behindSinceMs = undefined;
      return "idle";
    }
    const wanted = lines.filter((line) => this.#isWanted(line));
    if (wanted.length > 0) await this.#send(wanted, signal);
    // The connection broke meanwhile, and the tail went back already.
    if (this.#tail.place !== reached) return "again";
    this.#sent += wanted.length;
    this.#unsettled.push({ place: reached, sentAtMs: performance.now() });
    return lines.length === 0 ? "idle" : "again";
  }

  async #send(lines: readonly TailLine[], signal: AbortSignal): Promise<void> {
    try {
      await this.#options.sink.send(lines, signal);
    } catch (error) {
      this.#goBack();
      throw error;
    }
  }

  #isWanted({ line }: TailLine): boolean {
    if (this.#kinds !== undefined && !this.#kinds.has(line.kind)) return false;
    if (line.kind !== "checkpoint") return true;
    const atMs = Date.parse(line.ts);
    const intervalMs = this.#options.checkpointIntervalMs ?? DEFAULT_CHECKPOINT_INTERVAL_MS;
    if (atMs - this.#lastCheckpointMs < intervalMs) return false;
    this.#lastCheckpointMs = atMs;
    return true;
  }

  /** Everything behind the last settled place is sent again. */
  #goBack(): void {
    this.#settle();
    this.#unsettled = [];
    this.#lastCheckpointMs = Number.NEGATIVE_INFINITY;
    this.#tail.seek(this.#settled);
  }

  #settle(): void {
    const untilMs = performance.now() - this.#options.sink.settleMs;
    let count = 0;
    while ((this.#unsettled[count]?.sentAtMs ?? Number.POSITIVE_INFINITY) <= untilMs) count++;
    if (count === 0) return;
    this.#settled = this.#unsettled[count - 1]?.place;
    this.#unsettled.splice(0, count);
  }

  async #remember(): Promise<void> {
    if (this.#settled === this.#remembered || this.#settled === undefined) return;
    await writeState(this.#options.statePath, { version: 1, ...this.#settled });
    this.#remembered = this.#settled;
    this.#rememberedAtMs = performance.now();
  }
}

function placeOf(state: unknown): LinePlace | undefined {
  const said = (state ?? {}) as Record<string, unknown>;
  const [segment, offset, seq] = [said["segment"], said["offset"], said["seq"]].map(countOf);
  if (segment === undefined || offset === undefined || seq === undefined) return undefined;
  return { segment, offset, seq };
}
