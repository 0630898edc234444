/**
 * What one request costs: reserved before, metered on the way, settled once at its end. It must never come out below
 * what was metered, nor give anything back for work that somebody may have done and nobody could meter.
 */
import type { CostSpent } from "../../pipeline/facts.ts";
import type { GatewayResponse } from "../../pipeline/response.ts";
import type { Ending } from "../../pipeline/stage.ts";
import { meterHeader, type EventMeter, type FieldPath, type Metered } from "./metered.ts";
import type { Price } from "./route-config.ts";

/** A route's price, made ready at load. */
export interface PreparedPrice {
  readonly reserve: number;
  /** Of the JSON answer; undefined where the cost is fixed or a header says it. */
  readonly field: FieldPath | undefined;
  readonly header: string | undefined;
  /** Whether an error that does not say what it cost is free. */
  readonly isRefundedWhenMissing: boolean;
}

export function preparePrice(price: Price): PreparedPrice {
  if (typeof price === "number")
    return { reserve: price, field: undefined, header: undefined, isRefundedWhenMissing: false };
  return {
    reserve: price.reserve,
    field: price.field?.split("."),
    header: price.header?.toLowerCase(),
    isRefundedWhenMissing: price.onMissing === "refund",
  };
}

/** From here on an upstream's answer is no success. */
const LEAST_ERROR_STATUS = 400;

/** How codes begin of what no caller can bring about. */
const NOT_THE_CALLERS = ["upstream.", "gateway."];

export class Spending implements CostSpent {
  readonly reserved: number;
  readonly #price: PreparedPrice;
  #settled: number | undefined;
  #isAnswered = false;
  #isError = false;
  #stream: EventMeter | undefined;

  constructor(price: PreparedPrice) {
    this.#price = price;
    this.reserved = price.reserve;
  }

  get settled(): number | undefined {
    return this.#settled;
  }

  /** The upstream has begun to answer: from here on somebody has worked. */
  answered({ status, headers }: Pick<GatewayResponse, "status" | "headers">): void {
    this.#isAnswered = true;
    this.#isError = status >= LEAST_ERROR_STATUS;
    const { header, field, reserve } = this.#price;
    if (header !== undefined) this.metered(meterHeader(headers, header));
    else if (field === undefined) this.#settled = reserve;
  }

  metered(metered: Metered): void {
    this.#settled = this.#unitsOf(metered);
  }

  /** An event stream is read with this from now on. */
  streamed(meter: EventMeter): void {
    this.#stream = meter;
  }

  /** The request has ended: what it costs in the end. */
  end(ending: Ending): number {
    this.#settled ??= this.#unmetered(ending);
    return this.#settled;
  }

  /**
   * Nobody said what it costs. Not sent: nothing. Not answered by a fault of the upstream: nothing, or one that is away or
   * hangs would use up budgets for no answer. Not answered by the caller's doing, who left, broke off its body or asked for
   * more than may be answered: all that was reserved, or that would be a way to free work. Answered in part: what was
   * metered until then.
   */
  #unmetered({ wasForwarded, code }: Ending): number {
    if (!wasForwarded) return 0;
    if (!this.#isAnswered && NOT_THE_CALLERS.some((part) => code.startsWith(part))) return 0;
    return this.#stream?.units ?? this.reserved;
  }

  /** Of a success it is never free to say nothing: many APIs leave the usage out because the caller asked them to. */
  #unitsOf(metered: Metered): number {
    if (typeof metered === "number") return metered;
    const isRefunded = this.#isError && this.#price.isRefundedWhenMissing;
    return metered === "missing" && isRefunded ? 0 : this.reserved;
  }
}
