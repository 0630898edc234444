/** What is measured of a shared store: whether it answers, how fast, and what is decided without it. */
import type { GuardSnapshot } from "../../stores/limits/guarded/guarded-limit-store.ts";
import type { RedisLimitsSnapshot } from "../../stores/limits/redis/redis-limits-snapshot.ts";
import type { RedisHooks } from "../../stores/redis/open-redis-link.ts";
import type { Readings, Registry } from "../../telemetry/metric-registry.ts";

/** In seconds: a store on the same network answers within a millisecond, and is given up after a quarter of a second. */
const CALL_BUCKETS_SECONDS = [
  0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
];

export function storeCallHooks(registry: Registry): Required<Pick<RedisHooks, "onCall">> {
  const duration = registry
    .histogram(
      {
        name: "portcullis_store_call_duration_seconds",
        help: "From sending a call to the shared store to its end.",
      },
      CALL_BUCKETS_SECONDS,
    )
    .series();
  const errors = registry.counter({
    name: "portcullis_store_errors_total",
    help: "Calls that the shared store refused or did not answer in time.",
    labels: ["outcome"],
  });
  const failed = { error: errors.series("error"), timeout: errors.series("timeout") };
  return {
    onCall: (seconds, outcome) => {
      duration.observe(seconds);
      if (outcome !== "ok") failed[outcome].add(1);
    },
  };
}

interface StoreFigures {
  readonly guard: () => GuardSnapshot;
  readonly shared: () => RedisLimitsSnapshot;
}

interface Row {
  readonly kind: "counter" | "gauge";
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  readonly read: (figures: StoreFigures) => Readings;
}

const ROWS: readonly Row[] = [
  {
    kind: "gauge",
    name: "portcullis_store_up",
    help: "1 while the shared store is used, 0 while the breaker is open.",
    read: ({ guard }) => (guard().state === "up" ? 1 : 0),
  },
  {
    kind: "counter",
    name: "portcullis_limits_degraded_seconds_total",
    help: "Time without the shared store.",
    read: ({ guard }) => guard().degradedSeconds,
  },
  {
    kind: "counter",
    name: "portcullis_limits_store_denied_total",
    help: "Requests refused because the shared store was away.",
    read: ({ guard }) => guard().denied,
  },
  {
    kind: "counter",
    name: "portcullis_limits_decisions_total",
    help: "Requests decided by the shared store, and by units that were taken ahead from it.",
    labels: ["by"],
    read: ({ shared }) => {
      const { decisionsAsked, decisionsHere } = shared();
      return [
        [["store"], decisionsAsked],
        [["lease"], decisionsHere],
      ];
    },
  },
  {
    kind: "gauge",
    name: "portcullis_limits_units_ahead",
    help: "Units that this process has taken ahead and not used yet.",
    read: ({ shared }) => shared().unitsAhead,
  },
  {
    kind: "gauge",
    name: "portcullis_limits_corrections_pending",
    help: "Corrections of cost that the shared store has yet to be told.",
    read: ({ shared }) => shared().correctionsPending,
  },
  {
    kind: "counter",
    name: "portcullis_limits_corrections_dropped_total",
    help: "Corrections given up: each leaves a counter that says more or less than was used.",
    read: ({ shared }) => shared().correctionsDropped,
  },
  {
    kind: "counter",
    name: "portcullis_limits_unreported_units_total",
    help: "Units of quotas let through without the shared store of which it may never have learned.",
    read: ({ guard }) => guard().unreportedUnits,
  },
];

/** Returns what ends it. */
export function watchStore(registry: Registry, figures: StoreFigures): () => void {
  const stops = ROWS.map(({ kind, read, ...spec }) =>
    registry.watch(kind, spec)(() => read(figures)),
  );
  return () => {
    for (const stop of stops) stop();
  };
}
