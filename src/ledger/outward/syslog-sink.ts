/**
 * Sends lines to a syslog receiver over TLS (RFC 5425). The protocol has no acknowledgement: what was written shortly before
 * a connection broke is sent again. It must never send in the clear, nor to a receiver whose certificate does not verify.
 */
import { once } from "node:events";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { connect, type TLSSocket } from "node:tls";
import type { TailLine } from "./durable-tail.ts";
import type { LineSink } from "./line-feed.ts";
import { OutwardError } from "./outward-error.ts";
import { syslogFrame, type SyslogHeader } from "./syslog-frame.ts";

/** RFC 5425 section 4.1. */
export const DEFAULT_SYSLOG_PORT = 6514;
/** Longest time for the connection to stand, and for a batch to be taken. */
export const DEFAULT_SYSLOG_LIMIT_MS = 10_000;
/** What was written so shortly before a connection broke counts as lost. Raised, more lines come twice. */
export const DEFAULT_SYSLOG_SETTLE_MS = 5_000;
/** Longest time `close` waits for the receiver to end its side, which says that it has read all. */
const CLOSE_LIMIT_MS = 2_000;

/** PEM texts; read anew for each connection, so that renewed ones are used. */
export interface SyslogTls {
  /** Authorities that may vouch for the receiver, instead of the system's. */
  readonly ca?: string;
  /** The gateway's own certificate and key, where the receiver asks for one. */
  readonly certificate?: string;
  readonly key?: string;
}

export interface SyslogOptions extends Partial<Omit<SyslogHeader, "processId">> {
  readonly host: string;
  /** Default 6514. */
  readonly port?: number;
  /** The name the receiver's certificate must have. Default `host`. */
  readonly serverName?: string;
  readonly tls?: () => SyslogTls | Promise<SyslogTls>;
  readonly limitMs?: number;
  readonly settleMs?: number;
}

export function createSyslogSink(options: SyslogOptions): LineSink {
  return new SyslogSink(options);
}

class SyslogSink implements LineSink {
  readonly #options: SyslogOptions;
  readonly #header: SyslogHeader;
  readonly settleMs: number;
  onBroken: (() => void) | undefined;
  #socket: TLSSocket | undefined;

  constructor(options: SyslogOptions) {
    this.#options = options;
    this.#header = { ...options, hostname: options.hostname ?? hostname(), processId: process.pid };
    this.settleMs = options.settleMs ?? DEFAULT_SYSLOG_SETTLE_MS;
  }

  async send(lines: readonly TailLine[], signal: AbortSignal): Promise<void> {
    const frames = Buffer.concat(lines.map((line) => syslogFrame(line, this.#header)));
    const limitMs = this.#options.limitMs ?? DEFAULT_SYSLOG_LIMIT_MS;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
    try {
      this.#socket ??= await this.#connect(limit);
      await write(this.#socket, frames, limit);
    } catch (error) {
      this.#drop();
      if (error instanceof OutwardError) throw error;
      const why = limit.aborted ? `nothing is taken for ${limitMs} ms` : (error as Error).message;
      throw new OutwardError(
        "syslog.unreachable",
        `the syslog receiver ${this.#options.host}:${this.#port} is out of reach: ${why}`,
        { cause: error },
      );
    }
  }

  async close(): Promise<boolean> {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return false;
    try {
      const ended = once(socket, "end", { signal: AbortSignal.timeout(CLOSE_LIMIT_MS) });
      socket.end();
      await ended;
      return true;
    } catch {
      return false;
    } finally {
      socket.destroy();
    }
  }

  get #port(): number {
    return this.#options.port ?? DEFAULT_SYSLOG_PORT;
  }

  async #connect(signal: AbortSignal): Promise<TLSSocket> {
    const { host, serverName, tls } = this.#options;
    const material = (await tls?.()) ?? {};
    const socket = connect({
      host,
      port: this.#port,
      // An address is no server name (RFC 6066 section 3); the certificate is checked against it all the same.
      ...(isIP(serverName ?? host) === 0 && { servername: serverName ?? host }),
      minVersion: "TLSv1.2",
      rejectUnauthorized: true,
      ...(material.ca !== undefined && { ca: material.ca }),
      ...(material.certificate !== undefined && { cert: material.certificate }),
      ...(material.key !== undefined && { key: material.key }),
    });
    const stop = (): void => {
      socket.destroy();
    };
    signal.addEventListener("abort", stop, { once: true });
    try {
      await once(socket, "secureConnect", { signal });
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      signal.removeEventListener("abort", stop);
    }
    // Receivers say nothing; what one says all the same must not fill a buffer.
    socket.resume();
    socket.setKeepAlive(true);
    socket.on("error", () => undefined);
    socket.once("close", () => this.#lose(socket));
    // A receiver that ends its side reads no more.
    socket.once("end", () => this.#lose(socket));
    return socket;
  }

  #lose(socket: TLSSocket): void {
    if (this.#socket !== socket) return;
    this.#drop();
    this.onBroken?.();
  }

  #drop(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }
}

function write(socket: TLSSocket, bytes: Buffer, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    const onClose = (): void => reject(new Error("the connection was closed"));
    signal.addEventListener("abort", stop, { once: true });
    socket.once("close", onClose);
    socket.write(bytes, (error) => {
      signal.removeEventListener("abort", stop);
      socket.off("close", onClose);
      if (error) reject(error);
      else resolve();
    });
  });
}
