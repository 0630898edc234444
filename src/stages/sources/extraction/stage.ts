/**
 * What for: scores how much a caller's inputs to a model look like an attempt to copy it, puts the score on record, and
 * where the configuration says so slows such callers down or shuts them out. It reads the JSON that the contract accepted,
 * keeps nothing of it but hashes and the last numbers, and never tells a caller its score.
 */
import type { Identity, Suspicion } from "../../../pipeline/facts.ts";
import { rejection } from "../../../pipeline/rejection.ts";
import type { RequestContext, Route } from "../../../pipeline/request-context.ts";
import {
  CONTINUE,
  type Clock,
  type Decision,
  type PreparedStage,
  type StageHandlers,
} from "../../../pipeline/stage.ts";
import { sourceKeys } from "../source-key.ts";
import type { ExtractionSection } from "./config.ts";
import { readRows } from "./input-row.ts";
import type { Profile } from "./profile.ts";
import type { ProfileRule, ProfileTable } from "./profile-table.ts";

export interface ExtractionConfig extends ExtractionSection {
  /** Leading bits of an IPv6 address that make one anonymous caller. */
  readonly ipv6Prefix: number;
}

export interface ExtractionTools {
  readonly clock: Clock;
  /** One for the process: it outlives configurations. */
  readonly profiles: ProfileTable;
}

type ExtractionDecision = Decision<"extraction">;

export function extraction(
  config: ExtractionConfig,
  tools: ExtractionTools,
): PreparedStage<"extraction"> {
  return {
    name: "extraction",
    // A streamed body is nobody's to read, and only a model can be copied.
    bind(route: Route) {
      const { model, upstream, bodyMode } = route;
      const isWatched = model !== undefined && upstream !== undefined && bodyMode === "buffer";
      return config.mode === "on" && isWatched ? new ModelWatch(model, config, tools) : null;
    },
  };
}

class ModelWatch implements StageHandlers<"extraction"> {
  readonly #model: string;
  readonly #config: ExtractionConfig;
  readonly #clock: Clock;
  readonly #profiles: ProfileTable;
  readonly #rule: ProfileRule;
  readonly #ignore: ReadonlySet<string>;
  readonly #sourceOf: (address: string) => string | undefined;

  constructor(model: string, config: ExtractionConfig, { clock, profiles }: ExtractionTools) {
    this.#model = model;
    this.#config = config;
    this.#clock = clock;
    this.#profiles = profiles;
    this.#rule = { windowMs: config.window, maxProfiles: config.maxProfiles };
    this.#ignore = new Set(config.ignore);
    this.#sourceOf = sourceKeys(config.ipv6Prefix);
  }

  /** Who is shut out is not read any further. */
  onHead(context: RequestContext): ExtractionDecision {
    if (this.#config.block === undefined) return CONTINUE;
    const profile = this.#profiles.find(this.#callerOf(context), this.#model);
    const nowMs = this.#clock.monotonicMs();
    if (profile === undefined || nowMs >= profile.blockedUntilMs) return CONTINUE;
    const suspicion = profile.suspicion(nowMs, this.#rule.windowMs);
    // In shadow the body is looked at, too, and the fact is written only once.
    return { ...refused(profile.blockedUntilMs - nowMs, suspicion), learned: suspicion };
  }

  onBody(context: RequestContext): ExtractionDecision {
    const { contract } = context.facts;
    if (contract === undefined) return CONTINUE;
    const nowMs = this.#clock.monotonicMs();
    const profile = this.#profiles.open(this.#callerOf(context), this.#model, nowMs, this.#rule);
    if (profile === undefined) return CONTINUE;
    const fields = this.#profiles.fieldsOf(this.#model);
    const when = { nowMs, windowMs: this.#rule.windowMs };
    readRows(contract.json, { ignore: this.#ignore, nowMs: this.#clock.nowMs() }, (row) =>
      profile.take(row, fields, when),
    );
    const suspicion = profile.suspicion(nowMs, this.#rule.windowMs);
    const decision = this.#decide(profile, suspicion, nowMs);
    if (decision.verdict === "answer" || context.facts.extraction !== undefined) return decision;
    return { ...decision, learned: suspicion };
  }

  #decide(profile: Profile, suspicion: Suspicion, nowMs: number): ExtractionDecision {
    const { block, throttle } = this.#config;
    if (block !== undefined && suspicion.score >= block.at) {
      profile.block(nowMs + block.for);
      return refused(block.for, suspicion);
    }
    if (throttle === undefined || suspicion.score < throttle.at) return CONTINUE;
    if (nowMs < profile.nextAtMs) return refused(profile.nextAtMs - nowMs, suspicion);
    profile.nextAtMs = nowMs + throttle.to.perMs / throttle.to.count;
    return CONTINUE;
  }

  /** An anonymous caller is its address, or its network of IPv6. */
  #callerOf({ facts, request }: RequestContext): string {
    const identity: Identity | undefined = facts.identity;
    if (identity !== undefined && identity.method !== "anonymous") return identity.key;
    return `anonymous:${this.#sourceOf(request.callerAddress) ?? ""}`;
  }
}

function refused(waitMs: number, suspicion: Suspicion): ExtractionDecision & { verdict: "reject" } {
  const cause = `what the caller asks looks like copying the model: score ${suspicion.score}`;
  const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000));
  return {
    verdict: "reject",
    rejection: rejection("sources.extraction_suspected", { cause, retryAfterSeconds }),
  };
}
