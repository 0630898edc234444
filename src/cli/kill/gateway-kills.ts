/**
 * The kill switches of one gateway process: opened at start, kept over reloads, closed last. They are live state and no
 * part of a configuration: what is on holds before the first request is served, whichever configuration serves.
 */
import { resolve } from "node:path";
import { killPages, type KillPages } from "../../admin/kill-pages.ts";
import type { Configuration } from "../../gateway/configuration.ts";
import type { GatewayLedger } from "../../gateway/journal/gateway-ledger.ts";
import { SYSTEM_CLOCK } from "../../pipeline/stage.ts";
import {
  openEmbeddedKillSwitches,
  type RecordedKillSwitchStore,
} from "../../stores/kill/embedded-kill-switches.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import { tellKillChanges } from "./kill-events.ts";
import { scopeWarnings } from "./scope-warnings.ts";

export interface GatewayKillsTools {
  readonly log: Pick<Log, "warn" | "error">;
  readonly metrics: Pick<Metrics, "registry">;
  /** Undefined where another process of this machine records what happens to kill switches, or nobody does. */
  readonly ledger: Pick<GatewayLedger, "followKills"> | undefined;
  /** Opens the store in the place of the embedded one. */
  readonly open?: (options: KillStoreOptions) => Promise<RecordedKillSwitchStore>;
}

/** What every store of a gateway is opened with. */
export interface KillStoreOptions {
  readonly path: string;
  readonly clock: typeof SYSTEM_CLOCK;
  readonly isWatching: true;
  readonly onTrouble: (message: string, error: unknown) => void;
}

async function openStore(
  options: KillStoreOptions,
  { open }: GatewayKillsTools,
): Promise<RecordedKillSwitchStore> {
  try {
    return await (open?.(options) ?? openEmbeddedKillSwitches(options));
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new Error(
      `kill switches cannot be kept in ${options.path}: ${cause}. Name a file in a folder that can be written, in store.path`,
      { cause: error },
    );
  }
}

export class GatewayKills {
  readonly store: RecordedKillSwitchStore;
  readonly #stopTelling: () => void;

  private constructor(store: RecordedKillSwitchStore, { log, metrics, ledger }: GatewayKillsTools) {
    this.store = store;
    this.#stopTelling = tellKillChanges(store, { log, metrics });
    ledger?.followKills(store);
  }

  /** Rejects when the store cannot be opened: a switch that cannot be read would not hold. */
  static async open(
    { root, loaded }: Configuration,
    tools: GatewayKillsTools,
  ): Promise<GatewayKills> {
    const options: KillStoreOptions = {
      path: resolve(loaded.directory, root.store.path),
      clock: SYSTEM_CLOCK,
      isWatching: true,
      onTrouble: (message, error) => tools.log.error(message, { error }),
    };
    return new GatewayKills(await openStore(options, tools), tools);
  }

  /** The operator's pages; `configuration` is the one that serves at the time of asking. */
  pages(configuration: () => Configuration): KillPages {
    return killPages({
      store: () => this.store,
      warningsAbout: (draft) => scopeWarnings(draft, configuration()),
      nowMs: () => SYSTEM_CLOCK.nowMs(),
    });
  }

  async close(): Promise<void> {
    this.#stopTelling();
    await this.store.close();
  }
}
