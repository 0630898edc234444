/**
 * What became of a request that did happen, stage by stage, as the ledger tells it. It asks no configuration and adds
 * nothing: what is not on record is said to be so.
 */
import type { Decider, Facts, StageName } from "../../pipeline/facts.ts";
import { CATALOGUE, type RejectionCode } from "../../pipeline/rejection.ts";
import type { RequestContext } from "../../pipeline/request-context.ts";
import {
  governedText,
  inspectedWords,
  isAlwaysThere,
  knewOf,
  STAGES_IN_ORDER,
  type Row,
  type RowVerdict,
} from "./explain-rows.ts";
import { RecordedRequest, recordedIdentity } from "../replay/replay-context.ts";
import type { RecordedDecision } from "../replay/replay-record.ts";
import { isStage } from "../replay/replay-stages.ts";

/** Stages that look at every path, matched or not. */
const EVERYWHERE: ReadonlySet<StageName> = new Set(["headers", "sources"]);
/** Who can end a request before a stage is asked, or between any two: which it was is not on record. */
const ANYWHERE: ReadonlySet<Decider> = new Set(["ledger", "gateway"]);

/** A row a stage, then one for whoever else decided. */
export function recordedRows(record: RecordedDecision): Row[] {
  const context = contextOf(record);
  const rows = STAGES_IN_ORDER.filter(
    (stage) => isAlwaysThere(stage) || isNamed(stage, record),
  ).map((stage) => stageRow(stage, record, context));
  if (!isStage(record.stage)) rows.push(deciderRow(record));
  return rows;
}

const isNamed = (
  stage: StageName,
  { stage: decider, shadows, broken, policy, inspected }: RecordedDecision,
): boolean =>
  decider === stage ||
  (stage === "constitution" && policy !== undefined) ||
  (stage === "waf" && inspected !== undefined) ||
  shadows.some((one) => one.stage === stage) ||
  broken.some((one) => one.stage === stage);

function stageRow(stage: StageName, record: RecordedDecision, context: RequestContext): Row {
  const row = { stage, pass: "head" } as const;
  const shadow = record.shadows.find((one) => one.stage === stage);
  if (shadow)
    return { ...row, verdict: "shadowed", code: shadow.code, why: meaningOf(shadow.code) };
  if (record.broken.some((one) => one.stage === stage)) return { ...row, verdict: "broken" };
  if (record.stage === stage) return { ...row, ...decided(record) };
  const verdict = verdictOf(stage, record);
  return verdict === "passed"
    ? { ...row, verdict, knew: knewOf(stage, context) }
    : { ...row, verdict };
}

function verdictOf(stage: StageName, record: RecordedDecision): RowVerdict {
  const { stage: decider, path, decision, upstream } = record;
  if (path === "" && decider === "listener") return "not_asked";
  if (path === "" && !EVERYWHERE.has(stage)) return "not_here";
  // A caller that was gone before a stage's own answer: which stage's it was is not on record.
  const isAnsweredInVain = decider === "listener" && decision === "allow" && upstream === undefined;
  if (ANYWHERE.has(decider) || isAnsweredInVain) return "not_recorded";
  if (!isStage(decider)) return "passed";
  return STAGES_IN_ORDER.indexOf(stage) < STAGES_IN_ORDER.indexOf(decider) ? "passed" : "not_asked";
}

function deciderRow(record: RecordedDecision): Row {
  const { stage, upstream } = record;
  const knew =
    upstream &&
    `sent to ${upstream.name}, ${upstream.attempts === 1 ? "once" : `${upstream.attempts} times`}`;
  return { stage, pass: "answer", knew, ...decided(record) };
}

function decided(record: RecordedDecision): Pick<Row, "verdict" | "code" | "why"> {
  const { decision, stage, code, policy, inspected } = record;
  if (decision === "allow") return { verdict: "answered", code };
  const why =
    stage === "constitution" && policy
      ? governedText(policy)
      : stage === "waf" && inspected
        ? inspectedWords(inspected)
        : meaningOf(code);
  return { verdict: decision === "deny" ? "refused" : "failed", code, why };
}

/** Private causes are not on record; what the caller was told is. */
const meaningOf = (code: string): string | undefined =>
  Object.hasOwn(CATALOGUE, code) ? CATALOGUE[code as RejectionCode].message : undefined;

function contextOf(record: RecordedDecision): RequestContext {
  const { path, route, model, version, method, facts, limits, policy, inspected, upstream } =
    record;
  const request = new RecordedRequest(record);
  const identity = recordedIdentity(record);
  const learned: Facts = {
    ...(facts.standing !== undefined && {
      "kill-switch": { status: facts.standing as "active" | "deprecated" },
    }),
    ...(identity && { identity }),
    ...(facts.grant !== undefined && { authorization: { grant: facts.grant } }),
    ...(limits.length > 0 && {
      limits: { states: limits, degraded: record.limitsDegraded, cost: record.cost },
    }),
    ...(policy && { constitution: policy }),
    ...(inspected && { waf: inspected }),
  };
  return {
    request,
    peer: request.peer,
    route: {
      id: route,
      template: path,
      methods: [method],
      model,
      version,
      upstream: upstream?.name,
      bodyLimitBytes: 0,
      bodyMode: "buffer",
    },
    params: {},
    body: Buffer.alloc(0),
    facts: learned,
  };
}
