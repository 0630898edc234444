/**
 * A recorded request as a pack would see it again. A field that is not on record, or not as the pack saw it, is among the
 * unknown ones: it has no value there, and nobody may take that for its absence.
 */
import { SLOTS, type FieldName, type FieldValue, type PackContext } from "../../packs/fields.ts";
import type { AuthenticatedIdentity, Identity } from "../../pipeline/facts.ts";
import type { RequestContext } from "../../pipeline/request-context.ts";
import { commonNameOf } from "../../stages/constitution/issuer-name.ts";
import { TLS_VERSIONS } from "../../stages/constitution/pack-context.ts";
import { parseTemplate } from "../path-template.ts";
import { isLiteral } from "./replay-path.ts";
import type { RecordedDecision } from "./replay-record.ts";

/** What the configuration says of where facts may come from. */
export interface FieldSources {
  /** Whether any edge is listed. Which connections were an edge's is taken as recorded. */
  readonly hasEdge: boolean;
  /** Whether the route has a partner whose deliveries are verified. */
  readonly hasPartner: boolean;
}

export interface RecordedFields {
  readonly fields: PackContext;
  readonly unknown: ReadonlySet<FieldName>;
}

export function recordedFields(
  record: RecordedDecision,
  context: RequestContext,
  sources: FieldSources,
): RecordedFields {
  return new Reading(record, context, sources).read();
}

/** `subjects: hashed` writes a hash for a name, redaction a word in brackets, the cap three dots at the end. */
const INEXACT = /^h:[0-9a-f]{32}$|\[|\.\.\.$/;

const EDGE_HOP = [
  "context.transport.tls_version",
  "context.mtls.verified",
  "context.mtls.issuer",
] as const;
const EDGE_USER = [
  "context.auth.method",
  "context.auth.rp_id",
  "context.user.id",
  "context.user.groups",
] as const;
const OF_TOKEN = [
  "context.auth.method",
  "context.auth.rp_id",
  "context.legacy_jwt.valid",
  "context.legacy_jwt.expires_at",
] as const;

/** One record being read. */
class Reading {
  readonly #record: RecordedDecision;
  readonly #context: RequestContext;
  readonly #sources: FieldSources;
  readonly #fields: (FieldValue | undefined)[] = [];
  readonly #unknown = new Set<FieldName>();
  /** Whether the request came through an edge that still counts. */
  readonly #isThroughEdge: boolean;
  /** Whether it may have, for all that is known: no constitution was there to record it. */
  readonly #mayBeThroughEdge: boolean;

  constructor(record: RecordedDecision, context: RequestContext, sources: FieldSources) {
    const { policy, facts } = record;
    this.#record = record;
    this.#context = context;
    this.#sources = sources;
    this.#isThroughEdge = sources.hasEdge && policy?.seen["edge"] === true;
    this.#mayBeThroughEdge = sources.hasEdge && policy === undefined && facts.isMutual;
  }

  read(): RecordedFields {
    const { route } = this.#context;
    this.#set("context.req.method", this.#record.method);
    this.#set("context.req.model", route.model);
    this.#set("context.req.version", route.version);
    this.#set("system.panic_mode", this.#record.policy?.isPanic ?? false);
    this.#readPath();
    this.#readTransport();
    this.#readIdentity();
    this.#readRate();
    this.#readWebhook();
    this.#readOrigin();
    return { fields: this.#fields, unknown: this.#unknown };
  }

  #set(name: FieldName, value: FieldValue | undefined): void {
    this.#fields[SLOTS[name]] = value;
  }

  #doubt(...names: readonly FieldName[]): void {
    for (const name of names) {
      this.#unknown.add(name);
      this.#set(name, undefined);
    }
  }

  /** A text that has to be as it was. */
  #setExact(name: FieldName, text: string | undefined): void {
    if (text !== undefined && INEXACT.test(text)) this.#doubt(name);
    else this.#set(name, text === "" ? undefined : text);
  }

  /** What the pack saw, as recorded; absent when it saw none. The empty text is one that could not be recorded. */
  #setSeen(name: FieldName): void {
    const value = this.#record.policy?.seen[name.replace("context.", "")];
    if (value === "") this.#doubt(name);
    else if (typeof value === "string" && name === "context.user.id") this.#setExact(name, value);
    else this.#set(name, typeof value === "object" ? new Set(value) : value);
  }

  /** Only a template without parameters is its path. */
  #readPath(): void {
    const { path } = this.#record;
    if (isLiteral(parseTemplate(path))) this.#set("context.req.path", path);
    else this.#doubt("context.req.path");
  }

  #readTransport(): void {
    const { facts, policy } = this.#record;
    if (this.#mayBeThroughEdge) return this.#doubt(...EDGE_HOP);
    if (this.#isThroughEdge) return EDGE_HOP.forEach((name) => this.#setSeen(name));
    if (facts.tls === undefined) return;
    this.#set("context.transport.tls_version", TLS_VERSIONS.get(facts.tls));
    // Of the gateway's own connection the pack saw another thing only where a certificate had expired.
    const hasExpired = policy?.seen["edge"] !== true && policy?.seen["mtls.verified"] === false;
    const isVerified = facts.isMutual && !hasExpired;
    this.#set("context.mtls.verified", isVerified);
    const issuer = facts.certificateIssuer;
    if (!isVerified || issuer === undefined) return;
    if (INEXACT.test(issuer)) this.#doubt("context.mtls.issuer");
    else this.#set("context.mtls.issuer", commonNameOf(issuer));
  }

  #readIdentity(): void {
    const { identity } = this.#context.facts;
    const known = isKnown(identity) ? identity : undefined;
    const isEdgeItself = this.#isThroughEdge && known?.method === "mtls";
    if (known && !isEdgeItself && !(this.#mayBeThroughEdge && known.method === "mtls"))
      this.#readPerson(known);
    else if (this.#mayBeThroughEdge) this.#doubt(...EDGE_USER);
    else if (this.#isThroughEdge) EDGE_USER.forEach((name) => this.#setSeen(name));
    else if (identity) this.#set("context.auth.method", "anonymous");
    if (known) this.#readProgram(known);
  }

  #readPerson({ method, subject, groups }: AuthenticatedIdentity): void {
    this.#setExact("context.user.id", subject);
    this.#set("context.user.groups", groups);
    this.#set("context.auth.method", method);
    const { policy } = this.#record;
    if (policy === undefined) return;
    if (policy.seen["auth.method"] !== undefined) this.#setSeen("context.auth.method");
    this.#setSeen("context.auth.rp_id");
  }

  #readProgram({ method, caller, tenant, scopes }: AuthenticatedIdentity): void {
    const { policy } = this.#record;
    this.#set("context.tenant", tenant === "" ? undefined : tenant);
    this.#setExact("context.client_id", caller);
    this.#set("context.scopes", scopes);
    this.#set("context.legacy_jwt.valid", policy?.seen["legacy_jwt.valid"] === true);
    this.#setSeen("context.legacy_jwt.expires_at");
    // What a token says beyond what is recorded of everyone was recorded for no pack.
    if (policy === undefined && method === "jwt") this.#doubt(...OF_TOKEN);
  }

  /** A request that got this far was within its limits, unless they left their refusal, or had failed. */
  #readRate(): void {
    const { policy, broken } = this.#record;
    const isJudged = policy
      ? policy.seen["rate.ok"] !== undefined
      : !broken.some(({ stage }) => stage === "limits");
    if (isJudged) this.#set("context.rate.ok", !this.#context.facts.limits?.refusal);
  }

  #readWebhook(): void {
    const { policy } = this.#record;
    const name = "context.webhook.verified";
    const { hasPartner } = this.#sources;
    if (policy?.seen["webhook.verified"] !== undefined && (hasPartner || this.#isThroughEdge))
      this.#setSeen(name);
    else if (hasPartner && policy?.seen["webhook.signed"] !== false) this.#doubt(name);
    else if (this.#mayBeThroughEdge) this.#doubt(name);
  }

  #readOrigin(): void {
    if (this.#record.policy) this.#setSeen("context.origin");
    else this.#doubt("context.origin");
  }
}

const isKnown = (identity: Identity | undefined): identity is AuthenticatedIdentity =>
  identity !== undefined && identity.method !== "anonymous";
