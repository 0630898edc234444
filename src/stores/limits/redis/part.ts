/** One rule of one request, from asking to finishing: what it needs, and where its units were counted. */
import { KIND_CODES } from "./limit-scripts.ts";
import type { Correction } from "./corrections.ts";
import type { OwnSlots } from "./own-slots.ts";
import { windowAt, type RuleCode } from "./rule-code.ts";
import type { Lot, Origin, Wallet } from "./wallet.ts";

export class Part implements Origin {
  readonly code: RuleCode;
  readonly key: string;
  /** Units it takes in all. */
  readonly units: number;
  /** Of a leased rule, where there may be units ahead. */
  wallet: Wallet | undefined = undefined;
  /** The server does not have to be asked. */
  isHere = false;
  /** What came out of it. */
  lot: Lot | undefined = undefined;
  /** What the server has to grant. */
  missing: number;
  /** Units asked for ahead. */
  ahead = 0;
  /** Of concurrency, once it is asked for or taken. */
  slots: OwnSlots | undefined = undefined;
  askedUnder = 0;
  /** Of the answer. */
  left = 0;
  resetMs = 0;
  slot = 0;
  window: Origin["window"] = undefined;

  constructor(code: RuleCode, key: string, units: number) {
    this.code = code;
    this.key = key;
    this.units = units;
    this.missing = units;
  }

  /** Where the units of the answer are counted. */
  settleAt(serverMs: number): void {
    if (this.code.slotMs > 0) this.slot = Math.floor(serverMs / this.code.slotMs);
  }

  /** The earliest place in which any of its units is counted: nothing given back there is missed later. */
  get origin(): Origin {
    return this.lot ?? this;
  }
}

/** So many units more, or fewer, than were taken there. */
export function correctionOf(
  code: RuleCode,
  key: string,
  { slot, window }: Origin,
  delta: number,
): Correction {
  const { kind, rule, quota, slotMs } = code;
  if (quota !== undefined) {
    const { startMs, endMs } = window ?? windowAt(quota, 0);
    return { kind, key, delta, a: startMs, b: endMs, calendar: quota };
  }
  if (kind === KIND_CODES.sliding) return { kind, key, delta, a: slotMs, b: slot };
  if (rule.kind === "bucket") return { kind, key, delta, a: rule.count, b: rule.perMs };
  throw new Error(`no correction for ${rule.kind}`);
}

/** Parts of a unit count whole; a cost that is no number can never pass. */
export function toUnits(cost: number): number {
  if (Number.isNaN(cost)) return Number.MAX_SAFE_INTEGER;
  return Math.min(Math.max(0, Math.ceil(cost)), Number.MAX_SAFE_INTEGER);
}
