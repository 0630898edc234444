/**
 * The small files in which a piece remembers how far it came: replaced whole, so that a crash leaves the old or the new.
 * What they say is a hint: a missing or broken one means starting over, never a failure.
 */
import { open, readFile, rename, stat } from "node:fs/promises";

/** A state file is a few numbers a segment. Raised, a planted file costs that much memory at start. */
const STATE_LIMIT_BYTES = 4_194_304;

/** The parsed content, or undefined when there is none that can be read. */
export async function readState(path: string): Promise<unknown> {
  try {
    if ((await stat(path)).size > STATE_LIMIT_BYTES) return undefined;
    return JSON.parse(await readFile(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** Replaces the file; on disk when it resolves. */
export async function writeState(path: string, value: unknown): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(`${JSON.stringify(value)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

/** A whole number from 0 on, or undefined: what a state file says is not to be trusted. */
export function countOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
