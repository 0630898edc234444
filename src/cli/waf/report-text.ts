/**
 * What the engine says of one request, for a terminal and as JSON. Values are escaped and cut; one of a field that is named
 * like a credential is shown only when that is asked for.
 */
import type { MatchedRule, RuleHit, TransactionReport } from "../../seclang/index.ts";
import { isSecretField } from "../../telemetry/redaction.ts";
import { shortPath } from "./rules-option.ts";
import { shownBytes } from "./shown-bytes.ts";
import type { EngineRequest } from "./told-request.ts";

export interface ToldReport {
  readonly request: EngineRequest;
  readonly report: TransactionReport;
  /** Whether values that may be credentials are shown. */
  readonly isRevealing: boolean;
}

/** One screen; `--json` has them all. */
const SHOWN_RULES = 8;
const SHOWN_HITS = 2;
const SHOWN_CHARS = 72;
const HIDDEN = "(hidden: the name says that it is a credential; --reveal shows it)";

const SEVERITIES = [
  "emergency",
  "alert",
  "critical",
  "error",
  "warning",
  "notice",
  "info",
  "debug",
] as const;

const severityOf = ({ severity }: MatchedRule): string | undefined =>
  severity === undefined ? undefined : SEVERITIES[severity];

/** The phase of logging: its rules judge nothing any more, and repeat what others said. */
const LOGGING_PHASE = 5;

/** Rules that only computed something are left out unless they decide. */
const tellingRules = ({ matched }: TransactionReport): readonly MatchedRule[] =>
  matched.filter(
    ({ isLogged, isDisruptive, phase }) => (isLogged || isDisruptive) && phase !== LOGGING_PHASE,
  );

function isHidden({ target }: RuleHit, { isRevealing }: ToldReport): boolean {
  return !isRevealing && isSecretField(target.slice(target.indexOf(":") + 1));
}

export function reportText(told: ToldReport): string {
  const { request, report } = told;
  const { method, target } = request.head;
  const rules = tellingRules(report);
  // What decides stands last, and must not be the one that is left out.
  const shown = rules.filter(
    (rule, index) => index < SHOWN_RULES || rule.id === refusalOf(report)?.ruleId,
  );
  const more = rules.length - shown.length;
  return [
    `${shownBytes(method, SHOWN_CHARS)} ${shownBytes(target.split("?")[0] ?? "", SHOWN_CHARS)}: ${verdictText(report)}`,
    "",
    ...shown.flatMap((rule) => ruleLines(rule, told)),
    ...(more > 0 ? [`${more} more rules matched; --json has them all`, ""] : []),
    `scores: ${scoresText(report.scores) || "none"}; ${rules.length} rules matched`,
  ].join("\n");
}

const refusalOf = ({ interruption, wouldInterrupt }: TransactionReport) =>
  interruption ?? wouldInterrupt;

function verdictText(report: TransactionReport): string {
  const { fault } = report;
  const refusal = refusalOf(report);
  if (refusal === undefined) return fault === undefined ? "would pass" : `would pass (${fault})`;
  const { action, status, ruleId } = refusal;
  const answer = action === "deny" ? String(status) : `${action} ${status}`;
  if (ruleId === 0) return `would be refused with ${answer} by the engine itself: ${fault ?? ""}`;
  const rule = report.matched.find(({ id }) => id === ruleId);
  const message = rule === undefined || rule.message === "" ? "" : `: ${shownBytes(rule.message)}`;
  return `would be refused with ${answer} by rule ${ruleId}${message}`;
}

function ruleLines(rule: MatchedRule, told: ToldReport): string[] {
  const points = Object.entries(rule.scores).map(([name, value]) => `${signed(value)} ${name}`);
  const facts = [severityOf(rule), `phase ${rule.phase}`, ...points].filter(Boolean).join(", ");
  const left = rule.hits.length - SHOWN_HITS;
  return [
    `${rule.id}  ${shownBytes(rule.message, SHOWN_CHARS) || "(no message)"}`,
    `    ${facts}; ${shortPath(rule.file)}:${rule.line}`,
    ...rule.hits.slice(0, SHOWN_HITS).map((hit) => `    ${hitText(hit, told)}`),
    ...(left > 0 ? [`    and ${left} more matches`] : []),
    "",
  ];
}

const signed = (points: number): string => (points < 0 ? String(points) : `+${points}`);

/** Arguments of the query have places too, which are none of the body. */
const isInBody = ({ start, end }: RuleHit, { request }: ToldReport): boolean =>
  start >= 0 && end <= request.body.length;

function hitText(hit: RuleHit, told: ToldReport): string {
  const { target, value, start, end } = hit;
  const bytes = isInBody(hit, told) ? `, bytes ${start} to ${end} of the body` : "";
  const shown = isHidden(hit, told) ? HIDDEN : `"${shownBytes(value, SHOWN_CHARS)}"`;
  return `${shownBytes(target, SHOWN_CHARS)}${bytes}: ${shown}`;
}

const scoresText = (scores: TransactionReport["scores"]): string =>
  Object.entries(scores)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");

/** The same whole, but for what is hidden. */
export function reportJson(told: ToldReport): object {
  const { report } = told;
  const { fault, scores, micros } = report;
  const refusal = refusalOf(report);
  return {
    verdict: refusal === undefined ? "pass" : refusal.action,
    status: refusal?.status ?? null,
    rule: refusal?.ruleId ?? null,
    fault: fault ?? null,
    scores,
    micros,
    matched: tellingRules(report).map((rule) => ruleJson(rule, told)),
  };
}

function ruleJson(rule: MatchedRule, told: ToldReport): object {
  const { id, phase, message, tags, file, line, scores, hits, isDisruptive } = rule;
  return {
    id,
    phase,
    message: shownBytes(message),
    severity: severityOf(rule) ?? null,
    tags,
    file,
    line,
    scores,
    decides: isDisruptive,
    matches: hits.map((hit) => ({
      target: shownBytes(hit.target),
      ...(isHidden(hit, told) ? { hidden: true } : { value: shownBytes(hit.value) }),
      ...(isInBody(hit, told) && { from: hit.start, to: hit.end }),
    })),
  };
}
