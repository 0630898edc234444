/**
 * `portcullis ledger replay`: decides recorded requests again under a configuration, and says which would end otherwise.
 * Exits with 0 when all would end as recorded, 1 when some would not, 2 when that cannot be said.
 */
import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { renderDiagnostics } from "../../config/diagnostic.ts";
import { readConfiguration, type Configuration } from "../../gateway/configuration.ts";
import { ledgerLines } from "../../gateway/replay/replay-lines.ts";
import {
  replayAll,
  summaryOf,
  type Difference,
  type ReplayCounts,
} from "../../gateway/replay/replay-report.ts";
import { Replay } from "../../gateway/replay/replay.ts";
import { timeArgument } from "./time-argument.ts";
import { countArgument } from "./arguments.ts";
import { EXIT_DISPROVEN, EXIT_UNKNOWN, orUnknown } from "./exit.ts";
import { sourceOf, withSource, type SourceOptions } from "../source.ts";

/** More are seldom read; all of them are counted, and `--all` shows them. */
const DEFAULT_SHOWN = 100;

const DECISIONS: ReadonlySet<string> = new Set(["decision"]);

interface ReplayCommandOptions extends SourceOptions {
  readonly since?: number;
  readonly until?: number;
  readonly pack?: string;
  readonly limit: number;
  readonly all?: true;
  readonly json?: true;
}

/** Adds `replay` to the command `ledger`. */
export function addLedgerReplay(ledger: Command): void {
  withSource(
    ledger
      .command("replay <directory>")
      .description("Decide recorded requests again under a configuration; show what would change.")
      // A misspelt option must not read like a difference.
      .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : EXIT_UNKNOWN)),
  )
    .option(
      "--since <time>",
      "from then on: a day, a moment with its offset, or 24h (ago)",
      timeArgument,
    )
    .option("--until <time>", "before then", timeArgument)
    .option(
      "--pack <file>",
      "rules in YAML, signed or not, in place of the configuration's constitution",
    )
    .option("--limit <count>", "differences shown; all are counted", countArgument, DEFAULT_SHOWN)
    .option("--all", "show every difference")
    .option("--json", "one JSON object a line: each difference, then the summary")
    .action(replay);
}

async function replay(directory: string, options: ReplayCommandOptions): Promise<void> {
  await orUnknown(async () => {
    // Whatever goes wrong from here on, nobody may take the exit code for an answer.
    process.exitCode = EXIT_UNKNOWN;
    const configuration = await readConfiguration(sourceOf(options));
    if (!configuration.ok) {
      const { diagnostics } = configuration;
      return console.error(renderDiagnostics(diagnostics, { color: process.stderr.isTTY }));
    }
    const { compared, agreed } = await compare(directory, configuration, options);
    if (compared > 0) process.exitCode = agreed === compared ? 0 : EXIT_DISPROVEN;
    else console.error(`${directory}: no decision on record in that time; nothing to compare`);
  });
}

async function compare(
  directory: string,
  configuration: Configuration,
  options: ReplayCommandOptions,
): Promise<ReplayCounts> {
  const { since: sinceMs, until: untilMs, json } = options;
  const limit = options.all ? Infinity : options.limit;
  const rules = options.pack === undefined ? undefined : await readFile(options.pack);
  const against = await Replay.open(configuration, { rules });
  let found = 0;
  try {
    const counts = await replayAll({
      replay: against,
      lines: ledgerLines(directory, { kinds: DECISIONS, sinceMs, untilMs }),
      onDifference: (difference) => {
        found++;
        if (found > limit) return;
        if (json) return console.log(JSON.stringify(toJson(difference)));
        if (found === 1) console.log(rowOf(HEADER));
        console.log(rowOf(difference));
      },
    });
    if (counts.compared > 0) conclude(counts, found - limit, json);
    return counts;
  } finally {
    await against.close();
  }
}

function conclude(counts: ReplayCounts, hidden: number, json: true | undefined): void {
  const summary = summaryOf(counts);
  if (json) {
    const { compared, agreed, changed, otherGrant, callerHashed } = counts;
    const members = { compared, agreed, changed, other_grant: otherGrant };
    console.log(JSON.stringify({ ...members, caller_hashed: callerHashed, summary }));
    return;
  }
  if (hidden > 0) console.log(`... and ${hidden.toLocaleString("en-US")} more; --all shows them`);
  const agreed = counts.agreed.toLocaleString("en-US");
  console.log(`${agreed} of ${counts.compared.toLocaleString("en-US")} agree`);
  console.log(summary);
}

type Row = Pick<Difference, "requestId" | "caller" | "route" | "stage" | "was" | "wouldBe"> & {
  readonly seq: number | string;
};

const HEADER: Row = {
  seq: "SEQ",
  requestId: "REQUEST",
  caller: "CALLER",
  route: "ROUTE",
  stage: "STAGE",
  was: "WAS",
  wouldBe: "WOULD BE",
};

/** Of one width each, as far as their texts allow: rows are written as they are found. */
function rowOf({ seq, requestId, caller, route, stage, was, wouldBe }: Row): string {
  const cells = [
    String(seq).padStart(9),
    requestId.padEnd(32),
    (caller ?? "-").padEnd(16),
    route.padEnd(20),
    stage.padEnd(13),
  ];
  return printable(`${cells.join("  ")}  ${was} -> ${wouldBe}`);
}

const toJson = ({ requestId, wouldBe, ...difference }: Difference): object => ({
  ...difference,
  request_id: requestId,
  would_be: wouldBe,
});

/** What a ledger holds may be anything: controls would move the operator's cursor. */
const printable = (text: string): string => text.replace(/\p{Cc}/gu, "?");
