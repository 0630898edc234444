/**
 * The constitution, and the limits that leave their refusals to it, asked again about recorded requests. It goes by the
 * pack as it lies in its files: no candidate, no break-glass but the recorded one, and nothing is counted.
 */
import type { ConstitutionVerdict } from "../../packs/life/serving.ts";
import type { PackDecision } from "../../packs/evaluate/evaluator.ts";
import type { Limited } from "../../pipeline/facts.ts";
import { CATALOGUE, rejection, type RejectionCode } from "../../pipeline/rejection.ts";
import type { Decision } from "../../pipeline/stage.ts";
import { compareEdgeDecision, type EdgeDivergence } from "../../stages/constitution/edge-facts.ts";
import { Governance } from "../../stages/constitution/governed.ts";
import { ruling } from "../../stages/constitution/ruling.ts";
import { digestOfConfiguration } from "../configuration-digest.ts";
import type { Configuration } from "../configuration.ts";
import type { LookedAtPack } from "../constitution/governing.ts";
import { recordedFields, type FieldSources } from "./replay-fields.ts";
import { ReplayPack, type Window } from "./replay-pack.ts";
import type { RecordedDecision } from "./replay-record.ts";
import type { Asked, AskedAgain, DecidableStage } from "./replay-stages.ts";

/** Limits cannot be asked again, but whether their refusal ends a request is the configuration's to say. */
export const LIMITS: DecidableStage = {
  stage: "limits",
  decide({ record, isLeftToConstitution }) {
    const refused = refusedBefore(record);
    if (refused === undefined) return "as_recorded";
    if (isLeftToConstitution) return { verdict: "continue", learned: excess(record, refused.code) };
    return refused.wasLeft
      ? { verdict: "reject", rejection: rejection(refused.code) }
      : "as_recorded";
  },
};

interface RefusedBefore {
  readonly code: RejectionCode;
  /** To a constitution, whatever that made of it. */
  readonly wasLeft: boolean;
}

function refusedBefore({ stage, code, policy }: RecordedDecision): RefusedBefore | undefined {
  const left = policy?.seen["rate.code"];
  // On a partner's route it may have stood before a pack was asked at all.
  const wasLeft = typeof left === "string" || (stage === "constitution" && policy === undefined);
  const refusal = typeof left === "string" ? left : wasLeft || stage === "limits" ? code : "";
  // A store that was down had judged nothing.
  if (refusal === "limits.store_unavailable" || !Object.hasOwn(CATALOGUE, refusal))
    return undefined;
  return { code: refusal as RejectionCode, wasLeft };
}

const excess = ({ limits }: RecordedDecision, code: RejectionCode): Limited => ({
  states: limits,
  refusal: rejection(code),
});

/** Longest that a line is taken to have waited for its group, and for its seal. */
const SEALING_MS = 1_000;

/** What `now()` may have been: from the head's arrival to the seal of the record. */
function windowOf({ ts, latencyUs = 0, clockBehindUs }: RecordedDecision): Window {
  const sealedMs = Date.parse(ts) - clockBehindUs / 1_000;
  return {
    fromSeconds: Math.floor((sealedMs - latencyUs / 1_000 - SEALING_MS) / 1_000),
    toSeconds: Math.floor(sealedMs / 1_000),
  };
}

/** Asks the configuration's pack. */
export function constitutionAgain(
  kept: LookedAtPack,
  configuration: Configuration,
): DecidableStage {
  const { root, routes } = configuration;
  const digest = digestOfConfiguration(configuration);
  const pack = new ReplayPack(kept.pack);
  const edge = root.constitution?.edge;
  const partners = new Set(
    routes.flatMap(({ route, settings }) => (settings.webhook === undefined ? [] : [route.id])),
  );
  return {
    stage: "constitution",
    decide({ record, context }: Asked): AskedAgain {
      const sources = {
        hasEdge: edge !== undefined,
        hasPartner: partners.has(context.route.id),
      };
      // Under this same configuration it would have decided: its turn, behind the body, had not come.
      if (record.policy === undefined && record.config === digest) return "as_recorded";
      const window = windowOf(record);
      const { refusal } = context.facts.limits ?? {};
      const again = pack.decide(recordedFields(record, context, sources), record.path, window);
      const decision =
        again === "unknown" ? decidedThen(kept, { record, context, sources }) : again;
      if (decision === undefined)
        return refusal && !kept.loaded.evaluator.readsField("context.rate.ok")
          ? { verdict: "reject", rejection: refusal }
          : "unknown";
      const { expiresMs = Number.POSITIVE_INFINITY } = kept.loaded;
      const isExpired = window.toSeconds >= expiresMs / 1_000;
      if (isExpired !== window.fromSeconds >= expiresMs / 1_000) return "unknown";
      const verdict = { decision, pack: kept.loaded, stage: "active", isExpired } as const;
      const diverged = edge?.facts.includes("decision")
        ? divergenceOf(record, verdict, { isSamePackNeeded: edge.samePack })
        : undefined;
      if (diverged === "unknown") return "unknown";
      return ruled(verdict, diverged, { record, refusal });
    },
  };
}

interface Then extends Pick<Asked, "record" | "context"> {
  readonly sources: FieldSources;
}

/**
 * What this same pack decided then, about fields that are not all on record: it would again, as long as everything that
 * the configuration has a part in is as it was. Undefined when it is another pack, or not all of it is.
 */
function decidedThen(
  { loaded, pack }: LookedAtPack,
  { record, context, sources }: Then,
): PackDecision | undefined {
  const { policy, who, model, version } = record;
  const { route, facts } = context;
  if (policy?.pack.blake3 !== loaded.blake3) return undefined;
  const isSame =
    route.model === model &&
    route.version === version &&
    (facts.identity?.method ?? "none") === who.method &&
    (facts.limits?.refusal !== undefined) === (policy.seen["rate.ok"] === false) &&
    (sources.hasEdge || policy.seen["edge"] !== true) &&
    sources.hasPartner === hadPartner(record);
  if (!isSame) return undefined;
  const output = pack.outputs.find(({ id }) => id === policy.output);
  return { ...policy, status: output?.status ?? DEFAULT_DENY_STATUS };
}

/** Of a pack's own, when no output fires. */
const DEFAULT_DENY_STATUS = 403;

const hadPartner = ({ policy }: RecordedDecision): boolean =>
  policy?.seen["webhook.signed"] !== undefined ||
  (policy?.seen["webhook.verified"] !== undefined && policy.seen["edge"] !== true);

function ruled(
  verdict: ConstitutionVerdict,
  edge: EdgeDivergence | undefined,
  { record, refusal }: { readonly record: RecordedDecision } & Pick<Limited, "refusal">,
): Decision {
  const { isPanic = false, seen = {} } = record.policy ?? {};
  const sight = { fields: [], isPanic, key: "", groups: undefined, seen };
  const governed = new Governance(verdict, sight, { evaluationSeconds: 0, edge });
  const refused = ruling({ verdict, governed, refusal, doubts: [] });
  return refused
    ? { verdict: "reject", rejection: refused, learned: governed }
    : { verdict: "continue", learned: governed };
}

const EDGE_DECISIONS = ["allow", "deny", "unreadable"] as const;

/** The edge's own decision was recorded whenever a constitution saw it; before there was one, nobody looked. */
function divergenceOf(
  { policy, facts }: RecordedDecision,
  { decision: { effect }, pack }: ConstitutionVerdict,
  settings: { readonly isSamePackNeeded: boolean },
): EdgeDivergence | undefined | "unknown" {
  if (policy === undefined) return facts.isMutual ? "unknown" : undefined;
  const { "edge.decision": said, "edge.pack": named } = policy.seen;
  const decision = EDGE_DECISIONS.find((one) => one === said);
  if (decision === undefined) return undefined;
  const told = { decision, ...(typeof named === "string" && { pack: named }), unreadable: [] };
  return compareEdgeDecision(told, { effect, pack }, settings);
}
