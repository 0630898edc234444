/**
 * One connection of a caller and the table of all of them. Holds what is the same for every request of a connection,
 * so that nothing of it is computed twice, and ends connections that are too old, too busy, or stuck.
 */
import type { Socket } from "node:net";
import type { CanonicalUrl, Peer } from "../pipeline/request-context.ts";
import type { ServerLimits } from "./config.ts";
import type { Gate } from "./gate.ts";

/** Where a socket or an HTTP/2 session keeps its connection. */
export const CONNECTION: unique symbol = Symbol("portcullis.connection");

/** What the protocol does for the connection it carries. */
export interface Protocol {
  /** Looks after bodies that arrive too slowly. */
  sweep(nowMs: number): void;
  /** Takes no more requests than are already on their way, then ends. */
  retire(): void;
  /** Whether no request is being handled or answered. */
  readonly isIdle: boolean;
}

export interface ConnectionOptions {
  readonly gate: Gate;
  readonly limits: ServerLimits;
  readonly listener: string;
  readonly socket: Socket;
  readonly peer: Peer;
}

/** The share of the age limit over which ends are spread, so that connections made together do not end together. */
const AGE_JITTER = 0.1;
/** A connection that did not end in good order by this multiple of its age is cut. */
const AGE_OVERRUN = 2;

export class Connection {
  readonly gate: Gate;
  readonly limits: ServerLimits;
  readonly listener: string;
  /** Whether TLS protects this connection. */
  readonly isSecure: boolean;
  peer: Peer;
  /** The socket that HTTP runs on: the TLS socket once there is one. */
  socket: Socket;
  protocol: Protocol | undefined = undefined;
  /** No request that arrives after this became true is handled. */
  isEnding = false;
  /** Answers from now on close the connection. */
  isRetired = false;
  /** When the last request was taken, for closing idle connections; monotonic. */
  lastActiveMs: number;
  // Callers ask for the same host and path again and again: the last ones are kept, already judged.
  lastHost: string | undefined = undefined;
  lastTarget = "";
  lastUrl: CanonicalUrl | undefined = undefined;
  readonly #openedMs: number;
  readonly #endsMs: number;
  #requests = 0;

  constructor(options: ConnectionOptions, isSecure: boolean) {
    this.gate = options.gate;
    this.limits = options.limits;
    this.listener = options.listener;
    this.socket = options.socket;
    this.peer = options.peer;
    this.isSecure = isSecure;
    this.#openedMs = performance.now();
    this.lastActiveMs = this.#openedMs;
    this.#endsMs = this.#openedMs + options.limits.connectionAge * (1 - AGE_JITTER * Math.random());
  }

  /** Counts a request in. */
  countRequest(nowMs: number): void {
    this.#requests++;
    this.lastActiveMs = nowMs;
    if (nowMs >= this.#endsMs || this.#requests >= this.limits.requestsPerConnection)
      this.isRetired = true;
  }

  /** Whether the next answer closes the connection. */
  get mustClose(): boolean {
    return this.isRetired || this.isEnding || this.gate.isDraining;
  }

  /** Called every second or so; nothing here runs per request. */
  sweep(nowMs: number): void {
    this.protocol?.sweep(nowMs);
    if (nowMs >= this.#openedMs + this.limits.connectionAge * AGE_OVERRUN) this.socket.destroy();
    else if (nowMs >= this.#endsMs && !this.isRetired) {
      this.isRetired = true;
      this.protocol?.retire();
    }
  }

  /** Ends the connection in good order if it has been without a request for so long. */
  endIfIdle(nowMs: number, idleMs: number): void {
    if (nowMs - this.lastActiveMs < idleMs || this.protocol?.isIdle === false) return;
    this.isEnding = true;
    this.socket.destroySoon();
  }
}

/** Everyone who is connected, and the limits on that. */
export class ConnectionTable {
  readonly #connections = new Set<Connection>();
  readonly #perAddress = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  /** Milliseconds between two looks at all connections: how late a slow body may be noticed. */
  static readonly SWEEP_MS = 1_000;

  get size(): number {
    return this.#connections.size;
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#connections[Symbol.iterator]();
  }

  /** Which limit one more connection from this address would break. */
  refusalOf(
    address: string,
    limits: ServerLimits,
  ): "connections" | "connections_per_address" | undefined {
    if (this.#connections.size >= limits.connections) return "connections";
    const held = this.#perAddress.get(addressGroup(address)) ?? 0;
    return held >= limits.connectionsPerAddress ? "connections_per_address" : undefined;
  }

  add(connection: Connection, raw: Socket): void {
    const group = addressGroup(connection.peer.address);
    this.#connections.add(connection);
    this.#perAddress.set(group, (this.#perAddress.get(group) ?? 0) + 1);
    connection.gate.observer.connectionOpened?.(connection.listener);
    raw.once("close", () => {
      this.#connections.delete(connection);
      const left = (this.#perAddress.get(group) ?? 1) - 1;
      if (left <= 0) this.#perAddress.delete(group);
      else this.#perAddress.set(group, left);
      connection.gate.observer.connectionClosed?.(connection.listener);
    });
  }

  startSweeping(): void {
    this.#timer ??= setInterval(() => {
      const nowMs = performance.now();
      for (const connection of this.#connections) connection.sweep(nowMs);
    }, ConnectionTable.SWEEP_MS).unref();
  }

  stopSweeping(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** Whoever has one IPv6 address has the whole /64 it lies in (RFC 6177): it counts as one. */
export function addressGroup(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail === undefined) return groups.slice(0, 4).join(":");
  const after = tail === "" ? [] : tail.split(":");
  const gap = Array.from({ length: 8 - groups.length - after.length }, () => "0");
  return [...groups, ...gap, ...after].slice(0, 4).join(":");
}
