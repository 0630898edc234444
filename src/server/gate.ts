/**
 * What all listeners of one server share: the handler of the moment, the trusted proxies, who is connected, and whether
 * the server is draining. It hands requests over and counts them; it knows nothing of HTTP.
 */
import type { Exchange, Handler, MalformedReport } from "../pipeline/exchange.ts";
import type { Rejection } from "../pipeline/rejection.ts";
import type { TrustedProxies } from "./forwarded.ts";

/** Why a connection was refused before a request of it was read. */
export type ConnectionRefusal = "connections" | "connections_per_address" | "handshake" | "accept";

/** Called for metrics; must not throw. */
export interface ServerObserver {
  connectionOpened?(listener: string): void;
  connectionClosed?(listener: string): void;
  connectionRefused?(listener: string, why: ConnectionRefusal): void;
  /** An HTTP/2 connection was ended for breaking off too many streams. */
  streamsAbused?(listener: string): void;
}

/** An exchange that can be cut when its handler failed against all promises. */
export interface CuttableExchange extends Exchange {
  cut(): void;
}

/**
 * Whether a trace that begins here is recorded. The flag goes upstream (W3C Trace Context section 3.2.2.5): set without
 * need, it would make every upstream record every request.
 */
export type SampleTrace = (traceId: string) => boolean;

interface GateParts {
  readonly handler: Handler;
  readonly trustedProxies: TrustedProxies;
  readonly observer: ServerObserver;
  readonly sampleTrace: SampleTrace;
}

export class Gate {
  /** Who requests go to from now on. Running requests stay with the handler they began with. */
  handler: Handler;
  trustedProxies: TrustedProxies;
  readonly observer: ServerObserver;
  readonly sampleTrace: SampleTrace;
  isDraining = false;
  #running = 0;

  constructor({ handler, trustedProxies, observer, sampleTrace }: GateParts) {
    this.handler = handler;
    this.trustedProxies = trustedProxies;
    this.observer = observer;
    this.sampleTrace = sampleTrace;
  }

  /** Requests that their handler has not settled yet. */
  get running(): number {
    return this.#running;
  }

  /** Hands one request over; `onSettled` runs when the handler is done with it, however it ended. */
  dispatch(exchange: CuttableExchange, refusal?: Rejection, onSettled?: () => void): void {
    this.#running++;
    const settled = (): void => {
      this.#running--;
      onSettled?.();
    };
    // A handler promises never to throw or reject. If it does, nobody may be left waiting, and nothing may look whole.
    const failed = (): void => {
      exchange.cut();
      settled();
    };
    try {
      const { handler } = this;
      (refusal ? handler.refuse(exchange, refusal) : handler.handle(exchange)).then(
        settled,
        failed,
      );
    } catch {
      failed();
    }
  }

  malformed(report: MalformedReport): void {
    this.handler.malformed(report);
  }
}
