/**
 * `portcullis waf tune`: narrow exclusions for what the record says was refused, or would have been. It changes nothing;
 * whether a request was harmless is for a person to say.
 */
import type { Command } from "commander";
import { orUnknown } from "../ledger/exit.ts";
import { timeArgument } from "../ledger/time-argument.ts";
import { positiveArgument } from "./arguments.ts";
import { Proposals, type Proposal } from "./tune-proposals.ts";
import { refusedInLedger, refusedInLog } from "./tune-record.ts";

interface TuneOptions {
  readonly ledger?: string;
  readonly log?: string;
  readonly since?: number;
  readonly until?: number;
  readonly limit: number;
  readonly json?: true;
}

const DEFAULT_SHOWN = 20;

export function addWafTune(waf: Command): void {
  waf
    .command("tune")
    .description(
      "Propose exclusions for what was refused, or would have been; most frequent first.",
    )
    .option("--ledger <directory>", "the ledger to read")
    .option("--log <file>", "a log file to read instead, lines of JSON")
    .option("--since <time>", "from this time on, or as long ago: 2026-11-22, 7d", timeArgument)
    .option("--until <time>", "before this time", timeArgument)
    .option("--limit <count>", "proposals shown", positiveArgument, DEFAULT_SHOWN)
    .option("--json", "print JSON")
    .action((options: TuneOptions) => orUnknown(() => tune(options)));
}

async function tune(options: TuneOptions): Promise<void> {
  const proposals = new Proposals();
  for await (const request of recordOf(options)) proposals.add(request);
  const list = proposals.list();
  const shown = list.slice(0, options.limit);
  const { requests, withoutProposal } = proposals;
  if (options.json)
    console.log(JSON.stringify({ requests, withoutProposal, proposals: shown }, undefined, 2));
  else console.log(textOf(shown, { requests, withoutProposal, left: list.length - shown.length }));
}

function recordOf({ ledger, log, since, until }: TuneOptions) {
  const range = { sinceMs: since, untilMs: until };
  if (ledger !== undefined && log === undefined) return refusedInLedger(ledger, range);
  if (log !== undefined && ledger === undefined) return refusedInLog(log, range);
  throw new Error("give --ledger or --log: one of them");
}

interface Counts {
  readonly requests: number;
  readonly withoutProposal: number;
  readonly left: number;
}

/** YAML that may stand in a configuration as it is. */
function textOf(proposals: readonly Proposal[], counts: Counts): string {
  const { requests, withoutProposal, left } = counts;
  const head = [
    `# ${requests} requests were refused, or would have been${withoutProposal > 0 ? `; of ${withoutProposal} the record names no rule that could be excluded` : ""}.`,
  ];
  if (proposals.length === 0) return head.join("\n");
  return [
    ...head,
    "# Read each before you take it over: what is excluded is not inspected any more.",
    "waf:",
    "  exclusions:",
    ...proposals.flatMap(proposalLines),
    ...(left > 0 ? [`# ${left} more; --limit shows them`] : []),
  ].join("\n");
}

function proposalLines(proposal: Proposal): string[] {
  const { rule, message, route, place, requests, callers, watched, first, last } = proposal;
  const modes =
    watched === 0
      ? ""
      : watched === requests
        ? ", none of them refused"
        : `, ${watched} not refused`;
  const seen = `${requests} ${requests === 1 ? "request" : "requests"} of ${callers} ${callers === 1 ? "caller" : "callers"}`;
  const days = [...new Set([first.slice(0, 10), last.slice(0, 10)])].join(" to ");
  return [
    `    # ${seen}${modes}${message === "" ? "" : `: ${oneLine(message)}`}`,
    ...proposal.warnings.map((warning) => `    # WARNING: ${warning}`),
    `    - rules: [${rule}]`,
    ...(place === undefined ? [] : [`      ${place.kind}: ${JSON.stringify(place.name)}`]),
    ...(route === "" ? [] : [`      route: ${JSON.stringify(route)}`]),
    `      reason: ${JSON.stringify(`${seen}, ${days}`)}`,
  ];
}

/** A comment ends with its line. */
const oneLine = (text: string): string => text.replace(/\p{C}/gu, "?");
