/**
 * Tells when the content of files changes. Directory events make it quick, a poll makes it certain; neither is believed
 * before the content has been read and found different. It never tells of a change that changed nothing.
 *
 * Directories are watched, not files: editors write a new file and rename it over the old one, Kubernetes swaps a
 * symbolic link beside the files (`..data`), and a watch on the file itself would stay with the file that is gone.
 */
import { watch, type FSWatcher } from "node:fs";
import { realpath } from "node:fs/promises";
import { dirname } from "node:path";
import { ABSENT, digestInTurns, type FileDigests } from "./file-digest.ts";
import { FileRefused, readBounded } from "./read-bounded.ts";

/** Several files that belong together (certificate and key) are written within this time of each other. */
const DEFAULT_DEBOUNCE_MS = 200;
/** A log or a database written in the same folder makes events without end; a look is put off no longer than this. */
const MAX_PUT_OFF_MS = 1_000;
/** How late a change is seen where the file system tells nothing: network and some container mounts. */
const DEFAULT_POLL_MS = 5_000;
/** Larger than any file the loader or the resolver takes; what is larger cannot become valid. */
const WATCHED_FILE_LIMIT_BYTES = 50_331_648;

export interface WatchInput {
  /** The files and what was read from them: a change between reading and watching is told at once. */
  readonly files: FileDigests;
  /** Told once for each change of content, never while the last call is still running. */
  readonly onChange: (changed: readonly string[]) => void | Promise<void>;
  /** Told what `onChange` throws, and what makes a directory unwatchable. The poll goes on. */
  readonly onError: (error: unknown) => void;
  readonly debounceMs?: number;
  readonly pollMs?: number;
}

export interface FileWatch {
  /** Watches these from now on, compared with what was read from them: after each reload. */
  setFiles(files: FileDigests): void;
  /** Looks at once, as on SIGHUP. Resolves when what changed has been told. */
  check(): Promise<void>;
  /** Ends it. What is being told at this moment is told to its end. */
  close(): void;
}

/** Begins to watch. The first look at the files is on the way when this returns. */
export function watchFiles(input: WatchInput): FileWatch {
  const watching = new Watching(input);
  watching.setFiles(input.files);
  return watching;
}

class Watching implements FileWatch {
  readonly #input: WatchInput;
  #digests = new Map<string, string>();
  #directories = new Map<string, FSWatcher | undefined>();
  #debounce: NodeJS.Timeout | undefined;
  /** When the first event came that no look has followed yet; monotonic. */
  #putOffSinceMs: number | undefined;
  readonly #poll: NodeJS.Timeout;
  /** The looks that have been asked for, one behind the other. */
  #looking: Promise<void> = Promise.resolve();
  #isLookQueued = false;
  #isClosed = false;

  constructor(input: WatchInput) {
    this.#input = input;
    this.#poll = setInterval(() => void this.check(), input.pollMs ?? DEFAULT_POLL_MS);
    // Watching is no reason for a process to stay.
    this.#poll.unref();
  }

  setFiles(files: FileDigests): void {
    this.#digests = new Map(files);
    void this.check();
  }

  check(): Promise<void> {
    if (this.#isClosed || this.#isLookQueued) return this.#looking;
    this.#isLookQueued = true;
    this.#looking = this.#looking.then(async () => {
      this.#isLookQueued = false;
      await this.#look().catch(this.#input.onError);
    });
    return this.#looking;
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#poll);
    clearTimeout(this.#debounce);
    for (const watcher of this.#directories.values()) watcher?.close();
    this.#directories.clear();
  }

  async #look(): Promise<void> {
    if (this.#isClosed) return;
    // Before the files are read: what changes after the reading must find a watcher.
    await this.#watchDirectories();
    const known = this.#digests;
    const changed: string[] = [];
    for (const [path, digest] of known) {
      const current = await digestAt(path);
      if (current === digest) continue;
      changed.push(path);
      known.set(path, current);
    }
    if (changed.length > 0 && !this.#isClosed) await this.#input.onChange(changed);
  }

  async #watchDirectories(): Promise<void> {
    const wanted = new Set<string>();
    for (const path of this.#digests.keys()) {
      wanted.add(dirname(path));
      // A link may lead into a directory where the content changes without the link changing.
      const real = await realpath(path).catch(() => undefined);
      if (real !== undefined) wanted.add(dirname(real));
    }
    if (this.#isClosed) return;
    for (const [directory, watcher] of this.#directories) {
      if (wanted.has(directory)) continue;
      watcher?.close();
      this.#directories.delete(directory);
    }
    for (const directory of wanted) {
      if (!this.#directories.get(directory))
        this.#directories.set(directory, this.#watchDirectory(directory));
    }
  }

  #watchDirectory(directory: string): FSWatcher | undefined {
    try {
      const watcher = watch(directory, { persistent: false }, () => this.#onEvent());
      watcher.on("error", () => this.#forget(directory, watcher));
      return watcher;
    } catch (error) {
      const wasKnown = this.#directories.has(directory);
      if (!wasKnown) this.#input.onError(error);
      return undefined;
    }
  }

  /** The directory is gone or its watch is; the next look tries anew. */
  #forget(directory: string, watcher: FSWatcher): void {
    watcher.close();
    if (this.#directories.get(directory) === watcher) this.#directories.set(directory, undefined);
    this.#onEvent();
  }

  #onEvent(): void {
    if (this.#isClosed) return;
    const nowMs = performance.now();
    this.#putOffSinceMs ??= nowMs;
    const leftMs = Math.max(0, this.#putOffSinceMs + MAX_PUT_OFF_MS - nowMs);
    clearTimeout(this.#debounce);
    this.#debounce = setTimeout(
      () => {
        this.#putOffSinceMs = undefined;
        void this.check();
      },
      Math.min(leftMs, this.#input.debounceMs ?? DEFAULT_DEBOUNCE_MS),
    );
    this.#debounce.unref();
  }
}

async function digestAt(path: string): Promise<string> {
  try {
    const { bytes } = await readBounded(path, WATCHED_FILE_LIMIT_BYTES);
    return await digestInTurns(bytes);
  } catch (error) {
    if (error instanceof FileRefused) return ABSENT;
    throw error;
  }
}
