/**
 * The one way this stage reaches out: a GET that cannot be led astray. It follows no redirect, talks to no address that
 * was not allowed (judged after name resolution, on the very address that is dialled), and reads no more than its limit.
 */
import { lookup as dnsLookup, type LookupAddress } from "node:dns";
import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { classifyAddress, type AddressClass } from "./address-class.ts";

/** Fifty times the largest real key set. Raising it lets a hostile or broken key server fill memory. */
export const DEFAULT_DOCUMENT_LIMIT_BYTES = 262_144;
/** Everything, from name resolution to the last byte. Requests that need the keys wait this long before their 503. */
export const DEFAULT_FETCH_TIMEOUT_MS = 5_000;

/** Where a fetch may go. */
export interface ReachRules {
  readonly mayUsePrivate: boolean;
  readonly mayUseLoopback: boolean;
  /** Plain HTTP to loopback only, or anywhere that is reachable at all. Never true in production. */
  readonly plainHttp: "never" | "loopback" | "anywhere";
}

export interface FetchOptions {
  readonly rules: ReachRules;
  readonly timeoutMs: number;
  readonly limitBytes: number;
  /** PEM of the only authorities to trust; undefined means the system's. */
  readonly ca: string | undefined;
}

/** Why a document could not be had; for the operator. */
export class FetchFailed extends Error {
  override readonly name = "FetchFailed";
}

export async function fetchDocument(address: string, options: FetchOptions): Promise<Buffer> {
  const url = new URL(address);
  const signal = AbortSignal.timeout(options.timeoutMs);
  try {
    const response = await send(url, options, signal);
    return await readWhole(response, options.limitBytes);
  } catch (error) {
    const why = signal.aborted ? `no answer in ${options.timeoutMs} ms` : messageOf(error);
    throw new FetchFailed(`${url.origin}${url.pathname}: ${why}`, { cause: error });
  }
}

function send(url: URL, options: FetchOptions, signal: AbortSignal): Promise<IncomingMessage> {
  const isPlain = url.protocol === "http:";
  if (isPlain && options.rules.plainHttp === "never")
    return Promise.reject(new FetchFailed("plain HTTP is not allowed"));
  const host = url.hostname.replace(/^\[|\]$/g, "");
  // node:net asks `lookup` only for names; an address written in the URL must be judged here.
  if (isIP(host) !== 0 && !isReachable(host, isPlain, options.rules))
    return Promise.reject(new FetchFailed("its address is not allowed"));
  const settings: RequestOptions & { ca?: string } = {
    signal,
    // A connection of its own each time: keys are fetched every few minutes, and an idle socket is one more to guard.
    agent: false,
    lookup: guardedLookup(isPlain, options.rules),
    headers: { accept: "application/json", "accept-encoding": "identity" },
  };
  if (!isPlain && options.ca !== undefined) settings.ca = options.ca;
  return new Promise((resolve, reject) => {
    const outgoing = (isPlain ? httpRequest : httpsRequest)(url, settings, resolve);
    outgoing.on("error", reject).end();
  });
}

async function readWhole(response: IncomingMessage, limitBytes: number): Promise<Buffer> {
  try {
    // Redirects included: a key server that moves is a change an operator must make, not one a network may suggest.
    if (response.statusCode !== 200) throw new FetchFailed(`status ${response.statusCode}`);
    const encoding = response.headers["content-encoding"];
    if (encoding !== undefined && encoding !== "identity")
      throw new FetchFailed("an encoded answer was not asked for");
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limitBytes) throw new FetchFailed(`larger than ${limitBytes} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } finally {
    response.destroy();
  }
}

/** Resolves a name and refuses it if any of its addresses is out of bounds, so that no retry can pick that one. */
function guardedLookup(isPlain: boolean, rules: ReachRules): LookupFunction {
  return (hostname, options, callback) => {
    dnsLookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      if (error) return callback(error, "", 0);
      const [first] = addresses;
      if (!first || !addresses.every(({ address }) => isReachable(address, isPlain, rules)))
        return callback(new FetchFailed("its address is not allowed"), "", 0);
      if (options.all) return callback(null, addresses);
      return callback(null, first.address, first.family);
    });
  };
}

function isReachable(address: string, isPlain: boolean, rules: ReachRules): boolean {
  const addressClass = classifyAddress(address);
  if (isPlain && rules.plainHttp === "loopback" && addressClass !== "loopback") return false;
  return isClassAllowed(addressClass, rules);
}

function isClassAllowed(addressClass: AddressClass, rules: ReachRules): boolean {
  switch (addressClass) {
    case "public":
      return true;
    case "private":
      return rules.mayUsePrivate;
    case "loopback":
      return rules.mayUseLoopback;
    case "never":
      return false;
  }
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
