/** A way to a server on which things go wrong when a test says so. */
import { once } from "node:events";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** What happens to a request: `cut` ends the connection with the body half read, `lose` after the server has it all. */
export type Trouble = "none" | "flip" | "cut" | "lose" | "hang" | "refuse";

export interface TroubledProxy {
  readonly url: string;
  /** Asked for each request. */
  trouble: (method: string, path: string) => Trouble;
  /** `METHOD /path` of each request, in order. */
  readonly seen: string[];
  close(): Promise<void>;
}

export async function startTroubledProxy(target: string): Promise<TroubledProxy> {
  const seen: string[] = [];
  const server = createServer((incoming, outgoing) => {
    const { method = "", url = "" } = incoming;
    seen.push(`${method} ${url}`);
    incoming.on("error", () => undefined);
    pass(incoming, outgoing, { target, trouble: proxy.trouble(method, url) }).catch(() => {
      outgoing.destroy();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy: TroubledProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    trouble: () => "none",
    seen,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return proxy;
}

async function pass(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { target, trouble }: { target: string; trouble: Trouble },
): Promise<void> {
  if (trouble === "hang") return;
  if (trouble === "cut") {
    await Promise.race([once(incoming, "data"), once(incoming, "end")]);
    incoming.socket.destroy();
    return;
  }
  if (trouble === "refuse") {
    incoming.resume();
    outgoing.writeHead(500).end("<Error><Code>InternalError</Code></Error>");
    return;
  }
  const body = await buffer(incoming);
  if (trouble === "flip" && body.length > 0)
    body[body.length >> 1] = (body[body.length >> 1] as number) ^ 1;
  const { method, headers, url = "" } = incoming;
  // The signature covers the host the caller knows.
  const onward = request(new URL(url, target), { method, headers }).end(body);
  const [answer] = (await once(onward, "response")) as [IncomingMessage];
  const said = await buffer(answer);
  if (trouble === "lose") {
    incoming.socket.destroy();
    return;
  }
  outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
  outgoing.end(said);
}
