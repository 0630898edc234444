/** Arguments that several ledger commands read: line numbers, and public keys as text or file. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { InvalidArgumentError } from "commander";

/** A line number or a count. */
export function countArgument(text: string): number {
  const count = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(count)) return count;
  throw new InvalidArgumentError("Write a whole number.");
}

/** Verifier keys: each argument is one, or a file with one on each line. */
export function publicKeysOf(given: readonly string[] = []): string[] {
  return given.flatMap((text) =>
    existsSync(text) ? readFileSync(text, "utf8").split("\n").filter(Boolean) : [text],
  );
}

/** The given keys, or the one in the directory's file `public-key`. */
export function publicKeysFor(directory: string, given: readonly string[] = []): string[] {
  return publicKeysOf(given.length > 0 ? given : [join(directory, "public-key")]);
}
