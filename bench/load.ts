/**
 * The load generator: keeps N connections busy with one fixed request for some seconds, or for a count of requests, and
 * prints one JSON line. A process of its own, so that it can be pinned to another core. Loopback only.
 */
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";

export interface LoadOrder {
  readonly port: number;
  readonly path: string;
  readonly headers: readonly string[];
  readonly bodyFile: string;
  readonly connections: number;
  readonly seconds: number;
  /** Stop after this many requests even if time is left. */
  readonly requests?: number;
}

export interface LoadReport {
  readonly requests: number;
  readonly bad: number;
  readonly seconds: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

const order = JSON.parse(process.argv[2] ?? "{}") as LoadOrder;
const body = readFileSync(order.bodyFile);
const request = Buffer.concat([
  Buffer.from(
    `POST ${order.path} HTTP/1.1\r\nhost: 127.0.0.1:${order.port}\r\ncontent-type: application/json\r\naccept: application/json\r\n` +
      `user-agent: portcullis-bench/1\r\ncontent-length: ${body.length}\r\n${order.headers.map((line) => `${line}\r\n`).join("")}\r\n`,
  ),
  body,
]);

const startedAt = performance.now();
const endsAt = startedAt + order.seconds * 1000;
const maxRequests = order.requests ?? Number.POSITIVE_INFINITY;
const latenciesUs = new Float64Array(4_000_000);
let sent = 0;
let done = 0;
let bad = 0;
let open = order.connections;

function mayContinue(): boolean {
  return performance.now() < endsAt && sent < maxRequests;
}

function drive(socket: Socket): void {
  let sentAt = 0;
  let pending: Buffer | undefined;
  const fire = (): void => {
    sent++;
    sentAt = performance.now();
    socket.write(request);
  };
  socket.on("connect", fire);
  socket.on("error", () => bad++);
  socket.on("close", finishOne);
  socket.on("data", (chunk: Buffer) => {
    const bytes = pending ? Buffer.concat([pending, chunk]) : chunk;
    const headEnd = bytes.indexOf("\r\n\r\n");
    const length = headEnd < 0 ? undefined : contentLength(bytes.toString("latin1", 0, headEnd));
    if (length === undefined || bytes.length < headEnd + 4 + length) {
      pending = bytes;
      return;
    }
    pending = undefined;
    if (done < latenciesUs.length) latenciesUs[done] = (performance.now() - sentAt) * 1000;
    done++;
    if (bytes[9] !== 0x32) bad++;
    if (mayContinue()) fire();
    else socket.end();
  });
}

function contentLength(head: string): number {
  const at = head.toLowerCase().indexOf("\r\ncontent-length:");
  return at < 0 ? 0 : Number.parseInt(head.slice(at + 17), 10);
}

function finishOne(): void {
  open--;
  if (open > 0) return;
  const sorted = latenciesUs.subarray(0, Math.min(done, latenciesUs.length)).sort();
  const at = (share: number): number => Math.round(sorted[Math.floor(sorted.length * share)] ?? 0);
  const seconds = (performance.now() - startedAt) / 1000;
  const report: LoadReport = { requests: done, bad, seconds, p50Us: at(0.5), p99Us: at(0.99) };
  console.log(JSON.stringify(report));
}

for (let i = 0; i < order.connections; i++)
  drive(connect({ port: order.port, host: "127.0.0.1", noDelay: true }));
