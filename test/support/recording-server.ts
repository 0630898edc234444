/** A listening server whose handler records what it would forward: the listener's tests run against it. */
import type { Exchange, Handler, MalformedReport } from "../../src/pipeline/exchange.ts";
import { rejection, type Rejection } from "../../src/pipeline/rejection.ts";
import { renderRejection } from "../../src/pipeline/render.ts";
import type { CallerRequest } from "../../src/pipeline/request-context.ts";
import type { GatewayResponse } from "../../src/pipeline/response.ts";
import { CidrSet, parseCidr, type Cidr } from "../../src/config/cidr.ts";
import { serverLimitsSchema, type ServerLimits } from "../../src/server/config.ts";
import type { ServerObserver } from "../../src/server/gate.ts";
import type { BoundListener, ListenerSettings } from "../../src/server/listener.ts";
import { createServer, type Server } from "../../src/server/server.ts";

/** A request that was understood, in full. */
export interface Recorded {
  readonly request: CallerRequest;
  readonly body: Buffer;
}

type Answer = (exchange: Exchange, body: Buffer) => GatewayResponse | Promise<GatewayResponse>;

export class RecordingHandler implements Handler {
  readonly recorded: Recorded[] = [];
  readonly refused: { readonly request: CallerRequest; readonly rejection: Rejection }[] = [];
  readonly malformedReports: MalformedReport[] = [];
  bodyLimitBytes = 1024 * 1024;
  /** What comes before the body is read. */
  before:
    | ((exchange: Exchange) => GatewayResponse | Promise<GatewayResponse | undefined> | undefined)
    | undefined;
  answer: Answer = (_, body) => ({
    status: 200,
    headers: ["content-type", "text/plain"],
    body: Buffer.from(`got ${body.length}`),
  });

  async handle(exchange: Exchange): Promise<void> {
    const early = await this.before?.(exchange);
    if (early) {
      await exchange.send(early);
      return;
    }
    const body = await exchange.readBody(this.bodyLimitBytes);
    if (!Buffer.isBuffer(body)) return this.refuse(exchange, body);
    this.recorded.push({ request: exchange.request, body });
    await exchange.send(await this.answer(exchange, body));
  }

  async refuse(exchange: Exchange, refusal: Rejection): Promise<void> {
    this.refused.push({ request: exchange.request, rejection: refusal });
    await exchange.send(renderRejection(refusal, exchange.request));
  }

  malformed(report: MalformedReport): void {
    this.malformedReports.push(report);
  }

  /** The codes of everything that was refused, however early. */
  get codes(): string[] {
    return [...this.refused, ...this.malformedReports].map(({ rejection: { code } }) => code);
  }
}

export const refusal = (
  code: Parameters<typeof rejection>[0],
  request: CallerRequest,
): GatewayResponse => renderRejection(rejection(code), request);

export interface RecordingServer {
  readonly server: Server;
  readonly handler: RecordingHandler;
  readonly bound: readonly BoundListener[];
  readonly port: number;
}

export interface RecordingServerOptions {
  readonly tls?: ListenerSettings["tls"];
  readonly limits?: Partial<ServerLimits>;
  readonly trusted?: readonly string[];
  readonly observer?: ServerObserver;
}

export const limitsWith = (changes: Partial<ServerLimits> = {}): ServerLimits => ({
  ...serverLimitsSchema.parse({}),
  ...changes,
});

export const proxies = (texts: readonly string[] = []): CidrSet =>
  new CidrSet(texts.map((text) => parseCidr(text) as Cidr));

/** Starts on a free port of the loopback. */
export async function startRecording(
  options: RecordingServerOptions = {},
): Promise<RecordingServer> {
  const handler = new RecordingHandler();
  const server = createServer({
    listeners: [{ name: "test", host: "127.0.0.1", port: 0, tls: options.tls }],
    limits: limitsWith(options.limits),
    trustedProxies: proxies(options.trusted),
    handler,
    observer: options.observer ?? {},
  });
  const bound = await server.start();
  return { server, handler, bound, port: (bound[0] as BoundListener).port };
}
