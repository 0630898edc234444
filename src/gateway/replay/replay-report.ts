/**
 * What a replay found, in words and numbers: each recorded decision that would be another now, and how many would not.
 * It reads one record after the other and keeps none.
 */
import { isCallerHashed } from "./replay-context.ts";
import { readDecision, type RecordedDecision } from "./replay-record.ts";
import type { Replay, Replayed } from "./replay.ts";

/** A recorded decision that would be another one now. */
export interface Difference {
  /** `decision`: another end. `grant`: allowed all the same, but by another grant. */
  readonly kind: "decision" | "grant";
  readonly seq: number;
  readonly ts: string;
  readonly requestId: string;
  /** As recorded: a name, or a hash of it; undefined when nobody was known. */
  readonly caller: string | undefined;
  readonly route: string;
  readonly was: string;
  readonly wouldBe: string;
  /** The stage, or other part of the gateway, whose word changed. */
  readonly stage: string;
}

export interface ReplayCounts {
  /** Recorded decisions looked at. */
  readonly compared: number;
  readonly agreed: number;
  /** Would end in another way, or in a way that is not on record. */
  readonly changed: number;
  /** Would end in the same way, by another grant. */
  readonly otherGrant: number;
  /** Of those that agreed: authorization was taken as recorded, since the caller is recorded as a hash only. */
  readonly callerHashed: number;
}

/** A line of the ledger, parsed. */
export interface ReplayLine {
  readonly kind: string;
  readonly value: Readonly<Record<string, unknown>>;
}

export interface ReplayInput {
  readonly replay: Replay;
  /** In their order; lines of other kinds are passed over. */
  readonly lines: AsyncIterable<ReplayLine> | Iterable<ReplayLine>;
  readonly onDifference: (difference: Difference) => void;
}

/** Replays every decision among the lines; throws `RecordUnreadable` for one that cannot be read. */
export async function replayAll({
  replay,
  lines,
  onDifference,
}: ReplayInput): Promise<ReplayCounts> {
  const counts = { compared: 0, agreed: 0, changed: 0, otherGrant: 0, callerHashed: 0 };
  for await (const { kind, value } of lines) {
    if (kind !== "decision") continue;
    const record = readDecision(value);
    const replayed = await replay.decide(record);
    counts.compared++;
    const difference = differenceOf(record, replayed);
    if (!difference) {
      counts.agreed++;
      if (isTakenAsRecorded(record, replayed)) counts.callerHashed++;
      continue;
    }
    counts[difference.kind === "grant" ? "otherGrant" : "changed"]++;
    onDifference(difference);
  }
  return counts;
}

/** What became of one recorded decision; undefined when it would be the same. */
export function differenceOf(record: RecordedDecision, replayed: Replayed): Difference | undefined {
  const { seq, ts, requestId, who, route, decision, stage, code, facts } = record;
  const common = { seq, ts, requestId, caller: who.caller, route, was: endText(record) };
  if (replayed.kind !== "decided")
    return {
      ...common,
      kind: "decision",
      wouldBe: unrecordedText(replayed),
      stage: replayed.stage,
    };
  const isSame =
    replayed.stage === stage && replayed.code === code && replayed.decision === decision;
  if (!isSame)
    return { ...common, kind: "decision", wouldBe: endText(replayed), stage: replayed.stage };
  if (replayed.grant === facts.grant) return undefined;
  return {
    ...common,
    kind: "grant",
    was: `${common.was} by ${grantText(facts.grant)}`,
    wouldBe: `${common.was} by ${grantText(replayed.grant)}`,
    stage: "authorization",
  };
}

const isTakenAsRecorded = (record: RecordedDecision, replayed: Replayed): boolean =>
  isCallerHashed(record) && replayed.kind === "decided" && !replayed.isAuthorizationAsked;

const grantText = (grant: string | undefined): string =>
  grant === undefined ? "no grant" : `grant "${grant}"`;

interface End {
  readonly decision: string;
  readonly stage: string;
  readonly code: string;
}

/** Such as `deny at authorization (authorization.no_grant)`. */
function endText({ decision, stage, code }: End): string {
  if (decision !== "allow") return `${decision} at ${stage} (${code})`;
  return code === "ok" ? "allow" : `allow at ${stage} (${code})`;
}

function unrecordedText({ kind, stage }: Exclude<Replayed, { kind: "decided" }>): string {
  if (kind === "passes") return `would pass ${stage}; later stages were not recorded`;
  return `would be for ${stage} to say; what it would look at was not recorded`;
}

/** Such as "14 of 12,031 would change". */
export function summaryOf(counts: ReplayCounts): string {
  const { changed, compared, otherGrant, callerHashed } = counts;
  const sentences = [`${grouped(changed)} of ${grouped(compared)} would change`];
  if (otherGrant > 0)
    sentences.push(`${grouped(otherGrant)} more would be allowed by another grant`);
  if (callerHashed > 0)
    sentences.push(
      `${grouped(callerHashed)} name their caller by a hash only: authorization was taken as recorded`,
    );
  return sentences.join("; ");
}

const grouped = (count: number): string => count.toLocaleString("en-US");
