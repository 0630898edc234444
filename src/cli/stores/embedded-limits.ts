/** The limits of one machine: counted in memory, with long quotas on disk so that a restart hands out nothing anew. */
import { resolve } from "node:path";
import type { Configuration } from "../../gateway/configuration.ts";
import { DurableQuotas } from "../../stores/limits/durable-quotas.ts";
import { MemoryLimitStore } from "../../stores/limits/memory-limit-store.ts";
import type { Log } from "../../telemetry/log.ts";

/** Beside the store's own file: writes to it are many, and need not survive the loss of power. */
const QUOTA_FILE_SUFFIX = ".quotas";
/** Shorter ones are over before it matters. */
const KEPT_PERIODS = ["hour", "day", "month"];

/** Throws with a text for the operator when quotas have to be kept and their file cannot be used. */
export function openEmbeddedLimits(
  { root, loaded }: Configuration,
  log: Pick<Log, "error">,
): MemoryLimitStore {
  if (!hasKeptQuota([root.limits, root.models, root.routes])) return new MemoryLimitStore();
  const durable = DurableQuotas.open({
    path: resolve(loaded.directory, root.store.path + QUOTA_FILE_SUFFIX),
    onTrouble: (error) => log.error("the use of quotas cannot be written down", { error }),
  });
  return new MemoryLimitStore({ durable });
}

/** Whether any quota of these settings outlives the process. */
export function hasKeptQuota(settings: unknown): boolean {
  if (typeof settings !== "object" || settings === null) return false;
  if ("quota" in settings) {
    const quota = settings.quota as Readonly<Record<string, unknown>> | undefined;
    if (KEPT_PERIODS.some((period) => quota?.[period] !== undefined)) return true;
  }
  return Object.values(settings).some(hasKeptQuota);
}
