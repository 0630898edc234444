/** A syslog receiver over TLS for tests: takes RFC 5425 frames apart as the RFC says and refuses everything else. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type TLSSocket, type TlsOptions } from "node:tls";

export interface SyslogMessage {
  readonly facility: number;
  readonly severity: number;
  readonly timestamp: string;
  readonly hostname: string;
  readonly appName: string;
  readonly processId: string;
  readonly messageId: string;
  readonly structuredData: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Without the byte order mark. */
  readonly message: string;
  readonly hasMark: boolean;
}

export interface SyslogReceiver {
  readonly port: number;
  readonly messages: SyslogMessage[];
  /** What did not follow the grammar. */
  readonly faults: string[];
  readonly connections: Set<TLSSocket>;
  /** Connections accepted so far. */
  accepted: number;
  close(): Promise<void>;
}

/** On a port of its own, or on one that was used before. */
export async function startSyslogReceiver(tls: TlsOptions, port = 0): Promise<SyslogReceiver> {
  const messages: SyslogMessage[] = [];
  const faults: string[] = [];
  const connections = new Set<TLSSocket>();
  const receiver = { port: 0, messages, faults, connections, accepted: 0, close };
  const server = createServer(tls, (socket) => {
    receiver.accepted++;
    connections.add(socket);
    let held = Buffer.alloc(0);
    socket.on("error", () => undefined);
    socket.on("close", () => connections.delete(socket));
    socket.on("data", (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      try {
        for (let frame = frameOf(held); frame !== undefined; frame = frameOf(held)) {
          held = held.subarray(frame.end);
          messages.push(parse(frame.bytes));
        }
      } catch (error) {
        faults.push((error as Error).message);
        socket.destroy();
      }
    });
  });
  server.on("tlsClientError", () => undefined);
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  receiver.port = (server.address() as AddressInfo).port;
  return receiver;

  async function close(): Promise<void> {
    for (const socket of connections) socket.destroy();
    server.close();
    await once(server, "close");
  }
}

/** `MSG-LEN SP SYSLOG-MSG`; `MSG-LEN` begins with no zero (RFC 5425 section 4.3). */
function frameOf(held: Buffer): { bytes: Buffer; end: number } | undefined {
  const space = held.indexOf(" ");
  if (space < 0 && held.length < 8) return undefined;
  const length = held.toString("latin1", 0, space);
  if (!/^[1-9]\d{0,6}$/.test(length)) throw new Error(`no length: ${JSON.stringify(length)}`);
  const end = space + 1 + Number(length);
  return held.length < end ? undefined : { bytes: held.subarray(space + 1, end), end };
}

const HEADER =
  /^<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z) ([\x21-\x7e]{1,255}) ([\x21-\x7e]{1,48}) ([\x21-\x7e]{1,128}) ([\x21-\x7e]{1,32}) (\[(?:[^\]\\]|\\.)*\]|-)(?: |$)/;
const BYTE_ORDER_MARK = "\uFEFF";

function parse(bytes: Buffer): SyslogMessage {
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  const match = HEADER.exec(text);
  if (match === null) throw new Error(`no header: ${text.slice(0, 200)}`);
  const [all, priority, timestamp, hostname, appName, processId, messageId, data] =
    match as unknown as [string, string, string, string, string, string, string, string];
  const rest = text.slice(all.length);
  const hasMark = rest.startsWith(BYTE_ORDER_MARK);
  return {
    facility: Number(priority) >> 3,
    severity: Number(priority) & 7,
    timestamp,
    hostname,
    appName,
    processId,
    messageId,
    structuredData: data === "-" ? {} : elementOf(data),
    message: hasMark ? rest.slice(1) : rest,
    hasMark,
  };
}

function elementOf(data: string): Record<string, Record<string, string>> {
  const id = /^\[([^ =\]"]{1,32})/.exec(data)?.[1];
  if (id === undefined) throw new Error(`no structured data: ${data}`);
  const parameters = [...data.matchAll(/ ([^ =\]"]{1,32})="((?:[^"\\\]]|\\.)*)"/g)].map(
    ([, name, value]) => [name, value?.replaceAll(/\\(["\\\]])/g, "$1")],
  );
  return { [id]: Object.fromEntries(parameters) as Record<string, string> };
}
