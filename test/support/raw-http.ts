/**
 * Bytes on a socket and what comes back, and the runner of the corpus of raw HTTP/1.1 requests: it judges a server by
 * what it answered and by what reached the other side, never by how it got there.
 */
import { existsSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join, resolve } from "node:path";

/** What a server said to some bytes. */
export interface RawReply {
  readonly text: string;
  /** Status of each answer, interim answers left out. */
  readonly statuses: readonly number[];
  readonly isClosed: boolean;
}

export interface RawSend {
  readonly port: number;
  readonly bytes: string | Buffer;
  /** Silence after which the server is taken to have said all. */
  readonly quietMs?: number;
  /** Longest wait in all. */
  readonly limitMs?: number;
  readonly open?: () => Socket;
}

/** Sends bytes (text as Latin-1) on a new connection and listens until the server closes or falls silent. */
export function sendRaw({
  port,
  bytes,
  quietMs = 250,
  limitMs = 5_000,
  open,
}: RawSend): Promise<RawReply> {
  const socket = open?.() ?? connect({ port, host: "127.0.0.1" });
  const chunks: Buffer[] = [];
  return new Promise((done) => {
    let quiet: NodeJS.Timeout | undefined;
    const finish = (isClosed: boolean): void => {
      clearTimeout(quiet);
      clearTimeout(limit);
      socket.destroy();
      const text = Buffer.concat(chunks).toString("latin1");
      done({ text, statuses: statusesOf(text), isClosed });
    };
    const limit = setTimeout(() => finish(false), limitMs);
    const rearm = (): void => {
      clearTimeout(quiet);
      quiet = setTimeout(() => finish(false), quietMs);
    };
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      rearm();
    });
    socket.on("end", () => finish(true));
    socket.on("close", () => finish(true));
    socket.on("error", () => finish(true));
    socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
    rearm();
  });
}

function statusesOf(text: string): number[] {
  return [...text.matchAll(/(?:^|[^\n]|\n)HTTP\/1\.[01] (\d{3}) /g)]
    .map((match) => Number(match[1]))
    .filter((status) => status >= 200);
}

/** One row of the corpus. */
export interface RawHttpCase {
  readonly id: string;
  readonly source: string;
  readonly cls: "reject" | "safe" | "accept" | "wait";
  readonly lvl?: "MUST" | "SHOULD";
  /** The connection may give one answer and must then end. */
  readonly one?: boolean;
  /** Most requests that may reach the other side. */
  readonly max: number;
  readonly raw: string;
}

/** A complete request that reached the other side of the server under test. */
export interface ForwardedRequest {
  readonly method: string;
  readonly target: string;
  /** Flat name and value. */
  readonly headers: readonly string[];
}

/** The server under test. */
export interface RawHttpTarget {
  readonly port: number;
  /** Everything that reached the other side since the start, oldest first. */
  recorded(): readonly ForwardedRequest[];
  /** A path that answers GET and POST with 200. */
  readonly path: string;
  /** Value for an Authorization field, when the path needs one. */
  readonly authorization?: string;
  readonly host?: string;
  /** A body of 16 to 255 ASCII characters that the path accepts as `application/json`. */
  readonly body?: string;
  /** Silence after which the server is taken to have said all. Default 150. */
  readonly quietMs?: number;
}

export interface RawHttpVerdict {
  readonly id: string;
  readonly cls: RawHttpCase["cls"];
  readonly lvl: RawHttpCase["lvl"];
  readonly passed: boolean;
  /** What was wrong; empty when passed. */
  readonly why: string;
}

/** The folder of the corpora, or undefined when it is not there. */
export function corporaFolder(): string | undefined {
  const folder =
    process.env["PORTCULLIS_CORPORA"] ?? resolve(import.meta.dirname, "../../../shared/corpora");
  return existsSync(join(folder, "raw-http/cases.jsonl")) ? folder : undefined;
}

export function readRawHttpCases(folder: string): RawHttpCase[] {
  return readFileSync(join(folder, "raw-http/cases.jsonl"), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as RawHttpCase);
}

/** Runs every case, one after the other, so that what arrives can be told apart. */
export async function runRawHttpCases(
  cases: readonly RawHttpCase[],
  target: RawHttpTarget,
): Promise<RawHttpVerdict[]> {
  const verdicts: RawHttpVerdict[] = [];
  for (const row of cases) verdicts.push(await runCase(row, target));
  return verdicts;
}

async function runCase(row: RawHttpCase, target: RawHttpTarget): Promise<RawHttpVerdict> {
  const before = target.recorded().length;
  const bytes = fill(Buffer.from(row.raw, "base64").toString("latin1"), target);
  const reply = await sendRaw({ port: target.port, bytes, quietMs: target.quietMs ?? 150 });
  const why = judge(row, reply, target.recorded().slice(before));
  return { id: row.id, cls: row.cls, lvl: row.lvl, passed: why === "", why };
}

/** The body that a chunk carries: a server that believed Content-Length instead reads on in the middle of it. */
const DEFAULT_BODY = JSON.stringify({ instances: [{ tenure: 12, monthly: 70.35 }] });

function fill(
  raw: string,
  { path, authorization, host = "gateway.example", body: json = DEFAULT_BODY }: RawHttpTarget,
): string {
  const text = raw
    .replaceAll("@@PATH@@", path)
    .replaceAll("@@HOST@@", host)
    .replaceAll(
      "@@AUTH@@",
      authorization === undefined ? "" : `\r\nAuthorization: ${authorization}`,
    )
    .replaceAll("@@CHUNK@@", `${json.length.toString(16)}\r\n${json}`);
  const body = text.slice(text.indexOf("\r\n\r\n") + 4);
  return text.replaceAll("@@LEN@@", String(body.length));
}

const MARKS_OF_SMUGGLING = /smuggled|evil|\/bye|\/admin/;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

function judge(row: RawHttpCase, reply: RawReply, arrived: readonly ForwardedRequest[]): string {
  const unclean = arrived.map(faultOfForwarded).find((fault) => fault !== "");
  if (unclean !== undefined) return unclean;
  if (arrived.length > row.max) return `${arrived.length} requests arrived`;
  const last = reply.statuses.at(-1);
  switch (row.cls) {
    case "reject":
      if (arrived.length > 0) return "a request arrived";
      if (last === undefined) return reply.isClosed ? "" : "neither an answer nor an end";
      return reply.statuses.every((status) => status >= 400)
        ? ""
        : `answered ${reply.statuses.join()}`;
    case "safe":
      if (row.one && reply.statuses.length > 1) return "more than one answer";
      return row.one && last !== undefined && !reply.isClosed ? "the connection stayed open" : "";
    case "accept":
      if (arrived.length !== 1) return "no request arrived";
      return last !== undefined && last < 300 ? "" : `answered ${reply.statuses.join()}`;
    case "wait":
      if (arrived.length > 0) return "a request arrived before it was complete";
      return reply.statuses.every((status) => status >= 400)
        ? ""
        : `answered ${reply.statuses.join()}`;
  }
}

/** What must never be on the other side, whatever was sent. */
function faultOfForwarded({ target, headers }: ForwardedRequest): string {
  if (MARKS_OF_SMUGGLING.test(target)) return `a smuggled request arrived: ${target}`;
  const names = new Set<string>();
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] as string).toLowerCase();
    if (!TOKEN.test(name)) return `the field name ${JSON.stringify(name)} arrived`;
    if (/[\r\n\0]/.test(headers[i + 1] as string)) return `a line break in ${name} arrived`;
    if (["host", "content-length", "transfer-encoding"].includes(name) && names.has(name))
      return `two ${name} fields arrived`;
    names.add(name);
  }
  if (names.has("content-length") && names.has("transfer-encoding")) return "two lengths arrived";
  return "";
}
