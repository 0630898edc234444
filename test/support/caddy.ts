/**
 * A real Caddy in front of a policy proxy, run from the very Caddyfile that is shipped. Where it is not installed, what
 * needs it says loudly that it is skipped.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { request } from "node:https";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { until } from "./until.ts";
import type { DevelopmentCa, IssuedCertificate } from "./certificates.ts";

const CADDYFILE = resolve(import.meta.dirname, "../../deploy/caddy/Caddyfile");
const START_LIMIT_MS = 20_000;
/** Another program may take the port between our look and Caddy's start. */
const ATTEMPTS = 5;
const SKIPPED =
  "SKIPPED: Caddy is not installed (apt-get install caddy); the policy proxy is not tested behind a real edge";

export const GATE_HOST = "gate.example";
export const HOOKS_HOST = "hooks.example";
/** The name that Caddy verifies the policy proxy's certificate against. */
export const POLICY_PROXY_NAME = "policy-proxy.internal";

/** Whether there is a Caddy to test with. */
export function hasCaddy(): boolean {
  const isThere = spawnSync("caddy", ["version"], { stdio: "ignore" }).status === 0;
  if (!isThere) console.warn(SKIPPED);
  return isThere;
}

export interface CaddyOptions {
  /** Of the certificate that Caddy shows to callers, and of theirs. */
  readonly callersCa: DevelopmentCa;
  /** Of the policy proxy's certificate. */
  readonly innerCa: DevelopmentCa;
  /** What Caddy shows to the policy proxy. */
  readonly edge: IssuedCertificate;
  readonly policyProxyPort: number;
  /** The content of callers.map. */
  readonly callers: string;
}

export interface Caddy {
  readonly port: number;
  call(call: EdgeCall): Promise<EdgeAnswer>;
  stop(): Promise<void>;
}

export interface EdgeCall {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  /** The certificate that the caller shows. */
  readonly certificate?: IssuedCertificate;
  /** The name asked for in the handshake and, unless the headers say otherwise, in Host. */
  readonly host?: string;
  readonly maxVersion?: "TLSv1.2" | "TLSv1.3";
}

export interface EdgeAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export async function startCaddy(options: CaddyOptions): Promise<Caddy> {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-caddy-"));
  await writeFiles(folder, options);
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    try {
      const stop = await start(folder, port, options.policyProxyPort);
      return {
        port,
        call: (one) => callTls({ port, ca: options.callersCa.certificatePem }, one),
        async stop() {
          await stop();
          rmSync(folder, { recursive: true, force: true });
        },
      };
    } catch (error) {
      if (attempt === ATTEMPTS || !String(error).includes("address already in use")) throw error;
    }
  }
}

/** A call over TLS as one makes it to Caddy, or around it to the policy proxy itself. Rejects when the handshake fails. */
export function callTls(
  to: { readonly port: number; readonly ca: string },
  { path, method = "GET", headers, body, certificate, host = GATE_HOST, maxVersion }: EdgeCall,
): Promise<EdgeAnswer> {
  return new Promise((done, fail) => {
    const sending = request(
      {
        host: "127.0.0.1",
        port: to.port,
        ca: to.ca,
        servername: host,
        method,
        path,
        headers: { host, ...(headers as Record<string, string | string[]>) },
        agent: false,
        ...(maxVersion && { maxVersion }),
        ...(certificate && { cert: certificate.certificatePem, key: certificate.keyPem }),
      },
      (message) => {
        let text = "";
        message.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        message.on("error", fail);
        message.on("end", () =>
          done({ status: message.statusCode ?? 0, headers: message.headers, text }),
        );
      },
    );
    sending.on("error", fail);
    sending.end(body);
  });
}

async function writeFiles(folder: string, options: CaddyOptions): Promise<void> {
  const { callersCa, innerCa, edge, callers } = options;
  const server = await callersCa.issue({
    commonName: GATE_HOST,
    usage: "server",
    dnsNames: [GATE_HOST, HOOKS_HOST],
  });
  const files = {
    "callers.map": callers,
    "callers-ca.crt": callersCa.certificatePem,
    "edge.crt": server.certificatePem,
    "edge.key": server.keyPem,
    "edge-client.crt": edge.certificatePem,
    "edge-client.key": edge.keyPem,
    "policy-proxy-ca.crt": innerCa.certificatePem,
  };
  copyFileSync(CADDYFILE, join(folder, "Caddyfile"));
  for (const [name, text] of Object.entries(files))
    writeFileSync(join(folder, name), text, { mode: 0o600 });
}

/** Gives how to stop it; rejects with what it said when it ends before it listens. */
async function start(
  folder: string,
  port: number,
  policyProxyPort: number,
): Promise<() => Promise<void>> {
  const child = spawn("caddy", ["run", "--config", "Caddyfile", "--adapter", "caddyfile"], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: folder,
      EDGE_BIND: "127.0.0.1",
      EDGE_PORT: String(port),
      POLICY_PROXY: `127.0.0.1:${policyProxyPort}`,
      GATE_HOST,
      HOOKS_HOST,
      POLICY_PROXY_NAME,
      CALLERS_CA: "callers-ca.crt",
      EDGE_CERT: "edge.crt",
      EDGE_KEY: "edge.key",
      EDGE_CLIENT_CERT: "edge-client.crt",
      EDGE_CLIENT_KEY: "edge-client.key",
      POLICY_PROXY_CA: "policy-proxy-ca.crt",
    },
  });
  let said = "";
  child.stderr.on("data", (text: Buffer) => {
    said = (said + text.toString()).slice(-10_000);
  });
  const ended = once(child, "close");
  const isUp = (): Promise<boolean> => {
    if (child.exitCode !== null) throw new Error(`Caddy ended: ${said}`);
    return accepts(port);
  };
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
  };
  try {
    await until("Caddy listens", isUp, START_LIMIT_MS);
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => done(true));
    socket.on("error", () => done(false));
    socket.on("connect", () => socket.destroy());
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
