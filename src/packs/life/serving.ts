/**
 * The packs that serve at this moment, and the decision on one request. It must never let a candidate touch what the
 * active pack decides, outside of the candidate's share.
 */
import type { PackDecision, PackEvaluator } from "../evaluate/evaluator.ts";
import type { PackContext } from "../fields.ts";
import type { CanaryDraw, ShareSubject } from "./canary-share.ts";
import type { KeptPack, LoadedPack } from "./loaded-pack.ts";
import type { ShadowCounts } from "./shadow-counts.ts";

/** Who asks, as far as the life-cycle goes by it. */
export interface DecisionSubject extends ShareSubject {
  /** Opaque name of the request, for samples of disagreements. */
  readonly id?: string | undefined;
}

export interface ConstitutionVerdict {
  /** What is to be done. */
  readonly decision: PackDecision;
  /** The pack that decided it. */
  readonly pack: LoadedPack;
  /** `canary`: the candidate decided, for this request is in its share. */
  readonly stage: "active" | "canary";
  /** The other pack, when a candidate is loaded: evaluated, and of no effect. */
  readonly shadow?: { readonly pack: LoadedPack; readonly decision: PackDecision };
  /** The active pack's time is over: nothing may be allowed, whatever `decision` says. */
  readonly isExpired: boolean;
}

/** A pack beside the active one. */
export interface Candidate {
  readonly kept: KeptPack;
  readonly stage: "next" | "canary";
  /** Whom it decides for; undefined for nobody, in shadow. */
  readonly draw: CanaryDraw | undefined;
  readonly counts: ShadowCounts;
}

export class Serving {
  readonly active: KeptPack;
  readonly candidate: Candidate | undefined;
  readonly #evaluator: PackEvaluator;
  readonly #pack: LoadedPack;
  readonly #endsSec: number;
  readonly #candidateEndsSec: number;
  #isExpired = false;

  constructor(active: KeptPack, candidate?: Candidate) {
    this.active = active;
    this.candidate = candidate;
    this.#pack = active.loaded;
    this.#evaluator = active.loaded.evaluator;
    this.#endsSec = endsSecOf(active.loaded);
    this.#candidateEndsSec = candidate ? endsSecOf(candidate.kept.loaded) : 0;
  }

  /** With another candidate, or none; what has expired stays so. */
  withCandidate(candidate: Candidate | undefined): Serving {
    const next = new Serving(this.active, candidate);
    next.#isExpired = this.#isExpired;
    return next;
  }

  decide(context: PackContext, nowSeconds: number, subject: DecisionSubject): ConstitutionVerdict {
    const decision = this.#evaluator.decide(context, nowSeconds);
    const isExpired = this.isExpiredAt(nowSeconds);
    const { candidate } = this;
    if (candidate === undefined || nowSeconds >= this.#candidateEndsSec)
      return { decision, pack: this.#pack, stage: "active", isExpired };
    return candidate.draw?.has(subject)
      ? this.#decideByCandidate(candidate, decision, { context, nowSeconds, subject })
      : this.#decideWithShadow(candidate, decision, { context, nowSeconds, subject });
  }

  /** From its end on, and then for good: a clock that goes back must not bring a pack to life again. */
  isExpiredAt(nowSeconds: number): boolean {
    if (!this.#isExpired && nowSeconds >= this.#endsSec) this.#isExpired = true;
    return this.#isExpired;
  }

  isCandidateExpiredAt(nowSeconds: number): boolean {
    return this.candidate !== undefined && nowSeconds >= this.#candidateEndsSec;
  }

  #decideByCandidate(
    { kept, counts }: Candidate,
    activeDecision: PackDecision,
    { context, nowSeconds, subject }: Asked,
  ): ConstitutionVerdict {
    // It decides: if it cannot, that is a bug which refuses the request.
    const decision = kept.loaded.evaluator.decide(context, nowSeconds);
    counts.enforce();
    counts.compare(activeDecision, decision, nowSeconds, subject.id);
    return {
      decision,
      pack: kept.loaded,
      stage: "canary",
      shadow: { pack: this.#pack, decision: activeDecision },
      isExpired: this.#isExpired,
    };
  }

  #decideWithShadow(
    { kept, counts }: Candidate,
    decision: PackDecision,
    { context, nowSeconds, subject }: Asked,
  ): ConstitutionVerdict {
    const isExpired = this.#isExpired;
    let shadowed: PackDecision;
    try {
      shadowed = kept.loaded.evaluator.decide(context, nowSeconds);
    } catch {
      // Whatever is wrong with a pack in shadow must not be felt.
      counts.fail();
      return { decision, pack: this.#pack, stage: "active", isExpired };
    }
    counts.compare(decision, shadowed, nowSeconds, subject.id);
    const shadow = { pack: kept.loaded, decision: shadowed };
    return { decision, pack: this.#pack, stage: "active", shadow, isExpired };
  }
}

interface Asked {
  readonly context: PackContext;
  readonly nowSeconds: number;
  readonly subject: DecisionSubject;
}

function endsSecOf({ expiresMs = Number.POSITIVE_INFINITY }: LoadedPack): number {
  return expiresMs / 1_000;
}
