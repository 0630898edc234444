/** Where the rules of this project lie. They are read in this order: the set-up first, the verdict last. */
import { resolve } from "node:path";

/** As far from the sources as from what they are built to. */
const FOLDER = resolve(import.meta.dirname, "../../../rules/builtin");

const FILES = [
  "setup.conf",
  "protocol.conf",
  "sql.conf",
  "query.conf",
  "command.conf",
  "template.conf",
  "traversal.conf",
  "ssrf.conf",
  "markup.conf",
  "objects.conf",
  "prompt.conf",
  "verdict.conf",
] as const;

/** Absolute paths of the builtin rule set, in the order in which they must be read. */
export function builtinRulePaths(): readonly string[] {
  return FILES.map((name) => resolve(FOLDER, name));
}
