/**
 * Where log lines go: a file or standard output, written in batches by threads of the pool. It must never block the
 * event loop and never grow without bound: when the disk or the reader behind the pipe is too slow, the newest lines
 * are dropped and counted.
 */
import { closeSync, openSync } from "node:fs";
import { destination as openSonicBoom } from "pino";

/** The stream in its binary mode, which its types leave out. */
type Stream = Omit<ReturnType<typeof openSonicBoom>, "write"> & {
  write(bytes: Uint8Array): boolean;
  readonly destroyed: boolean;
};

/**
 * Lines are encoded into buffers of this size before the stream sees them. WHY not left to the stream: as text it
 * measures its whole backlog again on every line, 6 microseconds a line where this costs less than one.
 */
export const DEFAULT_BATCH_BYTES = 65_536;

/** Most bytes of UTF-8 for one unit of a JavaScript string. */
const BYTES_PER_CHAR = 3;

/** Longest time a line waits for its batch to fill. */
export const DEFAULT_FLUSH_INTERVAL_MS = 200;

/**
 * Most bytes that wait for a slow disk or reader. Raised, an attacker who stalls log collection (or fills the disk) and
 * then floods the gateway takes that much more of its memory.
 */
export const DEFAULT_BACKLOG_LIMIT_BYTES = 16 * 1024 * 1024;

/** Longest time `close` waits for the reader before it gives the rest up. */
export const DEFAULT_CLOSE_TIMEOUT_MS = 2_000;

const LINE_END = 0x0a;

/** New log files are readable by the operator's account alone: they name callers and tenants. */
const FILE_MODE = 0o600;

/** How long to wait before a full pipe is tried again: short enough for 10 MB/s through a pipe of 64 KiB. */
const FULL_PIPE_DELAY_MS = 5;

/** Longest time spent at exit on emptying the backlog into a full pipe. Longer, a stalled reader forbids exiting. */
const EXIT_LIMIT_MS = 1_000;

/** `stdout`, or a file by its path; a `FileRef` of the configuration is one. */
export type LogTarget = "stdout" | { readonly path: string };

export interface DestinationOptions {
  readonly batchBytes?: number;
  readonly flushIntervalMs?: number;
  readonly backlogLimitBytes?: number;
  readonly closeTimeoutMs?: number;
}

/** Opens the target now, so that a path that cannot be written is an error at start; throws the system's error. */
export function openLogDestination(
  target: LogTarget,
  options: DestinationOptions = {},
): LogDestination {
  return new LogDestination(target, options);
}

export class LogDestination {
  readonly #target: LogTarget;
  readonly #batchBytes: number;
  readonly #flushIntervalMs: number;
  readonly #backlogLimitBytes: number;
  readonly #closeTimeoutMs: number;
  readonly #onExit = (): void => this.flushSync();
  #stream: Stream;
  #batch: Buffer;
  /** The batch holds lines not yet passed on between these two offsets. */
  #from = 0;
  #to = 0;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #isReaderGone = false;
  #exitDeadlineMs: number | undefined;
  #droppedLines = 0;
  #writeFailures = 0;

  constructor(target: LogTarget, options: DestinationOptions) {
    this.#target = target;
    this.#batchBytes = options.batchBytes ?? DEFAULT_BATCH_BYTES;
    this.#batch = Buffer.allocUnsafeSlow(this.#batchBytes);
    this.#flushIntervalMs = options.flushIntervalMs ?? DEFAULT_FLUSH_INTERVAL_MS;
    this.#backlogLimitBytes = options.backlogLimitBytes ?? DEFAULT_BACKLOG_LIMIT_BYTES;
    this.#closeTimeoutMs = options.closeTimeoutMs ?? DEFAULT_CLOSE_TIMEOUT_MS;
    this.#stream = this.#open();
    // Before the stream's own exit listener, which would flush the backlog without the last batch.
    process.prependListener("exit", this.#onExit);
  }

  /** Lines lost because the backlog was full, the reader went away, or the destination was closed. */
  get droppedLines(): number {
    return this.#droppedLines;
  }

  /** Failed writes; the text is kept and tried again with the next batch, within the backlog's limit. */
  get writeFailures(): number {
    return this.#writeFailures;
  }

  /** Takes one line with its line end. Returns at once, whatever the disk does. */
  write(line: string): void {
    if (this.#isClosed) {
      this.#droppedLines++;
      return;
    }
    if (line.length * BYTES_PER_CHAR > this.#batchBytes - this.#to) this.#turnOver(line);
    else this.#to += this.#batch.write(line, this.#to, "utf8");
    this.#timer ??= setTimeout(() => this.#pass(), this.#flushIntervalMs).unref();
  }

  /**
   * For log rotation: opens the path anew, writes on there, and lets the old file drain. Throws the system's error, and
   * goes on with the old file, when the path cannot be opened. Standard output is left as it is.
   */
  reopen(): void {
    if (this.#target === "stdout" || this.#isClosed) return;
    const fresh = this.#open();
    this.#pass();
    this.#stream.end();
    this.#stream = fresh;
  }

  /** Settles when everything taken so far was written, or could not be. */
  async flush(): Promise<void> {
    this.#pass();
    let isWaiting = true;
    while (isWaiting && !this.#isClosed && !this.#isReaderGone) {
      // A pipe cannot be synced to disk and says so: being written is all that is asked here.
      const error = await new Promise<NodeJS.ErrnoException | undefined>((settle) => {
        this.#stream.flush((failure) => settle(failure));
      });
      isWaiting = error?.code === "EAGAIN";
    }
  }

  /** For the end of the process: writes the backlog at once, giving up on a reader that stands still. */
  flushSync(): void {
    if (this.#isClosed) return;
    this.#exitDeadlineMs = performance.now() + EXIT_LIMIT_MS;
    try {
      this.#pass();
      this.#stream.flushSync();
    } catch {
      this.#writeFailures++;
      // The stream's own exit listener would try again, without a bound.
      this.#stream.destroy();
      this.#isClosed = true;
    } finally {
      this.#exitDeadlineMs = undefined;
    }
  }

  /** Writes what is left and closes; gives up after `closeTimeoutMs`. Lines written later are dropped and counted. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#pass();
    this.#isClosed = true;
    process.off("exit", this.#onExit);
    const stream = this.#stream;
    if (this.#isReaderGone) return;
    await new Promise<void>((resolve) => {
      const deadline = setTimeout(() => {
        stream.destroy();
        resolve();
      }, this.#closeTimeoutMs);
      stream.once("close", () => {
        clearTimeout(deadline);
        resolve();
      });
      stream.end();
    });
  }

  #open(): Stream {
    const fd =
      this.#target === "stdout" ? openStdout() : openSync(this.#target.path, "a", FILE_MODE);
    let stream: Stream;
    try {
      stream = openSonicBoom({
        dest: fd,
        sync: false,
        contentMode: "buffer",
        minLength: 1,
        // Smaller than any line: the stream then never joins two batches, which it would copy to do.
        maxWrite: 2,
        maxLength: this.#backlogLimitBytes,
        // Left to itself the stream waits 100 ms for a full pipe, which would make pipes slow. Only at exit, where
        // nothing else can wait, it may.
        retryEAGAIN: () =>
          this.#exitDeadlineMs !== undefined && performance.now() < this.#exitDeadlineMs,
      }) as unknown as Stream;
    } catch (error) {
      if (fd !== STDOUT) closeSync(fd);
      throw error;
    }
    stream.on("error", (error: NodeJS.ErrnoException) => this.#onError(error, stream));
    stream.on("drop", (bytes: Uint8Array) => {
      this.#droppedLines += countLines(bytes);
    });
    return stream;
  }

  #onError(error: NodeJS.ErrnoException, stream: Stream): void {
    if (error.code === "EAGAIN") {
      // The stream stopped; told to flush, it goes on where it was.
      setTimeout(() => !stream.destroyed && stream.flush(), FULL_PIPE_DELAY_MS);
      return;
    }
    this.#writeFailures++;
    // Nobody reads the pipe any more: it never comes back.
    if (error.code === "EPIPE") this.#isReaderGone = true;
  }

  /** The line does not fit: passes the batch on and begins a new one. */
  #turnOver(line: string): void {
    this.#pass();
    this.#batch = Buffer.allocUnsafeSlow(Math.max(this.#batchBytes, line.length * BYTES_PER_CHAR));
    this.#from = 0;
    this.#to = this.#batch.write(line, 0, "utf8");
  }

  /** Hands what the batch holds to the stream, which keeps the bytes: they are never written over. */
  #pass(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#to === this.#from) return;
    const bytes = this.#batch.subarray(this.#from, this.#to);
    this.#from = this.#to;
    if (this.#isReaderGone) this.#droppedLines += countLines(bytes);
    else this.#stream.write(bytes);
  }
}

const STDOUT = 1;

/**
 * A thread that blocks in a write cannot be ended: while the reader of a pipe stands still, the process could not exit.
 * WHY the getter: it makes Node open a pipe or socket on standard output, which sets it to non-blocking.
 */
function openStdout(): number {
  void process.stdout;
  return STDOUT;
}

function countLines(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) if (byte === LINE_END) count++;
  return count;
}

/** Reopens the destination on a signal (log rotation sends SIGUSR2); returns how to stop listening. */
export function reopenOnSignal(
  destination: { reopen(): void },
  options: { readonly signal?: NodeJS.Signals; readonly onError: (error: unknown) => void },
): () => void {
  const signal = options.signal ?? "SIGUSR2";
  const listener = (): void => {
    try {
      destination.reopen();
    } catch (error) {
      options.onError(error);
    }
  };
  process.on(signal, listener);
  return () => void process.off(signal, listener);
}
