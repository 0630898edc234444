/**
 * What an explanation is made of: one row a stage, with what it knew. Rows are for operators, so they may hold private
 * causes; they must never hold a credential, a header as sent, or a part of a body.
 */
import type {
  CostSpent,
  Decider,
  Governed,
  Identity,
  Inspected,
  Limited,
  Sourced,
  StageName,
  Suspicion,
} from "../../pipeline/facts.ts";
import type { Outcome } from "../../pipeline/outcome.ts";
import type { RequestContext } from "../../pipeline/request-context.ts";

/**
 * `shadowed`: would have refused, and was only recorded. `broken`: failed, and was let pass. `not_asked`: the request had
 * ended before. `not_here`: has nothing to do on this route. `not_recorded`: the ledger does not tell.
 */
export type RowVerdict =
  | "passed"
  | "refused"
  | "answered"
  | "failed"
  | "shadowed"
  | "broken"
  | "not_asked"
  | "not_here"
  | "not_recorded";

export interface Row {
  readonly stage: Decider;
  /** Which of its turns this was: at the head, at the body, or at the upstream's answer. */
  readonly pass: "head" | "body" | "answer";
  readonly verdict: RowVerdict;
  readonly code?: string | undefined;
  /** What it looked at and learned. */
  readonly knew?: string | undefined;
  /** Why, in words for an operator. */
  readonly why?: string | undefined;
}

/** How the request ended, or would end. */
export interface ExplainedEnd {
  readonly decision: Outcome["decision"];
  readonly status: number | undefined;
  readonly stage: Decider;
  readonly code: string;
}

/** The stages in the order of the poster, each with what to tell of a request that it let pass. */
const KNEW: Record<StageName, (context: RequestContext) => string> = {
  "kill-switch": ({ route, facts }) => {
    const standing = facts["kill-switch"]?.status ?? "unknown";
    return `${route.model ?? route.id} ${route.version ?? ""}`.trimEnd() + ` is ${standing}`;
  },
  headers: ({ request, facts }) =>
    `${request.isSecure ? "HTTPS" : "plain HTTP"}, ${facts.headers ? `origin ${facts.headers.origin}` : "no known origin"}`,
  sources: ({ request, facts }) =>
    `from ${request.callerAddress}${facts.sources ? sourcedText(facts.sources) : ""}`,
  identity: ({ facts }) => identityText(facts.identity),
  authorization: ({ facts }) =>
    facts.authorization ? `grant "${facts.authorization.grant}"` : "no grant",
  limits: ({ facts }) => limitsText(facts.limits),
  constitution: ({ facts }) =>
    facts.constitution ? governedText(facts.constitution) : "decides with the body",
  waf: ({ facts }) => (facts.waf ? inspectedWords(facts.waf) : "reads the head with the body"),
  contract: ({ request }) => {
    const length =
      request.contentLength === undefined ? "length unknown" : `${request.contentLength} bytes`;
    return `${request.method}, ${request.headers.get("content-type") ?? "no content type"}, ${length}`;
  },
  extraction: ({ facts }) => (facts.extraction ? suspicionText(facts.extraction) : "not watched"),
  masking: () => "",
};

/** Every stage, in the order of the poster. */
export const STAGES_IN_ORDER = Object.keys(KNEW) as readonly StageName[];

const OPTIONAL: ReadonlySet<StageName> = new Set(["constitution", "waf", "extraction"]);

/** Stages of every configuration. One that is not built yet, or not asked for, has a row only where it said something. */
export const isAlwaysThere = (stage: StageName): boolean => !OPTIONAL.has(stage);

/** What a stage knew of a request that it let pass. */
export const knewOf = (stage: StageName, context: RequestContext): string => KNEW[stage](context);

const sourcedText = ({ list, marks = [] }: Sourced): string =>
  `, list ${list}${marks.length === 0 ? "" : `, on ${marks.join(", ")}`}`;

const suspicionText = ({ score, inputs, steps }: Suspicion): string =>
  `extraction score ${score} after ${inputs} different inputs, ${steps} of them steps`;

function limitsText({ states = [], refusal, degraded, cost }: Partial<Limited> = {}): string {
  const left = states.map(({ name, limit, remaining }) => `${name}: ${remaining} of ${limit} left`);
  if (cost) left.push(`reserved ${cost.reserved} units of cost${settledWords(cost)}`);
  if (degraded === "share") left.push("decided by this replica's share: the store was away");
  if (degraded === "allow") left.push("not counted: the store was away");
  if (refusal) left.push(`${refusal.code} is left to the constitution`);
  return left.join("; ") || "no limit applies";
}

const settledWords = ({ settled }: CostSpent): string =>
  settled === undefined ? "" : `, settled ${settled}`;

/** Which pack decided what, and by which of its parts. */
export function governedText(governed: Governed): string {
  const { pack, stage, output, wire, bitFailed, bitValue, isPanic, shadow, edge } = governed;
  return [
    `${stage === "canary" ? "canary pack" : "pack"} ${pack.id} ${pack.version}: ${output}${wire === undefined ? "" : ` by ${wire}`}`,
    ...(bitFailed === undefined ? [] : [`${bitFailed} is ${bitValue ?? "not true"}`]),
    ...(isPanic ? ["break-glass is on"] : []),
    ...(edge ? [`the edge decided ${edge.decision}`] : []),
    ...(shadow ? [`pack ${shadow.pack.id} ${shadow.pack.version} would say ${shadow.output}`] : []),
  ].join("; ");
}

/** What the rules found, and what they would have refused where they only watch. */
export function inspectedWords(inspected: Inspected): string {
  const { mode, request, answer, matched, scores, refusedBy, isOverBudget, micros } = inspected;
  if (request === "nothing") return "not in the sample";
  const rules = matched.map(
    ({ id, message, fields }) =>
      `${id}${message === "" ? "" : ` ${message}`}${fields.length === 0 ? "" : ` at ${fields.map(({ name }) => name).join(", ")}`}`,
  );
  const points = Object.entries(scores).map(([name, value]) => `${name} ${value}`);
  return [
    `${request === "head" ? "the head alone" : "head and body"}${answer === "nothing" ? "" : ", and the answer"} in ${Math.round(micros)} us`,
    rules.length === 0 ? "no rule matched" : `matched ${rules.join("; ")}`,
    ...(points.length === 0 ? [] : [points.join(", ")]),
    ...(isOverBudget ? ["over its budget: the rest is unread"] : []),
    ...(refusedBy && mode === "detect" ? [`rule ${refusedBy.rule} would have refused it`] : []),
  ].join("; ");
}

function identityText(identity: Identity | undefined): string {
  if (identity === undefined) return "nobody proved who they are";
  if (identity.method === "anonymous") return "anonymous: the route asks nobody";
  const { method, caller, subject, tenant, credentialId, issuer, tier } = identity;
  const list = (name: string, values: ReadonlySet<string>): string[] =>
    values.size === 0 ? [] : [`${name} ${[...values].join(" ")}`];
  return [
    `${method}: caller ${caller}, subject ${subject}, tenant ${tenant ?? "none"}`,
    ...(issuer === undefined ? [] : [`issuer ${issuer}`]),
    ...(credentialId === undefined ? [] : [`credential ${credentialId}`]),
    ...list("scopes", identity.scopes),
    ...list("permissions", identity.permissions),
    ...list("groups", identity.groups),
    ...list("roles", identity.roles),
    ...(tier === undefined ? [] : [`tier ${tier}`]),
  ].join("; ");
}
