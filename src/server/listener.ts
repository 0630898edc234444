/**
 * One address that callers connect to. It accepts or refuses connections and hands them to TLS, HTTP/1.1 or HTTP/2; all
 * three can be replaced while it listens, so that a reload never closes the door.
 */
import { createServer, type AddressInfo, type Server as NetServer, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { rejection } from "../pipeline/rejection.ts";
import type { ServerLimits } from "./config.ts";
import { Connection, type ConnectionTable } from "./connection.ts";
import type { ConnectionRefusal, Gate } from "./gate.ts";
import { Http1Engine } from "./http1-engine.ts";
import { Http2Engine } from "./http2-engine.ts";
import { answerMalformed } from "./malformed-answer.ts";
import { addressOfSocket, peerOfSocket, peerOfTls } from "./peer.ts";
import { TlsHandshakes, type TlsMaterial } from "./tls-handshakes.ts";

/** A listener as the server needs it: files read, names resolved. */
export interface ListenerSettings {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly tls?: TlsMaterial | undefined;
}

/** Where a listener turned out to listen. */
export interface BoundListener {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly isSecure: boolean;
}

/** TCP itself looks for dead peers after this much silence. */
const KEEP_ALIVE_PROBE_MS = 60_000;
/** Connections the kernel keeps until they are accepted; a restart under load fills a smaller queue at once. */
const BACKLOG_CONNECTIONS = 1_024;

/** What new connections of a listener are handed to; replaced as a whole, ended when its last connection is gone. */
interface Engines {
  readonly settings: ListenerSettings;
  readonly limits: ServerLimits;
  readonly http1: Http1Engine;
  readonly http2: Http2Engine;
  readonly tls: TlsHandshakes<Connection> | undefined;
  readonly connections: Set<Connection>;
  isReplaced: boolean;
}

export class Listener {
  readonly #gate: Gate;
  readonly #table: ConnectionTable;
  readonly #acceptor: NetServer;
  #engines: Engines;
  /** Engines that a reload replaced, while they still have connections. */
  readonly #replaced = new Set<Engines>();

  /** Throws when a certificate cannot be used. */
  constructor(gate: Gate, table: ConnectionTable, first: Pick<Engines, "settings" | "limits">) {
    this.#gate = gate;
    this.#table = table;
    this.#engines = this.#build(first.settings, first.limits);
    this.#acceptor = createServer(
      {
        // Half-open sockets are the parser's business: it knows whether a message was cut.
        allowHalfOpen: true,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS,
      },
      (socket) => this.#accept(socket),
    );
  }

  get settings(): ListenerSettings {
    return this.#engines.settings;
  }

  /** Where it listens; known once `listen` has resolved. */
  get bound(): BoundListener {
    const { name, host, tls } = this.settings;
    const { port } = this.#acceptor.address() as AddressInfo;
    return { name, host, port, isSecure: tls !== undefined };
  }

  /** Rejects with a message for the operator when the address cannot be had. */
  listen(): Promise<BoundListener> {
    const { host, port } = this.settings;
    return new Promise((resolve, reject) => {
      this.#acceptor.once("error", (error: NodeJS.ErrnoException) =>
        reject(new Error(explainBindError(error, this.settings), { cause: error })),
      );
      this.#acceptor.listen({ host, port, backlog: BACKLOG_CONNECTIONS }, () => {
        this.#acceptor.removeAllListeners("error");
        // Out of file descriptors, for example: callers wait in the queue, and the gateway lives.
        this.#acceptor.on("error", () =>
          this.#gate.observer.connectionRefused?.(this.settings.name, "accept"),
        );
        resolve(this.bound);
      });
    });
  }

  /** Makes ready what the returned function puts in place; throws when a certificate cannot be used. */
  prepare(settings: ListenerSettings, limits: ServerLimits): () => void {
    const next = this.#build(settings, limits);
    return () => {
      const previous = this.#engines;
      this.#engines = next;
      previous.isReplaced = true;
      this.#replaced.add(previous);
      // Callers that shook hands under the old certificates come back under the new ones.
      if (!isSameTls(previous.settings.tls, settings.tls)) this.retireConnections();
      if (previous.connections.size === 0) this.#end(previous);
    };
  }

  /** Takes no new connections; those there are stay. */
  stopAccepting(): void {
    if (this.#acceptor.listening) this.#acceptor.close();
  }

  /** Asks every connection to end in good order. */
  retireConnections(): void {
    for (const { connections } of this.#everyEngines()) retireAll(connections);
  }

  /** Ends connections that have been without a request for so long; gives how many are left. */
  endIdle(idleMs: number): number {
    const nowMs = performance.now();
    let left = 0;
    for (const { connections } of this.#everyEngines()) {
      for (const connection of connections) connection.endIfIdle(nowMs, idleMs);
      left += connections.size;
    }
    return left;
  }

  destroyConnections(): void {
    for (const { connections } of this.#everyEngines()) {
      for (const connection of connections) connection.socket.destroy();
    }
  }

  /** Frees timers. Called when no connection is left. */
  close(): void {
    this.stopAccepting();
    for (const { http1 } of this.#everyEngines()) http1.close();
  }

  #build(settings: ListenerSettings, limits: ServerLimits): Engines {
    const http1 = new Http1Engine(limits);
    const http2 = new Http2Engine(limits);
    const tls =
      settings.tls &&
      new TlsHandshakes<Connection>(settings.tls, limits.handshakeTimeout, {
        secured: (socket, connection) => secured(socket, connection, { http1, http2 }),
        failed: () => this.#gate.observer.connectionRefused?.(settings.name, "handshake"),
      });
    return { settings, limits, http1, http2, tls, connections: new Set(), isReplaced: false };
  }

  #accept(socket: Socket): void {
    const engines = this.#engines;
    const { settings, limits, http1, tls } = engines;
    const address = addressOfSocket(socket);
    // The socket was reset between the kernel's queue and here.
    if (address === "") return void socket.destroy();
    const refusal = this.#table.refusalOf(address, limits);
    if (refusal !== undefined) return this.#refuse(socket, address, refusal);
    const peer = peerOfSocket(socket);
    const options = { gate: this.#gate, limits, listener: settings.name, socket, peer };
    const connection = new Connection(options, tls !== undefined);
    engines.connections.add(connection);
    this.#table.add(connection, socket);
    socket.once("close", () => this.#forget(connection, engines));
    if (tls === undefined) http1.accept(socket, connection);
    else tls.accept(socket, connection);
  }

  #forget(connection: Connection, engines: Engines): void {
    engines.connections.delete(connection);
    if (engines.isReplaced && engines.connections.size === 0) this.#end(engines);
  }

  /** Replaced engines whose last connection is gone: Node's timer of each would otherwise run for ever. */
  #end(engines: Engines): void {
    this.#replaced.delete(engines);
    engines.http1.close();
  }

  #everyEngines(): readonly Engines[] {
    return [this.#engines, ...this.#replaced];
  }

  /** A flood is shed before it costs a handshake; over plain HTTP there is at least a word to the caller. */
  #refuse(socket: Socket, address: string, why: ConnectionRefusal): void {
    const { settings } = this.#engines;
    const refusal = rejection("listener.overloaded", { cause: why });
    socket.on("error", () => socket.destroy());
    if (settings.tls) socket.destroy();
    else answerMalformed(socket, refusal);
    this.#gate.observer.connectionRefused?.(settings.name, why);
    this.#gate.malformed({ listener: settings.name, address, rejection: refusal });
  }
}

function secured(
  socket: TLSSocket,
  connection: Connection,
  { http1, http2 }: Pick<Engines, "http1" | "http2">,
): void {
  connection.socket = socket;
  connection.peer = peerOfTls(socket, connection.peer);
  if (socket.alpnProtocol === "h2") http2.accept(socket, connection);
  else http1.accept(socket, connection);
}

function retireAll(connections: Iterable<Connection>): void {
  for (const connection of connections) {
    connection.isRetired = true;
    connection.protocol?.retire();
  }
}

function isSameTls(a: TlsMaterial | undefined, b: TlsMaterial | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.certificate.equals(b.certificate) &&
    a.key.equals(b.key) &&
    a.minVersion === b.minVersion &&
    a.callers.mode === b.callers.mode &&
    isSameFile(a.callers.ca, b.callers.ca) &&
    isSameFile(a.callers.crl, b.callers.crl)
  );
}

function isSameFile(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a === undefined || b === undefined ? a === b : a.equals(b);
}

function explainBindError(error: NodeJS.ErrnoException, { host, port }: ListenerSettings): string {
  const where = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const advice = BIND_ADVICE[error.code ?? ""] ?? `${error.message}.`;
  return `cannot listen on ${where}: ${advice}`;
}

const BIND_ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program listens there. Stop it (ss -ltnp shows which), or change bind.",
  EACCES: "ports under 1024 need a privilege. Use a higher port, or grant CAP_NET_BIND_SERVICE.",
  EADDRNOTAVAIL: "this machine has no such address. Change bind.",
};
