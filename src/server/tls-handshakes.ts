/**
 * TLS handshakes on sockets that someone else accepted. One object for one set of certificates: changed certificates
 * or authorities make a new one, with new ticket keys, so that no session outlives what it was allowed by.
 */
import { constants } from "node:crypto";
import type { Socket } from "node:net";
import { createServer, type Server, type TlsOptions, type TLSSocket } from "node:tls";

/** What a listener's TLS is made of, read from its files. */
export interface TlsMaterial {
  readonly certificate: Buffer;
  readonly key: Buffer;
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  readonly callers: {
    readonly mode: "none" | "request" | "require";
    readonly ca?: Buffer | undefined;
    readonly crl?: Buffer | undefined;
  };
}

/** TLS 1.3's suites, and of TLS 1.2 those with forward secrecy and authenticated encryption (RFC 9325 section 4.2). */
const CIPHERS = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

/** No SHA-1 and no MD5, in signatures of either side (RFC 9155). */
const SIGNATURES = [
  "ecdsa_secp256r1_sha256",
  "ecdsa_secp384r1_sha384",
  "ecdsa_secp521r1_sha512",
  "ed25519",
  "rsa_pss_rsae_sha256",
  "rsa_pss_rsae_sha384",
  "rsa_pss_rsae_sha512",
  "rsa_pkcs1_sha256",
  "rsa_pkcs1_sha384",
  "rsa_pkcs1_sha512",
].join(":");

/** A caller of TLS 1.2 could ask for one costly handshake after another on one connection (CVE-2011-1473). */
const OPTIONS = constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION;

export interface TlsEvents<Bound> {
  /** The handshake is done; `bound` is what came with the socket. */
  secured(socket: TLSSocket, bound: Bound): void;
  failed(bound: Bound | undefined): void;
}

export class TlsHandshakes<Bound> {
  readonly #server: Server;
  /** Handshakes under way, by the caller's end of the socket: Node does not say which socket TLS was put on. */
  readonly #underWay = new Map<string, Bound>();

  /** Throws when certificate, key or authority cannot be used. */
  constructor(material: TlsMaterial, handshakeTimeoutMs: number, events: TlsEvents<Bound>) {
    this.#server = createServer(tlsOptions(material, handshakeTimeoutMs));
    this.#server.on("secureConnection", (socket) => {
      const bound = this.#underWay.get(farEnd(socket));
      if (bound === undefined) socket.destroy();
      else events.secured(socket, bound);
    });
    this.#server.on("tlsClientError", (_, socket) => {
      events.failed(this.#underWay.get(farEnd(socket)));
      socket.destroy();
    });
  }

  /** Begins a handshake. */
  accept(raw: Socket, bound: Bound): void {
    const end = farEnd(raw);
    this.#underWay.set(end, bound);
    raw.on("error", () => undefined);
    raw.once("close", () => this.#underWay.delete(end));
    this.#server.emit("connection", raw);
  }
}

const farEnd = (socket: Socket): string => `${socket.remoteAddress} ${socket.remotePort}`;

function tlsOptions(material: TlsMaterial, handshakeTimeoutMs: number): TlsOptions {
  const { callers } = material;
  const asksCallers = callers.mode !== "none";
  return {
    cert: material.certificate,
    key: material.key,
    minVersion: material.minVersion,
    maxVersion: "TLSv1.3",
    ciphers: CIPHERS,
    sigalgs: SIGNATURES,
    // With tickets a resumed session skips the certificate check: a caller revoked since would still be let in.
    secureOptions: asksCallers ? OPTIONS | constants.SSL_OP_NO_TICKET : OPTIONS,
    requestCert: asksCallers,
    rejectUnauthorized: callers.mode === "require",
    ...(callers.ca && { ca: callers.ca }),
    ...(callers.crl && { crl: callers.crl }),
    ALPNProtocols: ["h2", "http/1.1"],
    handshakeTimeout: handshakeTimeoutMs,
  };
}
