/** Lists of networks in files, one a line. One line that is no network refuses the whole file, by its number. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { type CidrSet, CidrSetBuilder } from "../../config/cidr.ts";

/** Lines of a list file. A longer one is more likely the wrong file than a policy. */
const MAX_LIST_LINES = 1_000_000;
/** Lines read before requests get their turn: some 5 ms. */
const LINES_PER_TURN = 4_096;

/** A list file that cannot be taken as it is: half a deny list would let the other half in. */
export class NetworkListError extends Error {
  override readonly name = "NetworkListError";
  /** From 1. */
  readonly line: number;

  constructor(path: string, line: number, problem: string) {
    super(`${path}:${line}: ${problem}`);
    this.line = line;
  }
}

/** One network or address a line; "#" starts a comment; empty lines are nothing. Throws `NetworkListError`. */
export async function readNetworkList(text: string, path: string): Promise<CidrSet> {
  const builder = new CidrSetBuilder();
  let line = 0;
  for (let from = text.startsWith("\uFEFF") ? 1 : 0; from < text.length;) {
    const end = text.indexOf("\n", from);
    const to = end < 0 ? text.length : end;
    if (++line > MAX_LIST_LINES)
      throw new NetworkListError(path, line, "more lines than a list may have");
    const entry = entryOf(text.slice(from, to));
    const refused = entry === "" ? undefined : builder.addText(entry);
    if (refused !== undefined) throw new NetworkListError(path, line, refused);
    if (line % LINES_PER_TURN === 0) await nextTurn();
    from = to + 1;
  }
  return builder.build();
}

function entryOf(line: string): string {
  const comment = line.indexOf("#");
  return (comment < 0 ? line : line.slice(0, comment)).trim();
}
