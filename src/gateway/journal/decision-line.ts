/**
 * One request as the members of a ledger line (docs/ledger-format.md). It must never write a raw path, a header's
 * credentials, a body or an unredacted text.
 *
 * WHY by hand: this runs for every request, and most of a line never changes for its route or its identity.
 */
import { commit, pseudonym } from "../../ledger/commitment.ts";
import type { Salt, Salts } from "../../ledger/salts.ts";
import type { AuthenticatedIdentity, CostSpent, Identity } from "../../pipeline/facts.ts";
import type { Resolution } from "../../pipeline/journal.ts";
import type { BrokenStage, ShadowVerdict } from "../../pipeline/outcome.ts";
import type { RequestContext, Route } from "../../pipeline/request-context.ts";
import { costText } from "../../telemetry/limited-text.ts";
import { inspectedText } from "../../telemetry/inspected-text.ts";
import { escapeJsonText, fieldText, freeText, nameText } from "../../telemetry/json-text.ts";
import { packText, type HideName } from "./facts-text-policy.ts";
import { factsText, type AddressDetail, type FactsDetail } from "./facts-text.ts";

export interface LineSettings {
  /** Digest of the configuration that decides. */
  readonly config: string;
  /** Whether callers and subjects are written as salted hashes. */
  readonly isHashed: boolean;
  /** Whether bodies are committed to. */
  readonly isCommitted: boolean;
  readonly addresses: AddressDetail;
  readonly salts: Pick<Salts, "saltOf">;
}

/** Whose salt commits to the bodies of callers who need not say who they are. */
const ANONYMOUS = "anonymous";
/** Who vouches for the people that an edge in front names. */
const EDGE = "edge";

const SUBJECTS = new WeakMap<AuthenticatedIdentity, string>();

/** Whose salt: a subject is somebody only together with who vouches for it. What `portcullis ledger erase` is told. */
function subjectKey(identity: AuthenticatedIdentity): string {
  const known = SUBJECTS.get(identity);
  if (known !== undefined) return known;
  const key = `${identity.issuer ?? identity.method} ${identity.subject}`;
  SUBJECTS.set(identity, key);
  return key;
}

export class DecisionLines {
  readonly #settings: LineSettings;
  readonly #routes = new WeakMap<Route, string>();
  readonly #identities = new WeakMap<Identity, string>();
  readonly #detail: FactsDetail;

  constructor(settings: LineSettings) {
    this.#settings = settings;
    const { addresses, isHashed, salts } = settings;
    const hide: HideName = (name) => pseudonym(salts.saltOf(`${EDGE} ${name}`), name);
    this.#detail = { addresses, hideName: isHashed ? hide : undefined };
  }

  /** A whole decision, once its answer is known. */
  decision(resolution: Resolution): string {
    const { context } = resolution;
    return `"kind":"decision",${this.#asked(context)},${endText(resolution)},"config":"${this.#settings.config}",${factsText(context, this.#detail)}${limitsText(context)}${spentText(context)}${packText(context.facts.constitution)}${upstreamText(resolution)},"latency_us":${micros(resolution.latencyMs)}${this.#commitments(resolution)}${shadowsText(resolution.shadows)}${brokenText(resolution.broken)}`;
  }

  /** A decision to call the upstream, before its answer is known. */
  begun(context: RequestContext): string {
    return `"kind":"decision",${this.#asked(context)},"decision":"allow","status":null,"stage":"upstream","code":null,"config":"${this.#settings.config}",${factsText(context, this.#detail)}${limitsText(context)}${spentText(context)}${packText(context.facts.constitution)}`;
  }

  /** How a request ended whose decision is on record already. */
  outcome(resolution: Resolution): string {
    return `"kind":"outcome","of":"${fieldText(resolution.context.request.requestId)}",${endText(resolution)}${upstreamText(resolution)},"latency_us":${micros(resolution.latencyMs)}${settledText(resolution.context)}${this.#commitments(resolution)}${answerText(resolution)}${shadowsText(resolution.shadows)}${brokenText(resolution.broken)}`;
  }

  #asked({ request, route, facts }: RequestContext): string {
    return `"request_id":"${fieldText(request.requestId)}","trace_id":"${request.trace.traceId}",${this.#who(facts.identity)},"method":"${escapeJsonText(request.method)}",${this.#route(route)}`;
  }

  #route(route: Route): string {
    const known = this.#routes.get(route);
    if (known !== undefined) return known;
    const { model, version } = route;
    const text = `"path":${quoted(route.template)},"route":${quoted(route.id)},"model":${quoted(model)},"version":${quoted(version)}`;
    this.#routes.set(route, text);
    return text;
  }

  /** A verified token gives the same identity object each time, so its part of the line is written once. */
  #who(identity: Identity | undefined): string {
    if (identity === undefined) return '"who":{"method":"none"}';
    if (identity.method === "anonymous") return '"who":{"method":"anonymous"}';
    const known = this.#identities.get(identity);
    if (known !== undefined) return known;
    const text = this.#whoText(identity);
    // A hidden name must be made anew when its salt is erased, so only clear ones are kept.
    if (!this.#settings.isHashed) this.#identities.set(identity, text);
    return text;
  }

  #whoText(identity: AuthenticatedIdentity): string {
    const { isHashed, salts } = this.#settings;
    const salt = isHashed ? salts.saltOf(subjectKey(identity)) : undefined;
    const name = (text: string): string =>
      `"${salt === undefined ? nameText(text) : pseudonym(salt, text)}"`;
    // What grants compare has to be exact to be decided again; the identity stage bounds it to short printable text.
    const exact = (text: string): string =>
      `"${salt === undefined ? escapeJsonText(text) : pseudonym(salt, text)}"`;
    const parts = [
      `"method":"${identity.method}"`,
      `"caller":${exact(identity.caller)}`,
      `"subject":${name(identity.subject)}`,
      `"key":${exact(identity.key)}`,
    ];
    if (identity.tenant !== undefined) parts.push(`"tenant":"${escapeJsonText(identity.tenant)}"`);
    if (identity.issuer !== undefined) parts.push(`"issuer":"${nameText(identity.issuer)}"`);
    if (identity.credentialId !== undefined)
      parts.push(`"credential":${name(identity.credentialId)}`);
    return `"who":{${parts.join()}}`;
  }

  /** Only bodies that went on: what was refused unread is nobody's commitment. */
  #commitments({ context, body, upstreamMs }: Resolution): string {
    const { isCommitted, salts } = this.#settings;
    const { identity } = context.facts;
    if (!isCommitted || upstreamMs === undefined || identity === undefined) return "";
    const salt = salts.saltOf(identity.method === "anonymous" ? ANONYMOUS : subjectKey(identity));
    const request = committed("request", context.body, salt);
    const response = body === undefined ? "" : committed("response", body, salt);
    return `,"commitments":{"salt":"${salt.id}"${request}${response}}`;
  }
}

const committed = (name: string, body: Uint8Array, salt: Salt): string =>
  `,"${name}":"${commit(salt, body)}","${name}_bytes":${body.length}`;

const quoted = (text: string | undefined): string =>
  text === undefined ? "null" : `"${escapeJsonText(text)}"`;

const endText = ({ decision, status, stage, code }: Resolution): string =>
  `"decision":"${decision}","status":${status},"stage":"${stage}","code":"${code}"`;

const micros = (ms: number): number => Math.max(0, Math.round(ms * 1_000));

function upstreamText({ context, upstreamMs }: Resolution): string {
  if (upstreamMs === undefined) return "";
  const { upstream } = context.facts["kill-switch"]?.routedTo?.route ?? context.route;
  // One attempt: calls are not repeated.
  return `,"upstream":{"name":${quoted(upstream)},"attempts":1,"us":${micros(upstreamMs)}}`;
}

/** What the firewall found in the answer, where the decision was on record before there was one. */
function answerText({ context }: Resolution): string {
  const inspected = context.facts.waf;
  if (inspected === undefined || inspected.answer === "nothing") return "";
  return `,"waf":${inspectedText(inspected)}`;
}

function limitsText({ facts }: RequestContext): string {
  const states = facts.limits?.states;
  if (states === undefined || states.length === 0) return "";
  let text = "";
  for (const { name, limit, remaining, resetSeconds } of states)
    text += `${text === "" ? "" : ","}{"name":"${name}","limit":${limit},"remaining":${remaining},"reset_s":${resetSeconds}}`;
  return `,"limits":[${text}]`;
}

/** What is known of it by now: without `settled`, an outcome line says it, or nothing was to be paid. */
function spentText({ facts }: RequestContext): string {
  const { degraded } = facts.limits ?? {};
  const mode = degraded === undefined ? "" : `,"limits_degraded":"${degraded}"`;
  return `${mode}${costMember(facts.limits?.cost)}`;
}

/** Where the decision was on record before it was known. */
function settledText({ facts }: RequestContext): string {
  const cost = facts.limits?.cost;
  return cost?.settled === undefined ? "" : costMember(cost);
}

const costMember = (cost: CostSpent | undefined): string =>
  cost === undefined ? "" : `,"cost":${costText(cost)}`;

function shadowsText(shadows: readonly ShadowVerdict[]): string {
  if (shadows.length === 0) return "";
  return `,"shadows":[${shadows.map(({ stage, code }) => `{"stage":"${stage}","code":"${code}"}`).join()}]`;
}

function brokenText(broken: readonly BrokenStage[]): string {
  if (broken.length === 0) return "";
  return `,"broken":[${broken.map(({ stage, cause }) => `{"stage":"${stage}","cause":"${freeText(cause)}"}`).join()}]`;
}
