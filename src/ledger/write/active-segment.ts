/**
 * The one file that is being written. It must never be written again after a write or sync of it failed, nor call
 * anything durable that was not synced.
 */
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  rmSync,
  statSync,
  writeSync,
  type BigIntStats,
} from "node:fs";
import { reasonOf } from "./ledger-error.ts";
import { FILE_MODE, segmentPath, syncDirectory } from "./segment-files.ts";

/**
 * - `write_failed`: the disk is full, or refused the write
 * - `sync_failed`: the disk did not confirm; what it kept is unknown
 * - `truncated`: someone cut the file while it was open (logrotate's `copytruncate`)
 * - `removed`: someone deleted the file while it was open
 */
export type SegmentFailureCause = "write_failed" | "sync_failed" | "truncated" | "removed";

/** After it the segment is set aside. */
export class SegmentFailure extends Error {
  override readonly name = "SegmentFailure";
  readonly failure: SegmentFailureCause;

  constructor(failure: SegmentFailureCause, message: string, cause?: unknown) {
    super(message, { cause });
    this.failure = failure;
  }
}

const CREATE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_APPEND;

export class ActiveSegment {
  readonly segment: number;
  readonly path: string;
  readonly #descriptor: number;
  readonly #inode: bigint;
  /** Bytes written and confirmed by the disk. */
  #durableBytes = 0;

  private constructor(segment: number, path: string, descriptor: number) {
    this.segment = segment;
    this.path = path;
    this.#descriptor = descriptor;
    this.#inode = fstatSync(descriptor, { bigint: true }).ino;
  }

  /**
   * Makes the file with its first lines and makes both durable, the name too. When that fails nothing of it is left, so
   * that it can be tried again; throws a SegmentFailure.
   */
  static create(directory: string, segment: number, lines: Buffer): ActiveSegment {
    const path = segmentPath(directory, segment);
    let descriptor: number | undefined;
    try {
      descriptor = openSync(path, CREATE, FILE_MODE);
      const created = new ActiveSegment(segment, path, descriptor);
      created.#write(lines);
      syncOrFail(() => fsyncSync(created.#descriptor), path);
      syncOrFail(() => syncDirectory(directory), directory);
      created.#durableBytes = lines.length;
      return created;
    } catch (error) {
      if (descriptor !== undefined) {
        closeQuietly(descriptor);
        removeQuietly(path);
      }
      throw error instanceof SegmentFailure
        ? error
        : new SegmentFailure("write_failed", `${path}: ${reasonOf(error)}`, error);
    }
  }

  get durableBytes(): number {
    return this.#durableBytes;
  }

  /** Returns once the bytes are durable; throws a SegmentFailure, and then the segment is only good for `abandon`. */
  append(bytes: Buffer): void {
    this.#requireUntouched();
    this.#write(bytes);
    syncOrFail(() => fdatasyncSync(this.#descriptor), this.path);
    this.#durableBytes += bytes.length;
  }

  /** Whether the path names another file now, or none: logrotate moved this one. */
  isMoved(): boolean {
    const named = namedFile(this.path);
    return named !== "unknown" && named?.ino !== this.#inode;
  }

  /** Removes an empty file that logrotate's `create` left under the old name: readers would take it for the segment. */
  removeReplacement(): void {
    const named = namedFile(this.path);
    const isReplacement = named !== "unknown" && named?.size === 0n && named.ino !== this.#inode;
    if (isReplacement) removeQuietly(this.path);
  }

  close(): void {
    closeQuietly(this.#descriptor);
  }

  /**
   * Gives the file up and says how many bytes stand in it behind the durable ones. After a failed write they are cut off
   * where that is possible; after a failed sync the file is not touched again (the kernel may have dropped its pages).
   */
  abandon(failure: SegmentFailureCause): number {
    let bytes = 0;
    try {
      if (failure === "write_failed") ftruncateSync(this.#descriptor, this.#durableBytes);
      bytes = Math.max(0, fstatSync(this.#descriptor).size - this.#durableBytes);
    } catch {
      // Unknown then; `after_seq` alone says what counts.
    }
    closeQuietly(this.#descriptor);
    return bytes;
  }

  #requireUntouched(): void {
    const { size, nlink } = fstatSync(this.#descriptor);
    if (nlink === 0) {
      throw new SegmentFailure("removed", `${this.path} was deleted while it was being written`);
    }
    if (size !== this.#durableBytes) {
      throw new SegmentFailure(
        "truncated",
        `${this.path} has ${size} bytes where ${this.#durableBytes} were written: use logrotate without copytruncate`,
      );
    }
  }

  #write(bytes: Buffer): void {
    try {
      for (let written = 0; written < bytes.length;) {
        written += writeSync(this.#descriptor, bytes, written, bytes.length - written);
      }
    } catch (error) {
      throw new SegmentFailure("write_failed", `${this.path}: ${reasonOf(error)}`, error);
    }
  }
}

function syncOrFail(sync: () => void, path: string): void {
  try {
    sync();
  } catch (error) {
    throw new SegmentFailure("sync_failed", `${path}: ${reasonOf(error)}`, error);
  }
}

/** What the path names; undefined for nothing, "unknown" when the disk does not say. */
function namedFile(path: string): BigIntStats | undefined | "unknown" {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return "unknown";
  }
}

/** What cannot be removed is found, and judged, by the next start. */
function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // See above.
  }
}

/** An error of close is no news: what counts was synced before, or has failed already. */
function closeQuietly(descriptor: number): void {
  try {
    closeSync(descriptor);
  } catch {
    // See above.
  }
}
