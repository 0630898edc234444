/**
 * One running gateway: everything that outlives a configuration (stores, counters, log, listeners) and the configuration
 * that serves now. It must never serve half of a configuration: a new one is built whole, then taken, or left.
 */
import { dirname, resolve } from "node:path";
import { constitutionPages } from "../admin/constitution-pages.ts";
import { ledgerPages } from "../admin/ledger-pages.ts";
import type { OperatorListener } from "../admin/operator-listener.ts";
import { CidrSet } from "../config/cidr.ts";
import { renderDiagnostics } from "../config/diagnostic.ts";
import { watchFiles, type FileWatch } from "../config/watch.ts";
import {
  readConfiguration,
  type Configuration,
  type ConfigurationSource,
} from "../gateway/configuration.ts";
import { GatewayConstitution } from "../gateway/constitution/gateway-constitution.ts";
import { Gateway } from "../gateway/gateway.ts";
import { GatewayLedger } from "../gateway/journal/gateway-ledger.ts";
import {
  prepareGeneration,
  type PreparedGeneration,
  type PrepareTools,
} from "../gateway/prepare.ts";
import { watchSources } from "../gateway/source-metrics.ts";
import { SYSTEM_CLOCK } from "../pipeline/stage.ts";
import { readListener } from "../server/listener-files.ts";
import type { BoundListener } from "../server/listener.ts";
import {
  createServer,
  type Drained,
  type Server,
  type ServerConfiguration,
} from "../server/server.ts";
import { SourceMemory } from "../stages/sources/source-memory.ts";
import type { LimitStore } from "../stores/limits/limit-store.ts";
import { METRICS_CONTENT_TYPE } from "../telemetry/metric-registry.ts";
import {
  tellBreakGlassEvent,
  tellPackEvent,
  type ConstitutionHearers,
} from "./constitution-events.ts";
import { changedFixedSettings } from "./fixed-settings.ts";
import { logLedgerEvent, logOutwardTrouble, watchLedger } from "./ledger-events.ts";
import { Observation, VERSION } from "./observation.ts";
import { openOperator, type OpenOperator } from "./operator.ts";
import { GatewayStores } from "./stores/gateway-stores.ts";

/** The configuration cannot be served; the message is the rendered diagnostics. */
export class ConfigurationRefused extends Error {
  override readonly name = "ConfigurationRefused";
}

export interface Portcullis {
  readonly listeners: readonly BoundListener[];
  readonly operator: { readonly host: string; readonly port: number };
  /** Of the configuration that serves. */
  readonly digest: string | undefined;
  /** Reads the configuration again; false when it was refused and the old one still serves. Never rejects. */
  reload(): Promise<boolean>;
  /** Readiness flips, running requests finish, the rest is cut at the deadline; then everything is closed. */
  drain(): Promise<Drained>;
  /** Stops at once. */
  close(): Promise<void>;
}

/** What another process does for this gateway. Default: nothing, it is alone. */
export interface Placement {
  /** Read from the source a moment ago. Default: it is read. */
  readonly configuration?: Configuration;
  /** Number of this worker, from 1. */
  readonly worker?: number;
  /** Counts for all workers, in place of a store of its own. */
  readonly limitStore?: LimitStore;
  /** A worker's part of each configuration. */
  readonly adapt?: (configuration: Configuration) => Configuration;
  readonly openOperator?: OpenOperator;
}

/** Starts a gateway; rejects with `ConfigurationRefused`, or with what to do when an address is taken. */
export async function startPortcullis(
  source: ConfigurationSource,
  placement: Placement = {},
): Promise<Portcullis> {
  const read = placement.configuration ?? (await readOrRefuse(source));
  const configuration = placement.adapt?.(read) ?? read;
  const running = new RunningPortcullis(source, configuration, placement);
  try {
    await running.start();
    return running;
  } catch (error) {
    await running.close();
    throw error;
  }
}

export async function readOrRefuse(source: ConfigurationSource): Promise<Configuration> {
  const configuration = await readConfiguration(source);
  if (!configuration.ok)
    throw new ConfigurationRefused(renderDiagnostics(configuration.diagnostics));
  return configuration;
}

class RunningPortcullis implements Portcullis {
  readonly #source: ConfigurationSource;
  readonly #placement: Placement;
  readonly #sources = new SourceMemory();
  readonly #constitution = new GatewayConstitution({
    nowMs: () => SYSTEM_CLOCK.nowMs(),
    onPackEvent: (event) => tellPackEvent(this.#hearers, event),
    onBreakGlassEvent: (event) => tellBreakGlassEvent(this.#hearers, event),
  });
  #configuration: Configuration;
  #observation: Observation | undefined;
  #generation: PreparedGeneration | undefined;
  #gateway: Gateway | undefined;
  #server: Server | undefined;
  #operator: OperatorListener | undefined;
  #stores: GatewayStores | undefined;
  #ledger: GatewayLedger | undefined;
  #stopTroubleLog: (() => void) | undefined;
  #watch: FileWatch | undefined;
  #reloading: Promise<boolean> = Promise.resolve(true);
  #isDraining = false;
  listeners: readonly BoundListener[] = [];

  constructor(source: ConfigurationSource, configuration: Configuration, placement: Placement) {
    this.#source = source;
    this.#configuration = configuration;
    this.#placement = placement;
  }

  get digest(): string | undefined {
    return this.#generation?.digest;
  }

  get operator(): { host: string; port: number } {
    if (!this.#operator) throw new Error("not started");
    return this.#operator;
  }

  async start(): Promise<void> {
    const configuration = this.#configuration;
    const observation = await Observation.open(configuration, this.#placement.worker);
    this.#observation = observation;
    const { log, metrics, recorder } = observation;
    for (const warning of configuration.warnings)
      log.warn(warning.message, { where: warning.where });
    this.#ledger = await this.#openLedger(configuration);
    this.#stores = await GatewayStores.open(configuration, {
      log,
      metrics,
      ledger: this.#isRecorder ? this.#ledger : undefined,
      machineLimits: this.#placement.limitStore,
    });
    this.#generation = await this.#prepare(configuration);
    await this.#constitution.take();
    this.#watchConstitution();
    const ledger = this.#ledger;
    ledger?.reloaded({ result: "taken", trigger: "start", config: this.#generation.digest });
    this.#gateway = new Gateway(this.#generation, {
      recorder,
      clock: SYSTEM_CLOCK,
      journalFor: ledger && ((digest) => ledger.journalFor(digest)),
      onMalformed: (report) => recorder.malformed(report),
      onInFlight: (change) => (change > 0 ? recorder.inFlight.start() : recorder.inFlight.stop()),
    });
    if (ledger) {
      watchLedger(metrics, ledger);
      this.#stopTroubleLog = logOutwardTrouble(log, ledger);
    }
    watchSources(metrics, this.#sources, SYSTEM_CLOCK);
    metrics.watch("upstreamInFlight", () => this.#upstreamReadings(({ inFlight }) => inFlight));
    metrics.watch("upstreamQueued", () => this.#upstreamReadings(({ waiting }) => waiting));
    this.#server = createServer({
      ...(await serverConfiguration(configuration)),
      handler: this.#gateway,
      observer: observation.serverObserver,
      sampleTrace: observation.sampleTrace,
    });
    this.#operator = await this.#startOperator(configuration);
    this.listeners = await this.#server.start();
    for (const { name, host, port } of this.listeners)
      log.info("listening", { listener: name, address: host, port });
    const { host: address, port } = this.#operator;
    if (!this.#placement.openOperator)
      log.info("listening", { listener: "operator", address, port });
    this.#watch = watchFiles({
      files: configuration.files,
      onChange: async (changed) => {
        log.info("files changed", { files: changed });
        await this.reload();
      },
      onError: (error) => log.error("watching files failed", { error }),
    });
  }

  reload(): Promise<boolean> {
    this.#reloading = this.#reloading
      .then(() => this.#reloadOnce())
      // A bug in one reload must end neither the process nor every reload after it.
      .catch((error: unknown) => this.#keepOld(error));
    return this.#reloading;
  }

  async drain(): Promise<Drained> {
    this.#isDraining = true;
    this.#observation?.log.info("draining");
    this.#watch?.close();
    await this.#reloading;
    const drained = (await this.#server?.drain(
      this.#configuration.root.server.limits.drainDeadline,
    )) ?? {
      cutConnections: 0,
    };
    this.#observation?.log.info("drained", { cut_connections: drained.cutConnections });
    await this.close();
    return drained;
  }

  async close(): Promise<void> {
    this.#isDraining = true;
    this.#watch?.close();
    await this.#reloading;
    await this.#server?.close();
    await this.#operator?.close();
    await this.#generation?.close();
    // Before the ledger: what ends here is on record.
    await this.#constitution.close();
    this.#stopTroubleLog?.();
    await this.#ledger?.close();
    await this.#stores?.close();
    await this.#observation?.close();
  }

  async #reloadOnce(): Promise<boolean> {
    const { log, metrics } = this.#observation as Observation;
    if (this.#isDraining) return false;
    const read = await readConfiguration(this.#source);
    this.#watch?.setFiles(read.files);
    if (!read.ok) {
      log.error("the new configuration was refused; the old one still serves", {
        diagnostics: renderDiagnostics(read.diagnostics),
      });
      return this.#countRefusal();
    }
    const configuration = this.#placement.adapt?.(read) ?? read;
    let next: PreparedGeneration | undefined;
    try {
      next = await this.#prepare(configuration);
      this.listeners = (await this.#server?.reload(await serverConfiguration(configuration))) ?? [];
    } catch (error) {
      await next?.close();
      await this.#constitution.leave();
      return this.#keepOld(error);
    }
    const previous = this.#generation?.digest;
    this.#gateway?.swap(next);
    await this.#constitution.take();
    this.#watchConstitution();
    this.#ledger?.useSecretsOf(configuration);
    this.#ledger?.reloaded({ result: "taken", trigger: "reload", config: next.digest, previous });
    this.#generation = next;
    for (const setting of changedFixedSettings(this.#configuration.root, configuration.root))
      log.warn("a changed setting takes effect at the next start", { setting });
    this.#configuration = configuration;
    log.setLevel(configuration.root.telemetry.log.level);
    metrics.configReloaded("success");
    log.info("configuration taken", { files: [...configuration.files.keys()] });
    return true;
  }

  #keepOld(error: unknown): false {
    this.#observation?.log.error(
      "the new configuration could not be taken; the old one still serves",
      { error },
    );
    return this.#countRefusal();
  }

  #countRefusal(): false {
    this.#observation?.metrics.configReloaded("failure");
    const config = this.#generation?.digest;
    if (config) this.#ledger?.reloaded({ result: "refused", trigger: "reload", config });
    return false;
  }

  #openLedger(configuration: Configuration): Promise<GatewayLedger | undefined> {
    const { log } = this.#observation as Observation;
    return GatewayLedger.open(configuration, {
      version: VERSION,
      onEvent: (event) => logLedgerEvent(log, event),
      onError: (message, error) => log.error(message, { error }),
    });
  }

  async #prepare(configuration: Configuration): Promise<PreparedGeneration> {
    const { log } = this.#observation as Observation;
    const stores = this.#stores as GatewayStores;
    const tools: PrepareTools = {
      clock: SYSTEM_CLOCK,
      limitStore: stores.limits,
      sources: this.#sources,
      keys: await stores.keys(configuration),
      killSwitches: stores.kills.store,
      activePolicies: () => this.#constitution.activePolicies,
      governing: await this.#constitution.prepare(configuration),
      notice: ({ issuer, kind, detail }) =>
        kind === "keys_loaded"
          ? log.info(kind, { issuer, detail })
          : log.warn(kind, { issuer, detail }),
      onRuleWarning: (warning) => log.warn("a rule of the firewall has no effect", { warning }),
      previous: this.#generation,
    };
    return prepareGeneration(configuration, tools);
  }

  /** Who is told what happens to the constitution. */
  get #hearers(): ConstitutionHearers {
    return { log: this.#observation?.log, ledger: this.#ledger };
  }

  /** The constitution's metrics are there from the first configuration on that has one. */
  #watchConstitution(): void {
    if (this.#constitution.constitution === undefined) return;
    this.#observation?.metrics.governed({
      isPanic: () => this.#constitution.breakGlass?.isActive() ?? false,
      nowMs: () => SYSTEM_CLOCK.nowMs(),
    });
  }

  /** What happened to keys and kill switches is on record once, not once in the ledger of each worker. */
  get #isRecorder(): boolean {
    return (this.#placement.worker ?? 1) === 1;
  }

  #startOperator(configuration: Configuration): Promise<OperatorListener> {
    const { metrics } = this.#observation as Observation;
    const open = this.#placement.openOperator ?? openOperator;
    return open(configuration, {
      notReady: () => this.#notReady(),
      degraded: () => this.#stores?.degraded ?? [],
      ...(this.#ledger && { ledger: ledgerPages(this.#ledger) }),
      pages: [
        constitutionPages(this.#constitution),
        ...(this.#stores ? [this.#stores.kills.pages(() => this.#configuration)] : []),
      ],
      metrics: () => Promise.resolve({ contentType: METRICS_CONTENT_TYPE, text: metrics.expose() }),
    });
  }

  #notReady(): string[] {
    const reasons = this.#isDraining ? ["draining"] : [];
    if (this.#ledger?.isRefusing) reasons.push("ledger");
    if (this.#constitution.isExpired) reasons.push("constitution");
    if (this.#stores?.kills.store.isBlind) reasons.push("kill-switches");
    return reasons;
  }

  #upstreamReadings(
    pick: (snapshot: ReturnType<PreparedGeneration["upstreams"]["snapshot"]>[number]) => number,
  ): (readonly [readonly string[], number])[] {
    return (this.#generation?.upstreams.snapshot() ?? []).map(
      (upstream) => [[upstream.name], pick(upstream)] as const,
    );
  }
}

async function serverConfiguration({ root, reader }: Configuration): Promise<ServerConfiguration> {
  return {
    listeners: await Promise.all(
      root.listeners.map((listener) =>
        readListener(listener, (reference) => reader.readFile(reference)),
      ),
    ),
    limits: root.server.limits,
    trustedProxies: new CidrSet(root.trustedProxies),
  };
}

/** Where relative paths of a configuration file begin. */
export const directoryOf = (path: string): string => dirname(resolve(path));
