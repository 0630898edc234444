/**
 * The files `checkpoint` and `public-key`: small texts that are there whole or not at all. The stream's own checkpoint
 * lines are what is durable; the file may lag behind them, and must never run ahead.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import { FILE_MODE, syncDirectory } from "./segment-files.ts";

const CHECKPOINT = "checkpoint";
const PUBLIC_KEY = "public-key";

/** Replaces the signed note that others compare with. One sync: the old and the new name are both good. */
export function writeCheckpointFile(directory: string, note: string): void {
  replaceFile(directory, CHECKPOINT, note);
}

/** The note, or undefined where there is none yet. */
export function readCheckpointFile(directory: string): string | undefined {
  return readIfThere(join(directory, CHECKPOINT));
}

export function writePublicKeyFile(directory: string, verifierKey: string): void {
  replaceFile(directory, PUBLIC_KEY, `${verifierKey}\n`);
  syncDirectory(directory);
}

/** The vkey, without its LF. */
export function readPublicKeyFile(directory: string): string | undefined {
  return readIfThere(join(directory, PUBLIC_KEY))?.trimEnd();
}

function replaceFile(directory: string, name: string, text: string): void {
  const path = join(directory, name);
  const temporary = `${path}.tmp`;
  const descriptor = openSync(temporary, "w", FILE_MODE);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, path);
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
