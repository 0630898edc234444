/**
 * Where `portcullis kill` acts: on the store, as a gateway does, or through a running gateway's operator address. Both
 * give the same answers.
 */
import { resolve } from "node:path";
import { killView, type KillView } from "../../admin/kill-pages.ts";
import { renderDiagnostics } from "../../config/diagnostic.ts";
import { readConfiguration, type Configuration } from "../../gateway/configuration.ts";
import { toRedisSettings, type RedisStoreSettings } from "../../gateway/store-settings.ts";
import { SYSTEM_CLOCK } from "../../pipeline/stage.ts";
import { openEmbeddedKillSwitches } from "../../stores/kill/embedded-kill-switches.ts";
import { KillRequestRefused } from "../../stores/kill/kill-draft.ts";
import type { KillDraft, KillSwitchStore } from "../../stores/kill/kill-switch-store.ts";
import { openRedisKillSwitches } from "../../stores/kill/redis-kill-switches.ts";
import { callOperator, plain, type OperatorReply } from "../pack/operator-call.ts";
import { sourceOf } from "../source.ts";
import type { KillOptions } from "./kill-options.ts";
import { scopeWarnings } from "./scope-warnings.ts";

/** The request was understood and is refused; the text is for the operator. */
export class KillRefused extends Error {
  override readonly name = "KillRefused";
}

export interface KillTarget {
  on(draft: KillDraft): Promise<{ readonly view: KillView; readonly warnings: readonly string[] }>;
  /** Throws `KillRefused` when there is no such switch. */
  off(id: string, by: string): Promise<void>;
  list(): Promise<readonly KillView[]>;
  /** What an operator has to know of the store besides; undefined when all is well. */
  trouble(): Promise<string | undefined>;
  close(): Promise<void>;
}

export async function openKillTarget(options: KillOptions): Promise<KillTarget> {
  if (options.operator !== undefined) return operatorTarget(options.operator);
  if (options.store !== undefined) return storeTarget({ store: openFile(resolve(options.store)) });
  const configuration = await readConfiguration(sourceOf(options));
  if (!configuration.ok)
    throw new Error(renderDiagnostics(configuration.diagnostics, { color: process.stderr.isTTY }));
  const { root, loaded } = configuration;
  const opened =
    root.store.kind === "redis"
      ? await openShared(configuration, root.store)
      : { store: openFile(resolve(loaded.directory, root.store.path)) };
  return storeTarget({ ...opened, configuration });
}

interface OpenedStore {
  readonly store: KillSwitchStore;
  /** Whether the other machines know all that this one knows; asked after the work is done. */
  readonly isShared?: () => Promise<boolean>;
  readonly closeLink?: () => Promise<void>;
}

const openFile = (path: string): KillSwitchStore =>
  openEmbeddedKillSwitches({ path, clock: SYSTEM_CLOCK, isWatching: false });

/** The machine's file, and the Redis that carries its switches to all replicas. */
async function openShared(
  { loaded, reader }: Configuration,
  settings: RedisStoreSettings,
): Promise<OpenedStore> {
  const redis = await toRedisSettings(settings, reader);
  // Loaded here and not before: who has no Redis does not pay for it.
  const { openRedisLink } = await import("../../stores/redis/open-redis-link.ts");
  const link = await openRedisLink(redis);
  const closeLink = (): Promise<void> => link.close();
  try {
    const store = await openRedisKillSwitches({
      path: resolve(loaded.directory, settings.path),
      clock: SYSTEM_CLOCK,
      isWatching: false,
      link,
      prefix: `{${redis.prefix}}:`,
      onTrouble: (message) => console.error(`warning: ${message}`),
    });
    return { store, isShared: () => store.synchronise(), closeLink };
  } catch (error) {
    await closeLink();
    throw error;
  }
}

function toKillRefused(error: unknown): never {
  if (error instanceof KillRequestRefused) throw new KillRefused(error.message);
  throw error;
}

function storeTarget({
  store,
  isShared,
  closeLink,
  configuration,
}: OpenedStore & { readonly configuration?: Configuration }): KillTarget {
  return {
    async on(draft) {
      const killSwitch = await store.on(draft).catch(toKillRefused);
      const warnings = configuration ? scopeWarnings(killSwitch, configuration) : [];
      return { view: killView(killSwitch), warnings };
    },
    async off(id, by) {
      if (!(await store.off(id, by).catch(toKillRefused)))
        throw new KillRefused(`there is no kill switch ${JSON.stringify(id)} that is on`);
    },
    list: () => Promise.resolve(store.active.map(killView)),
    async trouble() {
      if (isShared === undefined || (await isShared())) return undefined;
      return "Redis does not answer: this is what this machine knows, and the others do not know of it yet. A gateway here tells them when it is back.";
    },
    async close() {
      await store.close();
      await closeLink?.();
    },
  };
}

function operatorTarget(operator: string): KillTarget {
  const ask = async (...call: ["GET" | "POST", string, object?]): Promise<OperatorReply> => {
    const reply = await callOperator(operator, ...call);
    if (reply.status === 200) return reply;
    // The listener's own refusals have no code.
    const { code, message, error = `it answers ${reply.status}` } = reply.members;
    const text = code === undefined ? plain(error) : `${plain(code)}: ${plain(message)}`;
    if (reply.status === 503) throw new Error(text);
    throw new KillRefused(text);
  };
  return {
    async on({ scope, reason, author, expiresAtMs, routeTo }) {
      const { members } = await ask("POST", "/kill", {
        ...scope,
        reason,
        by: author,
        until: expiresAtMs === undefined ? undefined : new Date(expiresAtMs).toISOString(),
        route_to: routeTo,
      });
      return {
        view: members["switch"] as KillView,
        warnings: members["warnings"] as readonly string[],
      };
    },
    async off(id, by) {
      await ask("POST", "/kill/off", { id, by });
    },
    async list() {
      return (await ask("GET", "/kill")).members["switches"] as readonly KillView[];
    },
    trouble: () => Promise.resolve(undefined),
    close: () => Promise.resolve(),
  };
}
