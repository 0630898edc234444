/** Settings that are read at start only: a change is said aloud, never silently ignored. */
import type { Configuration } from "../gateway/configuration.ts";
import { hasKeptQuota } from "./stores/embedded-limits.ts";

type Root = Configuration["root"];

const FIXED: Readonly<Record<string, (root: Root) => unknown>> = {
  operator: ({ operator }) => operator,
  store: ({ store }) => store,
  workers: ({ workers }) => workers,
  "the first quota of an hour or longer": ({ store, limits, models, routes }) =>
    store.kind === "embedded" && hasKeptQuota([limits, models, routes]),
  "constitution.breakGlass": ({ constitution }) => constitution?.breakGlass,
  ledger: ({ ledger }) => ledger,
  "telemetry.log.destination": ({ telemetry }) => telemetry.log.destination,
  "telemetry.metrics": ({ telemetry }) => telemetry.metrics,
  "telemetry.traces": ({ telemetry }) => telemetry.traces,
};

/** Names of what the next configuration changes, and only the next start takes. */
export function changedFixedSettings(now: Root, next: Root): string[] {
  return Object.entries(FIXED)
    .filter(([, read]) => JSON.stringify(read(now)) !== JSON.stringify(read(next)))
    .map(([setting]) => setting);
}
