/**
 * Who called, behind proxies: read from X-Forwarded-For or Forwarded (RFC 7239), from the right, and only as far as
 * proxies are trusted. What an untrusted peer says of itself is never read.
 */
import { canonicalAddress } from "../config/cidr.ts";

/** The networks of the operator's own proxies. */
export interface TrustedProxies {
  readonly size: number;
  has(address: string): boolean;
}

export interface Origin {
  readonly address: string;
  readonly isSecure: boolean;
}

/** Longest chain of hops that is walked; a real one has two or three. */
const HOPS = 32;

/** The caller's origin as the trusted peer tells it; or, as text, why the telling is not acceptable. */
export function originBehindProxy(
  peer: Origin,
  forwarding: readonly string[],
  proxies: TrustedProxies,
): Origin | string {
  const xForwardedFor = joined(forwarding, "x-forwarded-for");
  const forwarded = joined(forwarding, "forwarded");
  const said: Origin[] = [];
  if (forwarded !== undefined) {
    const elements = parseForwarded(forwarded);
    if (typeof elements === "string") return elements;
    const origin = walk(peer, elements, proxies);
    if (typeof origin === "string") return origin;
    said.push(origin);
  }
  if (xForwardedFor !== undefined) {
    const hops = xForwardedFor.split(",").map((hop) => ({ for: hop.trim(), proto: undefined }));
    const origin = walk(peer, hops, proxies);
    if (typeof origin === "string") return origin;
    said.push(origin);
  }
  const [first = peer, second] = said;
  // A proxy that writes one of the two passes the other on as the caller wrote it: disagreement means forgery.
  if (second !== undefined && second.address !== first.address)
    return "Forwarded and X-Forwarded-For disagree";
  const proto = joined(forwarding, "x-forwarded-proto");
  if (proto === undefined) return first;
  // Every hop that is told of must have been secure; one that was not makes the whole way insecure.
  const isSecure = proto.split(",").every((hop) => hop.trim().toLowerCase() === "https");
  return { address: first.address, isSecure };
}

interface Hop {
  readonly for: string | undefined;
  readonly proto: string | undefined;
}

/** From the nearest hop outwards, until one is told of by nobody we trust. */
function walk(peer: Origin, hops: readonly Hop[], proxies: TrustedProxies): Origin | string {
  if (hops.length > HOPS) return "the chain of proxies is too long";
  let origin = peer;
  for (let i = hops.length - 1; i >= 0; i--) {
    const hop = hops[i] as Hop;
    const node = hop.for === undefined ? undefined : parseNode(hop.for);
    if (node === undefined) return "a hop is not an address";
    const isSecure = hop.proto === undefined ? origin.isSecure : hop.proto === "https";
    // RFC 7239 section 6.2 and 6.3: a proxy may hide what it knows; then it is itself all that is known.
    if (node === HIDDEN) return { address: origin.address, isSecure };
    origin = { address: node, isSecure };
    if (!proxies.has(node)) return origin;
  }
  return origin;
}

const HIDDEN = "hidden";
const PORT = /^:(?:\d{1,5}|_[A-Za-z0-9._-]+)$/;

/** RFC 7239 section 6: an address with or without port, "unknown" or an obfuscated identifier. */
function parseNode(text: string): string | undefined {
  if (text.toLowerCase() === "unknown" || /^_[A-Za-z0-9._-]+$/.test(text)) return HIDDEN;
  if (text.startsWith("[")) {
    const end = text.indexOf("]");
    const port = text.slice(end + 1);
    if (end < 0 || (port !== "" && !PORT.test(port))) return undefined;
    return plainAddress(text.slice(1, end));
  }
  const colon = text.indexOf(":");
  const isWithPort = colon >= 0 && text.indexOf(":", colon + 1) < 0;
  if (!isWithPort) return plainAddress(text);
  return PORT.test(text.slice(colon)) ? plainAddress(text.slice(0, colon)) : undefined;
}

function plainAddress(text: string): string | undefined {
  return text.includes("%") ? undefined : canonicalAddress(text);
}

/** RFC 7239 section 4: elements by comma, pairs by semicolon, values as token or quoted-string. */
const PAIR = /^\s*([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+.^_`|~0-9A-Za-z:[\]-]+))\s*(;|,|$)/;

function parseForwarded(text: string): Hop[] | string {
  const hops: Hop[] = [];
  let rest = text;
  let hop: { for: string | undefined; proto: string | undefined } = {
    for: undefined,
    proto: undefined,
  };
  while (rest !== "") {
    const match = PAIR.exec(rest);
    if (!match) return "Forwarded is not well-formed";
    const name = (match[1] as string).toLowerCase();
    const value = match[2]?.replaceAll(/\\(.)/g, "$1") ?? match[3] ?? "";
    if (name === "for" || name === "proto") {
      if (hop[name] !== undefined) return "Forwarded repeats a parameter";
      hop[name] = name === "proto" ? value.toLowerCase() : value;
    }
    rest = rest.slice(match[0].length);
    if (match[4] === ";") continue;
    hops.push(hop);
    hop = { for: undefined, proto: undefined };
  }
  return hops;
}

/** All fields of one name as one list, in the order received. */
function joined(fields: readonly string[], name: string): string | undefined {
  let value: string | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === name)
      value = value === undefined ? fields[i + 1] : `${value},${fields[i + 1]}`;
  }
  return value;
}
