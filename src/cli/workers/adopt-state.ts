/**
 * Before a worker starts, its state files become copies of the newest there are: what operators did while it was down,
 * or while there were fewer workers, holds for it too. It must never write the file of a worker that runs.
 */
import { randomUUID } from "node:crypto";
import { copyFile, rename, rm, stat } from "node:fs/promises";

/** Rejects when the newest cannot be copied: with an older one a withdrawn release could come back. */
export async function adoptNewest(own: string, others: readonly string[]): Promise<void> {
  let newest = { path: own, atMs: await modifiedMs(own) };
  for (const path of others) {
    const atMs = await modifiedMs(path);
    if (atMs > newest.atMs) newest = { path, atMs };
  }
  if (newest.path === own) return;
  const staged = `${own}.${randomUUID()}`;
  try {
    await copyFile(newest.path, staged);
    await rename(staged, own);
  } finally {
    await rm(staged, { force: true });
  }
}

async function modifiedMs(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return Number.NEGATIVE_INFINITY;
    throw error;
  }
}
