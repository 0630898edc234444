/**
 * Which requests are traced. One rule for the whole gateway: whoever asks with the same trace gets the same answer, so
 * the flag sent upstream and the exported span agree.
 */

export interface SamplingConfig {
  /** Share of traces between 0 and 1. */
  readonly ratio: number;
  /** Whether the flag of a caller who began the trace decides instead of the ratio. */
  readonly followCaller: boolean;
}

export interface SampledTrace {
  readonly traceId: string;
  /** Present when the caller began the trace. */
  readonly parentSpanId?: string;
  /** The caller's flag, where the caller began the trace. */
  readonly isSampled: boolean;
}

/** The last 13 hex digits: 52 bits of the 56 that W3C Trace Context level 2 section 3.2.2.3 makes random. */
const RANDOM_DIGITS = 13;
const RANDOM_RANGE = 2 ** 52;

/** The rule as a function. A trace id that is not hexadecimal is never sampled. */
export function createSampler({
  ratio,
  followCaller,
}: SamplingConfig): (trace: SampledTrace) => boolean {
  const threshold = (1 - ratio) * RANDOM_RANGE;
  return (trace) => {
    if (followCaller && trace.parentSpanId !== undefined) return trace.isSampled;
    if (ratio <= 0) return false;
    return Number.parseInt(trace.traceId.slice(-RANDOM_DIGITS), 16) >= threshold;
  };
}
