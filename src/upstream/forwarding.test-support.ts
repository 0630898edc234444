/** Real upstreams on port 0 and calls to them, for the tests of this room only; no product code may import it. */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Forwarded, ForwardOptions } from "../pipeline/forward.ts";
import type { RequestContext, Route } from "../pipeline/request-context.ts";
import { upstreamsSchema } from "./config.ts";
import { createUpstreams, type UpstreamTools, type Upstreams } from "./pools.ts";

const running: (() => Promise<void>)[] = [];

/** Starts a server on a free port of loopback; ended by `stopAll`. */
export async function start(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  running.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  });
  return (server.address() as { port: number }).port;
}

/** An upstream that plays a script on each connection when the first bytes of a request arrive. */
export async function startRaw(script: (socket: Socket, request: string) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on("data", (bytes) => script(socket, bytes.toString("latin1")));
  });
  return `http://127.0.0.1:${await start(server)}`;
}

/** Ends every server and every set of upstreams of the test. */
export async function stopAll(): Promise<void> {
  await Promise.all(running.splice(0).map((stop) => stop()));
}

type UpstreamInput = Readonly<Record<string, unknown>>;

const NO_TOOLS: UpstreamTools = {
  readFile: (reference) => Promise.reject(new Error(`no file ${reference.path}`)),
  readSecret: () => Promise.reject(new Error("no secret")),
};

/** Upstreams of a configuration as it would stand in the file, under the name `churn-v2`. */
export async function openUpstreams(
  input: UpstreamInput,
  tools: Partial<UpstreamTools> = {},
): Promise<Upstreams> {
  const config = upstreamsSchema.parse({ "churn-v2": input });
  const upstreams = await createUpstreams(config, { ...NO_TOOLS, ...tools });
  running.push(() => upstreams.close());
  return upstreams;
}

/** One call, and the means to play the caller. */
export interface TestCall {
  readonly forwarded: Promise<Forwarded>;
  callerLeaves(): void;
}

const bound = new WeakMap<Upstreams, WeakSet<Route>>();

/** Sends the context's request, body and all. */
export function send(
  upstreams: Upstreams,
  context: RequestContext,
  options: Partial<ForwardOptions> = {},
): TestCall {
  const routes = bound.get(upstreams) ?? new WeakSet();
  bound.set(upstreams, routes);
  if (!routes.has(context.route)) upstreams.bind(context.route);
  routes.add(context.route);
  let listener = (): void => {};
  const forwarded = upstreams.forward(context, {
    body: context.body,
    mustBuffer: false,
    responseLimitBytes: 1024 * 1024,
    onCallerGone: (heard) => {
      listener = heard;
    },
    ...options,
  });
  return { forwarded, callerLeaves: () => listener() };
}

/** What a caller would see: `200 body`, or the code of the rejection. */
export async function seen(forwarded: Forwarded | Promise<Forwarded>): Promise<string> {
  const result = await forwarded;
  if (result.kind === "rejected") return result.rejection.code;
  const { status, body } = result.response;
  return `${status} ${(await whole(body)).toString()}`.trimEnd();
}

export async function whole(body: Buffer | AsyncIterable<Buffer>): Promise<Buffer> {
  if (Buffer.isBuffer(body)) return body;
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Waits until something holds; fails after five seconds. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (holds()) return;
    await sleep(10);
  }
  throw new Error(`not in time: ${what}`);
}

/** Every place taken by a call has been given back. */
export async function untilIdle(upstreams: Upstreams): Promise<void> {
  await until(
    () =>
      upstreams
        .snapshot()
        .every(
          ({ inFlight, waiting, targets }) =>
            inFlight === 0 && waiting === 0 && targets.every((target) => target.inFlight === 0),
        ),
    "all gauges back at zero",
  );
}
