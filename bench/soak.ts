/** The long runs: memory over a million requests, and ten thousand idle keep-alive connections. */
import { connect, type Socket } from "node:net";
import { load, usage } from "./processes.ts";
import type { Subject } from "./subjects.ts";

const BATCH = 100_000;
const BATCHES = 10;
const IDLE_CONNECTIONS = 10_000;

interface Order {
  readonly path: string;
  readonly headers: readonly string[];
  readonly bodyFile: string;
}

/** Resident memory after each hundred thousand requests; flat means the last is no higher than the third. */
export async function millionRequests(subject: Subject, order: Order): Promise<object> {
  const rssMiB: number[] = [];
  for (let i = 0; i < BATCHES; i++) {
    await load({ ...order, port: subject.port, connections: 64, seconds: 120, requests: BATCH });
    rssMiB.push(Math.round(usage(subject.pid).rssMiB));
  }
  return { soak_requests: BATCH * BATCHES, soak_rss_mib: rssMiB };
}

/** Opens idle connections, each having asked once (so that each is a kept-alive one), and reads the memory. */
export async function idleConnections(subject: Subject): Promise<object> {
  const before = Math.round(usage(subject.pid).rssMiB);
  const sockets: Socket[] = [];
  for (let i = 0; i < IDLE_CONNECTIONS; i += 500) {
    sockets.push(
      ...(await Promise.all(Array.from({ length: 500 }, () => keepAlive(subject.port)))),
    );
  }
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const after = Math.round(usage(subject.pid).rssMiB);
  const alive = sockets.filter((socket) => !socket.destroyed).length;
  for (const socket of sockets) socket.destroy();
  return { idle_connections: alive, idle_rss_mib_before: before, idle_rss_mib: after };
}

function keepAlive(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("error", reject);
    socket.once("data", () => resolve(socket));
    socket.write(`GET /nothing-here HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n\r\n`);
  });
}
