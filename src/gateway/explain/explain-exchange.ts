/**
 * The wire side of a request that never was on a wire: a connection that nobody opened, and an exchange that only keeps
 * what it is told to send. It opens no socket.
 */
import { Socket } from "node:net";
import { Readable } from "node:stream";
import { canonicalAddress, CidrSet } from "../../config/cidr.ts";
import type { Exchange, Sent } from "../../pipeline/exchange.ts";
import { rejection, type Rejection } from "../../pipeline/rejection.ts";
import type { GatewayResponse } from "../../pipeline/response.ts";
import { listenerName, type ListenerConfig } from "../../server/config.ts";
import { Connection } from "../../server/connection.ts";
import { Gate } from "../../server/gate.ts";
import type { ReadHead } from "../../server/request-head.ts";
import type { Configuration } from "../configuration.ts";
import { ToldWrong, type ToldRequest } from "./explain-told.ts";

/** Where the request would come from and arrive. */
export interface Origin {
  /** Listener that is called, by name. Default: the first that fits the scheme of the URL. */
  readonly listener?: string | undefined;
  /** Address that calls. Default 127.0.0.1. */
  readonly address?: string | undefined;
}

const DEFAULT_ADDRESS = "127.0.0.1";

/** The listener that the request would come to; throws `ToldWrong` when it is named and there is none. */
export function listenerFor(
  { scheme }: ToldRequest,
  { root }: Configuration,
  { listener: wanted }: Origin,
): ListenerConfig {
  const names = root.listeners.map(listenerName).join(", ");
  const found =
    wanted === undefined
      ? (root.listeners.find(
          ({ tls }) => scheme === undefined || (scheme === "https") === (tls !== undefined),
        ) ?? root.listeners[0])
      : root.listeners.find((one) => listenerName(one) === wanted);
  if (!found)
    throw new ToldWrong(`there is no listener ${JSON.stringify(wanted)}; listeners: ${names}`);
  return found;
}

/** A connection that was never opened; throws `ToldWrong` when nobody can call from there. What only a live one has (a certificate, say) it has not. */
export function connectionTo(
  listener: ListenerConfig,
  { root }: Configuration,
  { address: from = DEFAULT_ADDRESS }: Origin,
): Connection {
  const address = canonicalAddress(from);
  if (address === undefined) throw new ToldWrong(`${JSON.stringify(from)} is not an IP address`);
  const gate = new Gate({
    handler: { handle: unused, refuse: unused, malformed: () => undefined },
    trustedProxies: new CidrSet(root.trustedProxies),
    observer: {},
    sampleTrace: () => false,
  });
  const isSecure = listener.tls !== undefined;
  const peer = {
    address,
    port: 0,
    ...(isSecure && { tls: { version: "TLSv1.3", cipher: "" } }),
  };
  const options = { gate, limits: root.server.limits, listener: listenerName(listener), peer };
  return new Connection({ ...options, socket: new Socket() }, isSecure);
}

const unused = (): Promise<void> => Promise.reject(new Error("nothing is handled here"));

/** Keeps the answer, and gives the body as it is told. */
export class ToldExchange implements Exchange {
  readonly request: ReadHead["request"];
  readonly isCallerGone = false;
  readonly #told: ToldRequest;
  readonly #onAnswer: (answer: GatewayResponse) => void;

  constructor(
    told: ToldRequest,
    request: ReadHead["request"],
    onAnswer: (answer: GatewayResponse) => void,
  ) {
    this.#told = told;
    this.request = request;
    this.#onAnswer = onAnswer;
  }

  get bytesIn(): number {
    return this.#told.body.length;
  }

  onCallerGone(): void {}

  readBody(limitBytes: number): Promise<Buffer | Rejection> {
    return Promise.resolve(this.#body(limitBytes));
  }

  streamBody(): Readable {
    return Readable.from([]);
  }

  send(response: GatewayResponse): Sent {
    this.#onAnswer(response);
    return { bytesOut: 0, isComplete: true };
  }

  #body(limitBytes: number): Buffer | Rejection {
    const { body } = this.#told;
    const { contentLength = body.length } = this.request;
    if (Math.max(contentLength, body.length) > limitBytes)
      return rejection("contract.body_too_large");
    if (contentLength > body.length)
      return rejection("listener.body_incomplete", {
        cause: `${body.length} of ${contentLength} bytes are told`,
      });
    return body.subarray(0, contentLength);
  }
}
