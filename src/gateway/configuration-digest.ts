/** Names a configuration by what it says: the same settings and files have the same digest on every machine. */
import { relative } from "node:path";
import { effectiveValues } from "../config/effective.ts";
import { blake3Hex } from "../ledger/hashing.ts";
import type { Configuration } from "./configuration.ts";
import { rootSchema } from "./schema.ts";

/** `b3:` and 64 digits over every value that counts, and over the digest of every file that was read. */
export function digestOfConfiguration({ loaded, files }: Configuration): string {
  const values = effectiveValues(rootSchema, loaded.origins).map(
    ({ path, text }) => `${path} = ${text}\n`,
  );
  const read = [...files]
    .map(([path, digest]) => `${relative(loaded.directory, path)} ${digest}\n`)
    .sort();
  return `b3:${blake3Hex(Buffer.from([...values, ...read].join("")))}`;
}
