/** The other end of a connection, read from the socket once: address, TLS and certificate. Never from a header. */
import { hash, type X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import { canonicalAddress } from "../config/cidr.ts";
import type { Peer, PeerCertificate } from "../pipeline/request-context.ts";

export function peerOfSocket(socket: Socket): Peer {
  return { address: addressOfSocket(socket), port: socket.remotePort ?? 0 };
}

/** The canonical address of the other end; IPv4-mapped IPv6 unwrapped; empty when the socket is already gone. */
export function addressOfSocket(socket: Socket): string {
  const { remoteAddress } = socket;
  return remoteAddress === undefined ? "" : (canonicalAddress(remoteAddress) ?? remoteAddress);
}

/** The peer once its handshake is done. */
export function peerOfTls(socket: TLSSocket, peer: Peer): Peer {
  const serverName = socket.servername as string | false | null | undefined;
  const tls = {
    version: socket.getProtocol() ?? "",
    cipher: socket.getCipher().name,
    ...(typeof serverName === "string" && serverName !== "" && { serverName }),
  };
  const leaf = socket.getPeerX509Certificate();
  if (!leaf) return { ...peer, tls };
  return { ...peer, tls, certificate: certificateOf(leaf, socket) };
}

function certificateOf(leaf: X509Certificate, socket: TLSSocket): PeerCertificate {
  const { authorized: verified, authorizationError: error } = socket;
  return {
    verified,
    ...(!verified && { verifyError: error instanceof Error ? error.message : String(error) }),
    subject: onOneLine(leaf.subject),
    issuer: onOneLine(leaf.issuer),
    serial: leaf.serialNumber,
    subjectAltNames: parseAltNames(leaf.subjectAltName),
    thumbprintSha256: hash("sha256", leaf.raw, "base64url"),
    chain: chainOf(socket),
    expiresAtMs: Date.parse(leaf.validTo),
  };
}

/** Longest chain kept; real ones have three. */
const CHAIN_CERTIFICATES = 10;

/** The leaf and its issuers up to the authority, as OpenSSL linked them, also those the caller did not send. */
function chainOf(socket: TLSSocket): Buffer[] {
  const chain: Buffer[] = [];
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (next?.raw && chain.length < CHAIN_CERTIFICATES && !chain.at(-1)?.equals(next.raw)) {
    chain.push(next.raw);
    next = next.issuerCertificate;
  }
  return chain;
}

/** Node prints one attribute a line. */
function onOneLine(name: string): string {
  return name.split("\n").join(", ");
}

/**
 * Splits Node's text of alternative names. A value with a comma or a quotation mark is printed as a JSON string, so
 * that a name holding ", DNS:victim" cannot pass for two (CVE-2021-44532).
 */
export function parseAltNames(text: string | undefined): string[] {
  const names = text?.match(/(?:"(?:[^"\\]|\\.)*"|[^",])+/g) ?? [];
  return names.map((name) => {
    const [, kind, value] = /^\s*([^:]+):(.*)$/s.exec(name) ?? [];
    if (kind === undefined || value === undefined) return name.trim();
    return `${kind}:${value.startsWith('"') ? unquote(value) : value}`;
  });
}

function unquote(value: string): string {
  try {
    return String(JSON.parse(value));
  } catch {
    return value;
  }
}
