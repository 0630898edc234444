/** A request as an operator tells it, in a file or as a curl command line, as the engine takes it. Nothing of it is repaired. */
import { readFile } from "node:fs/promises";
import { Buffer } from "node:buffer";
import { readCurl } from "../../gateway/explain/explain-curl.ts";
import { readTold, valueOf, type ToldRequest } from "../../gateway/explain/explain-told.ts";
import type { RequestHead } from "../../seclang/index.ts";

export interface EngineRequest {
  readonly head: RequestHead;
  readonly body: Uint8Array;
}

export interface RequestOptions {
  readonly request?: string;
  readonly curl?: string;
}

/** Reads the one that is given. Throws `ToldWrong`, or what the file system says. */
export async function readRequest({ request, curl }: RequestOptions): Promise<EngineRequest> {
  if ((request === undefined) === (curl === undefined))
    throw new Error("give --request or --curl: one of them");
  if (curl !== undefined) return toEngine(withUserAgent(readCurl(curl)), utf8Bytes);
  const bytes = request === "-" ? await readInput() : await readFile(request as string);
  // Raw HTTP was read byte by byte; JSON is text.
  const isJson = bytes.toString("latin1", 0, 64).trimStart().startsWith("{");
  return toEngine(readTold(bytes), isJson ? utf8Bytes : (text) => text);
}

/** Which curl sends by itself, and rules miss. */
function withUserAgent(told: ToldRequest): ToldRequest {
  const { rawHeaders } = told;
  if (valueOf(rawHeaders, "user-agent") !== undefined) return told;
  return { ...told, rawHeaders: [...rawHeaders, "User-Agent", "curl/8.0.0"] };
}

const utf8Bytes = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

function toEngine(told: ToldRequest, bytesOf: (text: string) => string): EngineRequest {
  const headers: [string, string][] = [];
  for (let at = 0; at < told.rawHeaders.length; at += 2)
    headers.push([
      bytesOf(told.rawHeaders[at] as string),
      bytesOf(told.rawHeaders[at + 1] as string),
    ]);
  return {
    head: {
      method: bytesOf(told.method),
      target: bytesOf(told.target),
      protocol: "HTTP/1.1",
      headers,
      id: "told",
      remoteAddress: "127.0.0.1",
    },
    body: told.body,
  };
}

async function readInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
