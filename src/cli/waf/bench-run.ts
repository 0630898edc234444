/** Measures a policy with requests of one kind. Making them is not measured; what other processes take is. */
import type { Policy } from "../../seclang/index.ts";
import type { Random, RequestMaker } from "./bench-requests.ts";
import type { EngineRequest } from "./told-request.ts";

export interface Measured {
  readonly requests: number;
  readonly medianMicros: number;
  readonly p99Micros: number;
  /** By CPU time of the process, garbage collection included. */
  readonly perSecondPerCore: number;
  readonly refused: number;
}

/** Made at once, and thrown away: few enough to stay out of the way of the garbage collector. */
const BATCH = 50;
/** V8 compiles a loop while it runs: what is measured before that is not the engine. */
const WARM_UP_SHARE = 0.25;

/** Runs for so long, after a quarter of that for warming up. */
export async function measure(
  policy: Policy,
  make: RequestMaker,
  { random, seconds }: { readonly random: Random; readonly seconds: number },
): Promise<Measured> {
  await runFor(policy, make, { random, seconds: seconds * WARM_UP_SHARE });
  const { micros, refused, cpuMicros } = await runFor(policy, make, { random, seconds });
  micros.sort((a, b) => a - b);
  return {
    requests: micros.length,
    medianMicros: quantile(micros, 0.5),
    p99Micros: quantile(micros, 0.99),
    perSecondPerCore: (1_000_000 * micros.length) / cpuMicros,
    refused,
  };
}

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

interface Run {
  readonly micros: number[];
  readonly refused: number;
  readonly cpuMicros: number;
}

/** At least one batch. */
export async function runFor(
  policy: Policy,
  make: RequestMaker,
  { random, seconds }: { readonly random: Random; readonly seconds: number },
): Promise<Run> {
  const micros: number[] = [];
  let refused = 0;
  let cpuMicros = 0;
  const endsMs = performance.now() + seconds * 1_000;
  do {
    const batch = Array.from({ length: BATCH }, () => make(random));
    const before = process.cpuUsage();
    for (const request of batch) {
      const startedMs = performance.now();
      const pending = inspect(policy, request);
      const isRefused = typeof pending === "boolean" ? pending : await pending;
      micros.push((performance.now() - startedMs) * 1_000);
      if (isRefused) refused++;
    }
    const { user, system } = process.cpuUsage(before);
    cpuMicros += user + system;
  } while (performance.now() < endsMs);
  return { micros, refused, cpuMicros };
}

/** A promise only for bodies that are read in slices: awaiting each would add a turn of the loop to it. */
function inspect(policy: Policy, { head, body }: EngineRequest): boolean | Promise<boolean> {
  const transaction = policy.transaction();
  const verdict = transaction.requestHead(head) ?? transaction.requestBody(body);
  if (verdict instanceof Promise)
    return verdict.then(() => transaction.end().interruption !== undefined);
  return transaction.end().interruption !== undefined;
}
