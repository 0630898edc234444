/**
 * The least that speaks to a Redis: one command, one connection, one answer (RESP 2). Tests look at servers with it, so that
 * what they see does not come through the code they test.
 */
import { once } from "node:events";
import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

export interface WireAddress {
  readonly port: number;
  readonly tls?: { readonly ca: string; readonly cert?: string; readonly key?: string } | undefined;
  readonly auth?: { readonly user?: string; readonly password: string } | undefined;
}

/** An answer that begins with `-`. */
export class WireError extends Error {
  override readonly name = "WireError";
}

const LIMIT_MS = 10_000;

/** Integers come as numbers, strings as text, nil as null, lists as arrays; an error is thrown. */
export async function askRedis(address: WireAddress, args: readonly string[]): Promise<unknown> {
  const { auth } = address;
  const login = auth && ["AUTH", ...(auth.user === undefined ? [] : [auth.user]), auth.password];
  const socket = await open(address);
  try {
    const commands = login === undefined ? [args] : [login, args];
    const answers = readAnswers(socket, commands.length);
    socket.write(commands.map(encode).join(""));
    for (const answer of await answers) if (answer instanceof WireError) throw answer;
    return (await answers).at(-1);
  } finally {
    socket.destroy();
  }
}

async function open({ port, tls }: WireAddress): Promise<Socket> {
  const where = { port, host: "127.0.0.1" };
  const socket = tls === undefined ? connectPlain(where) : connectTls({ ...where, ...tls });
  await once(socket, tls === undefined ? "connect" : "secureConnect");
  return socket;
}

const encode = (args: readonly string[]): string =>
  `*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join("")}`;

function readAnswers(socket: Socket, count: number): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    let held = Buffer.alloc(0);
    socket.setTimeout(LIMIT_MS, () => reject(new Error(`no answer within ${LIMIT_MS} ms`)));
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("the server closed the connection")));
    socket.on("data", (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      const answers: unknown[] = [];
      for (let at = 0; answers.length < count;) {
        const read = parse(held, at);
        if (read === undefined) return;
        answers.push(read.value);
        at = read.next;
      }
      resolve(answers);
    });
  });
}

interface Read {
  readonly value: unknown;
  readonly next: number;
}

/** One value from there on; undefined while a part of it is missing. */
function parse(bytes: Buffer, at: number): Read | undefined {
  const end = bytes.indexOf("\r\n", at);
  if (end === -1) return undefined;
  const kind = String.fromCharCode(bytes[at] as number);
  const line = bytes.toString("utf8", at + 1, end);
  const next = end + 2;
  if (kind === "+") return { value: line, next };
  if (kind === "-") return { value: new WireError(line), next };
  if (kind === ":") return { value: Number(line), next };
  const length = Number(line);
  if (length < 0) return { value: null, next };
  if (kind === "$") {
    if (bytes.length < next + length + 2) return undefined;
    return { value: bytes.toString("utf8", next, next + length), next: next + length + 2 };
  }
  return parseList(bytes, next, length);
}

function parseList(bytes: Buffer, from: number, length: number): Read | undefined {
  const value: unknown[] = [];
  let next = from;
  while (value.length < length) {
    const read = parse(bytes, next);
    if (read === undefined) return undefined;
    value.push(read.value);
    next = read.next;
  }
  return { value, next };
}
