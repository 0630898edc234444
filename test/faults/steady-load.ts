/**
 * Constant load on kept connections: each lane sends one request after the other on a connection of its own and says of
 * each how it ended. It repairs nothing: a request that got no whole answer is a lost one.
 */
import { Agent as PlainAgent, request as requestPlain, type IncomingHttpHeaders } from "node:http";
import { type ClientHttp2Session } from "node:http2";
import { Agent as TlsAgent, request as requestTls } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { openHttp2, type CallTarget } from "../support/calling.ts";

export interface LaneAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** What a lane sends: one request for each number. */
export interface LaneRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface LoadOptions {
  readonly lanes: readonly CallTarget[];
  readonly request: (serial: number) => LaneRequest;
  /** Why the answer is wrong; undefined when it is right. */
  readonly fault: (answer: LaneAnswer, serial: number) => string | undefined;
}

export class SteadyLoad {
  readonly #options: LoadOptions;
  readonly #lanes: Promise<void>[];
  #isStopped = false;
  readonly lanes: number;
  /** Requests that were answered, right or wrong. */
  answered = 0;
  /** Every lost request and every wrong answer, in a sentence. */
  readonly faults: string[] = [];

  constructor(options: LoadOptions) {
    this.#options = options;
    this.lanes = options.lanes.length;
    this.#lanes = options.lanes.map((target, lane) =>
      target.transport === "h2" ? this.#runHttp2(target, lane) : this.#runHttp1(target, lane),
    );
  }

  /** Lets what is under way finish, and closes the connections. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#lanes);
  }

  async #runHttp1(target: CallTarget, lane: number): Promise<void> {
    const options = { keepAlive: true, maxSockets: 1, scheduling: "lifo" as const };
    const agent =
      target.transport === "https/1.1"
        ? new TlsAgent({ ...options, ca: target.ca })
        : new PlainAgent(options);
    const send = target.transport === "https/1.1" ? requestTls : requestPlain;
    const { hostname, port } = new URL(target.origin);
    await this.#send(
      lane,
      ({ path, headers, body }) =>
        new Promise((done, fail) => {
          const sending = send(
            { host: hostname, port, method: "POST", path, headers, agent },
            (message) => {
              const chunks: Buffer[] = [];
              message.on("data", (chunk: Buffer) => chunks.push(chunk));
              message.on("error", fail);
              message.on("end", () =>
                done({
                  status: message.statusCode ?? 0,
                  headers: message.headers,
                  text: Buffer.concat(chunks).toString(),
                }),
              );
            },
          );
          sending.on("error", fail);
          sending.end(body);
        }),
    );
    agent.destroy();
  }

  async #runHttp2(target: CallTarget, lane: number): Promise<void> {
    let session: ClientHttp2Session | undefined;
    const open = (): ClientHttp2Session => {
      if (session && !session.closed && !session.destroyed) return session;
      const opened = openHttp2(target);
      // RFC 9113 section 6.8: after GOAWAY new streams belong on a new connection.
      opened.on("goaway", () => opened.close());
      opened.on("error", () => undefined);
      session = opened;
      return opened;
    };
    await this.#send(
      lane,
      ({ path, headers, body }) =>
        new Promise((done, fail) => {
          const stream = open().request({ ":method": "POST", ":path": path, ...headers });
          const chunks: Buffer[] = [];
          let answered: IncomingHttpHeaders & { ":status"?: number } = {};
          stream.on("response", (fields) => (answered = fields as typeof answered));
          stream.on("data", (chunk: Buffer) => chunks.push(chunk));
          stream.on("error", fail);
          stream.on("end", () =>
            done({
              status: answered[":status"] ?? 0,
              headers: answered,
              text: Buffer.concat(chunks).toString(),
            }),
          );
          stream.end(body);
        }),
    );
    session?.close();
  }

  async #send(
    lane: number,
    exchange: (request: LaneRequest) => Promise<LaneAnswer>,
  ): Promise<void> {
    const { request, fault } = this.#options;
    for (let serial = lane * 1_000_000; !this.#isStopped; serial++) {
      try {
        const answer = await exchange(request(serial));
        this.answered++;
        const wrong = fault(answer, serial);
        if (wrong !== undefined) this.faults.push(`request ${serial}: ${wrong}`);
      } catch (error) {
        this.faults.push(`request ${serial} was lost: ${String(error)}`);
        // A gateway that is gone must not be asked a million times.
        await sleep(20);
      }
    }
  }
}
