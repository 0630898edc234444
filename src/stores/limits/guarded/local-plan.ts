/**
 * One request without the shared store: which of its limits this replica decides by its part, which are left out, and
 * whether it may be decided at all. A limit is left out only where the configuration says `allow`.
 */
import type {
  Degraded,
  LimitGroup,
  LimitReading,
  LimitRequest,
  LimitRule,
  LimitVerdict,
} from "../limit-store.ts";
import { shareOf, type Part } from "./share.ts";

export interface LocalPlan {
  /** With the numbers of this replica's parts. */
  readonly groups: readonly LimitGroup[];
  /** The rules as they were asked for, in their order. */
  readonly asked: readonly LimitRule[];
  readonly isShared: boolean;
}

export interface PlanTerms {
  /** The outage has lasted too long for parts. */
  readonly isOver: boolean;
  readonly partOf: (group: LimitGroup, rule: LimitRule) => Part;
}

/** The plan; or the rule by which the request cannot be decided here. */
export function planOf({ groups, cost }: LimitRequest, terms: PlanTerms): LocalPlan | LimitRule {
  const asked: LimitRule[] = [];
  const local: LimitGroup[] = [];
  for (const group of groups) {
    const rules: LimitRule[] = [];
    for (const rule of group.rules) {
      asked.push(rule);
      if (rule.onStoreFailure === "allow") continue;
      if (rule.onStoreFailure === "deny" || terms.isOver) return rule;
      const share = shareOf(rule, terms.partOf(group, rule));
      if (share === undefined || isBeyond(share, rule, cost)) return rule;
      rules.push(share);
    }
    if (rules.length > 0) local.push({ ...group, rules });
  }
  return { groups: local, asked, isShared: local.length > 0 };
}

/** Too much for a part and not for the whole: nobody knows, and "try later" is true once the store is back. */
const isBeyond = (share: LimitRule, rule: LimitRule, cost: number): boolean =>
  rule.unit === "cost" && cost > share.limit && cost <= rule.limit;

export function isPlan(planned: LocalPlan | LimitRule): planned is LocalPlan {
  return "asked" in planned;
}

/** What the caller is told: readings of the limits as they were asked for, and that the others had no say. */
export function toDegraded({ asked, isShared }: LocalPlan, verdict: LimitVerdict): LimitVerdict {
  let at = 0;
  const readings = asked.map((rule): LimitReading => {
    if (rule.onStoreFailure === "allow") return { rule, remaining: rule.limit, resetMs: 0 };
    return { ...(verdict.readings[at++] as LimitReading), rule };
  });
  const degraded: Degraded | undefined = degradedBy(asked, isShared);
  if (verdict.isGranted) return { ...verdict, readings, degraded };
  const { name } = verdict.refusedBy.rule;
  // Names are unique among the rules of a request.
  const refusedBy = readings.find(({ rule }) => rule.name === name) as LimitReading;
  return { ...verdict, readings, refusedBy, degraded };
}

function degradedBy(asked: readonly LimitRule[], isShared: boolean): Degraded | undefined {
  if (isShared) return "share";
  return asked.length > 0 ? "allow" : undefined;
}
