/** A TCP proxy before a Redis: makes the way to it slow, silent or closed while the server itself stays well. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface RedisProxy {
  readonly port: number;
  /** Added to each direction's way; changes take effect at once. */
  delayMs: number;
  /** Nothing passes, in either direction, and nobody is told. */
  isSilent: boolean;
  /** New connections are closed at once. */
  isRefusing: boolean;
  /** Connections accepted so far. */
  readonly accepted: number;
  /** Connections of clients that are open now. */
  readonly open: number;
  /** Pieces read from clients so far: each write of a client arrives as one where it is small. */
  readonly writes: number;
  /** One of the connections that are open now swallows everything; the others do not. */
  silenceOne(): void;
  /** Ends all connections. */
  cut(): void;
  close(): Promise<void>;
}

export async function startRedisProxy(targetPort: number): Promise<RedisProxy> {
  const sockets = new Set<Socket>();
  const clients = new Set<Socket>();
  const dead = new Set<Socket>();
  let [accepted, writes] = [0, 0];
  const server = createServer((client) => {
    accepted++;
    clients.add(client);
    client.on("close", () => clients.delete(client));
    client.on("error", () => undefined);
    if (proxy.isRefusing) {
      client.destroy();
      return;
    }
    const target = connect(targetPort, "127.0.0.1");
    pass(client, target, () => writes++);
    pass(target, client);
  }).listen(0, "127.0.0.1");
  const pass = (from: Socket, to: Socket, onData?: () => void): void => {
    from.setNoDelay(true);
    sockets.add(from);
    from.on("error", () => undefined);
    from.on("close", () => {
      sockets.delete(from);
      to.destroy();
    });
    from.on("data", (bytes) => {
      onData?.();
      if (proxy.isSilent || dead.has(from) || dead.has(to)) return;
      if (proxy.delayMs === 0) to.write(bytes);
      else setTimeout(() => to.writable && to.write(bytes), proxy.delayMs);
    });
  };
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const proxy: RedisProxy = {
    port: 0,
    delayMs: 0,
    isSilent: false,
    isRefusing: false,
    get accepted() {
      return accepted;
    },
    get open() {
      return clients.size;
    },
    get writes() {
      return writes;
    },
    silenceOne() {
      for (const client of clients) {
        dead.add(client);
        return;
      }
    },
    cut,
    async close() {
      cut();
      server.close();
      await once(server, "close");
    },
  };
  await once(server, "listening");
  return Object.assign(proxy, { port: (server.address() as AddressInfo).port });
}
