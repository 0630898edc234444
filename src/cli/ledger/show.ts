/** `portcullis ledger show`: lines of a ledger, filtered, as a table or as they are. It verifies nothing. */
import { InvalidArgumentError, type Command } from "commander";
import { readLine, type LedgerLine } from "../../ledger/line.ts";
import { readLedger, readSegment, type LineBatch } from "../../ledger/read/read-ledger.ts";
import { findSegments } from "../../ledger/read/segment-files.ts";
import { timeArgument } from "./time-argument.ts";
import { countArgument } from "./arguments.ts";
import { orUnknown } from "./exit.ts";
import { isWanted, type LineFilter } from "./line-filter.ts";
import { TABLE_HEAD, tableRow } from "./line-table.ts";

interface ShowOptions extends LineFilter {
  readonly since?: number;
  readonly until?: number;
  readonly limit?: number;
  readonly reverse?: true;
  readonly json?: true;
}

interface ShownLine {
  readonly line: LedgerLine;
  readonly text: string;
}

export function addLedgerShow(ledger: Command): void {
  ledger
    .command("show <directory>")
    .description("Show lines of a ledger; it does not verify them.")
    .option("--kind <kind...>", "decision, reload, key, ...")
    .option("--decision <verdict...>", "allow, deny, error")
    .option("--code <code...>", "stable codes")
    .option("--stage <stage...>", "who decided")
    .option("--caller <caller...>", "callers, as recorded")
    .option("--tenant <tenant...>", "tenants")
    .option("--model <model...>", "models")
    .option("--request-id <id...>", "request ids")
    .option("--since <time>", "from this time on, or as long ago: 2026-11-22, 7d", timeArgument)
    .option("--until <time>", "before this time", timeArgument)
    .option("--limit <count>", "lines at most", positive)
    .option("--reverse", "newest first")
    .option("--json", "the lines as they are in the ledger")
    .action((directory: string, options: ShowOptions) => orUnknown(() => show(directory, options)));
}

function positive(text: string): number {
  const count = countArgument(text);
  if (count === 0) throw new InvalidArgumentError("Write a number above 0.");
  return count;
}

async function show(directory: string, options: ShowOptions): Promise<void> {
  const { limit = Number.POSITIVE_INFINITY, reverse, json } = options;
  let shown = 0;
  for await (const { line, text } of reverse
    ? newestFirst(directory, options)
    : oldestFirst(directory, options)) {
    if (shown === 0 && !json) console.log(TABLE_HEAD);
    console.log(json ? text : tableRow(line));
    shown += 1;
    if (shown >= limit) return;
  }
  if (shown === 0 && !json) console.log("no such line");
}

async function* oldestFirst(directory: string, options: ShowOptions): AsyncGenerator<ShownLine> {
  for await (const batch of readLedger(directory)) yield* wantedOf(batch, options);
}

/** One segment at a time from the last: what one segment holds is held in memory, and not more of it than is shown. */
async function* newestFirst(directory: string, options: ShowOptions): AsyncGenerator<ShownLine> {
  const { limit = Number.POSITIVE_INFINITY } = options;
  const { segments } = await findSegments(directory);
  for (const segment of segments.toReversed()) {
    const found: ShownLine[] = [];
    for await (const batch of readSegment(segment)) {
      for (const line of wantedOf(batch, options)) {
        found.push(line);
        if (found.length > limit) found.shift();
      }
    }
    yield* found.toReversed();
  }
}

function* wantedOf({ lines }: LineBatch, options: ShowOptions): Generator<ShownLine> {
  const since = ledgerTime(options.since) ?? "";
  const until = ledgerTime(options.until) ?? "~";
  for (const bytes of lines) {
    const line = tryReadLine(bytes);
    // Damage is for `verify` to tell.
    if (!line || line.ts < since || line.ts >= until || !isWanted(line, options)) continue;
    yield { line, text: bytes.toString("utf8") };
  }
}

/** As the ledger writes it: six digits, so that times compare as text. */
function ledgerTime(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString().replace("Z", "000Z");
}

function tryReadLine(bytes: Buffer): LedgerLine | undefined {
  try {
    return readLine(bytes);
  } catch {
    return undefined;
  }
}
