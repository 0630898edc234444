/**
 * What a candidate would have decided otherwise: counted by the two outputs, with a few samples of each kind. It must
 * never hold anything of a request but the opaque id that the caller gives with it.
 */
import type { PackDecision } from "../evaluate/evaluator.ts";
import { nameOf, type PackName } from "./loaded-pack.ts";

/** One pack's side of a disagreement. */
export interface ShadowSide {
  readonly output: string;
  readonly effect: "allow" | "deny";
  readonly wire: string | undefined;
  readonly bitFailed: string | undefined;
  readonly bitValue: "false" | "undefined" | undefined;
}

export interface ShadowSample {
  readonly atMs: number;
  /** As the caller names the request; nothing of the request itself. */
  readonly id: string | undefined;
  readonly active: ShadowSide;
  readonly candidate: ShadowSide;
}

/** Disagreements of one kind. */
export interface ShadowPair {
  readonly active: { readonly output: string; readonly effect: "allow" | "deny" };
  readonly candidate: { readonly output: string; readonly effect: "allow" | "deny" };
  readonly count: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly samples: readonly ShadowSample[];
}

export interface ShadowReport {
  readonly active: PackName;
  readonly candidate: PackName;
  readonly sinceMs: number;
  readonly evaluated: number;
  readonly agreed: number;
  /** Decided by the candidate, as canary. */
  readonly enforced: number;
  /** The candidate could not be evaluated: a bug, which touched nobody. */
  readonly failed: number;
  /** Denied by the active pack and allowed by the candidate. */
  readonly opened: number;
  /** The other way round. */
  readonly closed: number;
  /** Most frequent first. */
  readonly pairs: readonly ShadowPair[];
  /** Disagreements of kinds beyond those that are kept apart. */
  readonly otherPairs: number;
}

/** Two packs of 500 outputs make a quarter of a million pairs; an operator reads the first ten. */
const PAIRS_LIMIT = 256;

/** Enough to look up, of each kind. */
const SAMPLES_PER_PAIR = 8;

interface Pair {
  readonly active: PackDecision;
  readonly candidate: PackDecision;
  count: number;
  readonly firstMs: number;
  lastMs: number;
  readonly samples: ShadowSample[];
}

export class ShadowCounts {
  readonly #active: PackName;
  readonly #candidate: PackName;
  readonly #sinceMs: number;
  readonly #pairs = new Map<string, Pair>();
  #evaluated = 0;
  #enforced = 0;
  #failed = 0;
  #disagreed = 0;
  #opened = 0;
  #closed = 0;
  #other = 0;

  constructor(active: PackName, candidate: PackName, sinceMs: number) {
    this.#active = nameOf(active);
    this.#candidate = nameOf(candidate);
    this.#sinceMs = sinceMs;
  }

  /** Whether these are the counts of this pair of packs. */
  isOf(active: PackName, candidate: PackName): boolean {
    return this.#active.blake3 === active.blake3 && this.#candidate.blake3 === candidate.blake3;
  }

  fail(): void {
    this.#failed += 1;
  }

  enforce(): void {
    this.#enforced += 1;
  }

  /** `id` is the caller's own name for the request. */
  compare(
    active: PackDecision,
    candidate: PackDecision,
    nowSeconds: number,
    id: string | undefined,
  ): void {
    this.#evaluated += 1;
    if (
      active.output === candidate.output &&
      active.effect === candidate.effect &&
      active.status === candidate.status
    )
      return;
    this.#disagree(active, candidate, { atMs: nowSeconds * 1_000, id });
  }

  report(): ShadowReport {
    return {
      active: this.#active,
      candidate: this.#candidate,
      sinceMs: this.#sinceMs,
      evaluated: this.#evaluated,
      agreed: this.#evaluated - this.#disagreed,
      enforced: this.#enforced,
      failed: this.#failed,
      opened: this.#opened,
      closed: this.#closed,
      pairs: [...this.#pairs.values()].sort((a, b) => b.count - a.count).map(reportOf),
      otherPairs: this.#other,
    };
  }

  #disagree(active: PackDecision, candidate: PackDecision, at: Compared): void {
    this.#disagreed += 1;
    if (active.effect !== candidate.effect) {
      if (candidate.effect === "allow") this.#opened += 1;
      else this.#closed += 1;
    }
    const pair = this.#pairOf(active, candidate, at.atMs);
    if (pair === undefined) {
      this.#other += 1;
      return;
    }
    pair.count += 1;
    pair.lastMs = at.atMs;
    keepSample(pair, { ...at, active: sideOf(active), candidate: sideOf(candidate) });
  }

  #pairOf(active: PackDecision, candidate: PackDecision, atMs: number): Pair | undefined {
    // No id holds a space.
    const key = `${active.output} ${candidate.output}`;
    const found = this.#pairs.get(key);
    if (found || this.#pairs.size >= PAIRS_LIMIT) return found;
    const pair = { active, candidate, count: 0, firstMs: atMs, lastMs: atMs, samples: [] };
    this.#pairs.set(key, pair);
    return pair;
  }
}

/** When two decisions were compared, and for which request. */
interface Compared {
  readonly atMs: number;
  readonly id: string | undefined;
}

/** Each disagreement of the kind is kept with the same chance (Vitter's algorithm R). */
function keepSample({ count, samples }: Pair, sample: ShadowSample): void {
  if (samples.length < SAMPLES_PER_PAIR) {
    samples.push(sample);
    return;
  }
  const place = Math.floor(Math.random() * count);
  if (place < SAMPLES_PER_PAIR) samples[place] = sample;
}

function sideOf({ output, effect, wire, bitFailed, bitValue }: PackDecision): ShadowSide {
  return { output, effect, wire, bitFailed, bitValue };
}

function reportOf({ active, candidate, count, firstMs, lastMs, samples }: Pair): ShadowPair {
  return {
    active: { output: active.output, effect: active.effect },
    candidate: { output: candidate.output, effect: candidate.effect },
    count,
    firstMs,
    lastMs,
    samples: [...samples],
  };
}
