/**
 * Files that are there whole or not at all, whenever the power goes: written beside, made durable, then renamed. It must
 * never leave a file half old and half new, and never write through a link that somebody else put there.
 */
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** Behind the name of what a file is about to become. */
const STAGED_SUFFIX = ".new";

/** Content that is durable under another name, and becomes the file with one rename. */
export interface StagedFile {
  readonly path: string;
  /** Replaces the file; durable only when its directory has been synced too. */
  commit(): Promise<void>;
  /** Leaves the file as it is. */
  discard(): Promise<void>;
}

/** Writes the content beside `path` and makes it durable. */
export async function stageFile(
  path: string,
  content: Uint8Array | string,
  mode: number,
): Promise<StagedFile> {
  const staged = `${path}${STAGED_SUFFIX}`;
  // What an ended process left, or a link that was planted: never opened, only removed.
  await rm(staged, { force: true });
  const file = await open(staged, "wx", mode);
  try {
    await file.writeFile(content);
    await file.sync();
  } catch (error) {
    await rm(staged, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  return {
    path,
    commit: () => rename(staged, path),
    discard: () => rm(staged, { force: true }),
  };
}

/**
 * Replaces the file. It throws only while the old one is still there; "unsynced" is a new one that a power loss could
 * still turn into the old one.
 */
export async function replaceFile(
  path: string,
  content: Uint8Array | string,
  mode: number,
): Promise<"durable" | "unsynced"> {
  const staged = await stageFile(path, content, mode);
  try {
    await staged.commit();
  } catch (error) {
    await staged.discard();
    throw error;
  }
  return syncDirectoryOf(path);
}

/** Makes what was renamed in the file's directory durable. */
export async function syncDirectoryOf(path: string): Promise<"durable" | "unsynced"> {
  try {
    const directory = await open(dirname(path), "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
    return "durable";
  } catch {
    return "unsynced";
  }
}
