/** What must hold of every request, whatever it was: the faults in words, none when all is well. */
import type { RuleSet, TransactionReport, Verdict } from "../../src/seclang/index.ts";
import type { Played } from "./play.ts";

/** As the engine bounds them: places kept of a link, links of a chain being few. */
const HITS_LIMIT = 16 * 8;
const ACTIONS: ReadonlySet<string> = new Set(["deny", "drop", "redirect"]);

export function faultsOf({ verdicts, report }: Played, { rules }: RuleSet): string[] {
  const faults = verdicts.flatMap(faultsOfVerdict);
  const { matched, scores, micros, interruption } = report;
  const last = verdicts.findLast((verdict) => verdict !== undefined);
  if (last !== undefined && last !== interruption)
    faults.push("the report tells of another verdict");
  if (matched.length > rules.length)
    faults.push(`${matched.length} matches of ${rules.length} rules`);
  for (const { id, hits, message, data } of matched) {
    if (hits.length > HITS_LIMIT) faults.push(`rule ${id} tells of ${hits.length} places`);
    if (message.length + data.length > LOG_LIMIT_BYTES)
      faults.push(`rule ${id} says ${message.length + data.length} bytes`);
  }
  for (const [name, score] of Object.entries(scores))
    if (!Number.isFinite(score)) faults.push(`the score ${name} is ${score}`);
  if (!Number.isFinite(micros) || micros < 0) faults.push(`it took ${micros} microseconds`);
  return faults;
}

/** What a rule may say of one match: a gateway holds it in its log and its record. */
const LOG_LIMIT_BYTES = 300_000;

function faultsOfVerdict(verdict: Verdict): string[] {
  if (verdict === undefined) return [];
  const { action, status, ruleId } = verdict;
  const isSound =
    ACTIONS.has(action) && Number.isInteger(status) && status >= 100 && status < 600 && ruleId >= 0;
  return isSound ? [] : [`the verdict is ${JSON.stringify(verdict)}`];
}

/** What two ways of running the same rules must have in common. */
export function outcomeOf({
  matched,
  interruption,
  wouldInterrupt,
  scores,
  fault,
}: TransactionReport): string {
  const rules = matched.map(({ id, hits }) => `${id}@${hits.map(({ target }) => target).join()}`);
  const sorted = Object.entries(scores).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify({ rules, interruption, wouldInterrupt, scores: sorted, fault });
}
