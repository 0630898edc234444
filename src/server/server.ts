/**
 * All listeners of one gateway as one thing that starts, reloads, drains and stops. A reload builds everything new
 * before it changes anything: a bad configuration leaves the old one serving.
 */
import type { Handler } from "../pipeline/exchange.ts";
import type { ServerLimits } from "./config.ts";
import { ConnectionTable } from "./connection.ts";
import type { TrustedProxies } from "./forwarded.ts";
import { Gate, type SampleTrace, type ServerObserver } from "./gate.ts";
import { Listener, type BoundListener, type ListenerSettings } from "./listener.ts";

export interface ServerConfiguration {
  readonly listeners: readonly ListenerSettings[];
  readonly limits: ServerLimits;
  readonly trustedProxies: TrustedProxies;
}

export interface ServerOptions extends ServerConfiguration {
  readonly handler: Handler;
  readonly observer?: ServerObserver;
  /** Default: no trace that begins here is recorded. */
  readonly sampleTrace?: SampleTrace;
}

/** How a drain ended. */
export interface Drained {
  /** Connections that had to be cut at the deadline. */
  readonly cutConnections: number;
}

export interface ServerState {
  readonly connections: number;
  /** Requests that the handler has not settled. */
  readonly running: number;
  readonly isDraining: boolean;
}

export interface Server {
  /** Listens everywhere, or nowhere: rejects, with what to do about it, when one address cannot be had. */
  start(): Promise<readonly BoundListener[]>;
  /** Requests from now on go to the new handler; running ones end with the old. */
  swapHandler(handler: Handler): void;
  /**
   * Takes over listeners, certificates, limits and proxies. Rejects, with everything as it was, when a certificate
   * cannot be used or a new address cannot be had. Listeners that stay keep every connection.
   */
  reload(next: ServerConfiguration): Promise<readonly BoundListener[]>;
  /** Accepts no more, lets what runs finish, closes every connection after its answer; cuts the rest at the deadline. */
  drain(deadlineMs: number): Promise<Drained>;
  /** Stops at once. */
  close(): Promise<void>;
  state(): ServerState;
}

/** While draining, a kept-alive connection this long without a request is ended: its caller is not about to send one. */
const DRAIN_IDLE_MS = 1_000;
const DRAIN_CHECK_MS = 25;

export function createServer(options: ServerOptions): Server {
  return new ListeningServer(options);
}

class ListeningServer implements Server {
  readonly #gate: Gate;
  readonly #table = new ConnectionTable();
  #configuration: ServerConfiguration;
  #listeners: Listener[] = [];
  /** Listeners that a reload took away, while they still have connections. */
  readonly #leaving = new Set<Listener>();

  constructor({
    handler,
    observer = {},
    sampleTrace = () => false,
    ...configuration
  }: ServerOptions) {
    const { trustedProxies } = configuration;
    this.#gate = new Gate({ handler, trustedProxies, observer, sampleTrace });
    this.#configuration = configuration;
  }

  async start(): Promise<readonly BoundListener[]> {
    const { listeners, limits } = this.#configuration;
    this.#listeners = listeners.map((settings) => this.#listener(settings, limits));
    await listenAll(this.#listeners);
    this.#table.startSweeping();
    return this.#listeners.map(({ bound }) => bound);
  }

  swapHandler(handler: Handler): void {
    this.#gate.handler = handler;
  }

  async reload(next: ServerConfiguration): Promise<readonly BoundListener[]> {
    if (this.#gate.isDraining) throw new Error("the server is shutting down");
    const byAddress = new Map(
      this.#listeners.map((listener) => [addressOf(listener.settings), listener]),
    );
    const commits: (() => void)[] = [];
    const added: Listener[] = [];
    const listeners = next.listeners.map((settings) => {
      const kept = byAddress.get(addressOf(settings));
      if (kept) {
        byAddress.delete(addressOf(settings));
        commits.push(kept.prepare(settings, next.limits));
        return kept;
      }
      const listener = this.#listener(settings, next.limits);
      added.push(listener);
      return listener;
    });
    await listenAll(added);
    // Nothing can fail from here on.
    for (const commit of commits) commit();
    this.#configuration = next;
    this.#gate.trustedProxies = next.trustedProxies;
    this.#listeners = listeners;
    for (const listener of byAddress.values()) this.#dismiss(listener);
    return listeners.map(({ bound }) => bound);
  }

  async drain(deadlineMs: number): Promise<Drained> {
    const endsMs = performance.now() + deadlineMs;
    this.#gate.isDraining = true;
    const all = [...this.#listeners, ...this.#leaving];
    for (const listener of all) {
      listener.stopAccepting();
      listener.retireConnections();
    }
    const idleMs = Math.min(DRAIN_IDLE_MS, deadlineMs);
    while (performance.now() < endsMs) {
      let left = 0;
      for (const listener of all) left += listener.endIdle(idleMs);
      if (left === 0) break;
      await pause(DRAIN_CHECK_MS);
    }
    const cutConnections = this.#table.size;
    await this.close();
    return { cutConnections };
  }

  async close(): Promise<void> {
    this.#gate.isDraining = true;
    const all = [...this.#listeners, ...this.#leaving];
    for (const listener of all) {
      listener.stopAccepting();
      listener.destroyConnections();
    }
    // Sockets close in the next turns of the event loop.
    for (let i = 0; i < 100 && this.#table.size > 0; i++) await pause(10);
    for (const listener of all) listener.close();
    this.#table.stopSweeping();
  }

  state(): ServerState {
    return {
      connections: this.#table.size,
      running: this.#gate.running,
      isDraining: this.#gate.isDraining,
    };
  }

  #listener(settings: ListenerSettings, limits: ServerLimits): Listener {
    return new Listener(this.#gate, this.#table, { settings, limits });
  }

  /** A listener that the configuration no longer has: its connections end in good order, in their own time. */
  #dismiss(listener: Listener): void {
    this.#leaving.add(listener);
    listener.stopAccepting();
    listener.retireConnections();
    const endsMs = performance.now() + this.#configuration.limits.drainDeadline;
    const timer = setInterval(() => {
      if (performance.now() >= endsMs) listener.destroyConnections();
      if (listener.endIdle(DRAIN_IDLE_MS) > 0) return;
      clearInterval(timer);
      listener.close();
      this.#leaving.delete(listener);
    }, DRAIN_IDLE_MS / 4).unref();
  }
}

/** All or none. */
async function listenAll(listeners: readonly Listener[]): Promise<void> {
  const results = await Promise.allSettled(listeners.map((listener) => listener.listen()));
  const failed = results.filter((result) => result.status === "rejected");
  if (failed.length === 0) return;
  for (const listener of listeners) listener.close();
  throw new Error(failed.map(({ reason }) => (reason as Error).message).join("\n"));
}

/** What a listener is known by across reloads. Free ports are all called 0: there the name tells them apart. */
const addressOf = ({ host, port, name }: ListenerSettings): string =>
  port === 0 ? `${host} ${name}` : `${host} ${port}`;

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
