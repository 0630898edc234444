/** What is measured: the bare Node proxy, Portcullis with everything on, and nginx where it is installed. */
import { generateKeyPairSync, sign } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ChildProcess } from "node:child_process";
import { createSigningKeyPem } from "../src/ledger/signing-key.ts";
import { CONSTITUTION, prepareConstitution } from "./governed.ts";
import { firstLine, pinMainThread, startPinned, TEST_CORE } from "./processes.ts";

export interface Subject {
  readonly port: number;
  /** The process whose CPU counts. */
  readonly pid: number;
  readonly child: ChildProcess;
}

export const PATH = "/churn/v2/predict";

const asPort = (line: string): number | undefined =>
  /^\d+$/.test(line) ? Number(line) : undefined;
const here = import.meta.dirname;

export async function startStub(core: number): Promise<number> {
  return firstLine(startPinned(core, [process.execPath, join(here, "stub-upstream.ts")]), asPort);
}

export async function startBareProxy(stubPort: number): Promise<Subject> {
  const child = startPinned(TEST_CORE, [
    process.execPath,
    join(here, "bare-proxy.ts"),
    String(stubPort),
  ]);
  return {
    port: await firstLine(child, asPort),
    pid: child.pid ?? 0,
    child,
  };
}

/**
 * `file` is the configuration in `folder` to run. `free`: only the thread that serves requests is held to the core; the
 * ledger's and the engine's own go where there is room, as they do where nobody pins anything.
 */
export async function startPortcullis(
  folder: string,
  file: string,
  threads: "pinned" | "free" = "pinned",
): Promise<Subject> {
  // Its port stands in the log, and a former process wrote one there too.
  rmSync(join(folder, "access.log"), { force: true });
  const main = join(here, "../bin/portcullis.js");
  const child = startPinned(threads === "pinned" ? TEST_CORE : undefined, [
    process.execPath,
    main,
    "run",
    "--config",
    join(folder, file),
  ]);
  const port = await portInLog(join(folder, "access.log"));
  if (threads === "free") pinMainThread(child);
  return { port, pid: child.pid ?? 0, child };
}

/** The gateway logs to a file, as it would behind a log shipper; its "listening" line is there too. */
async function portInLog(file: string): Promise<number> {
  for (let i = 0; i < 200; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
    const line = lines.find((text) => text.includes('"listening"') && text.includes('"callers"'));
    if (line) return (JSON.parse(line) as { port: number }).port;
  }
  throw new Error("the gateway did not start within ten seconds");
}

export async function startNginx(folder: string, stubPort: number): Promise<Subject> {
  const port = 20_000 + Math.floor(Math.random() * 10_000);
  const root = join(folder, "nginx");
  mkdirSync(root, { recursive: true });
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${root}/${kind};`)
    .join(" ");
  writeFileSync(
    join(root, "nginx.conf"),
    `worker_processes 1; master_process off; daemon off; pid ${root}/pid; error_log ${root}/error.log;
events { worker_connections 4096; }
http {
  access_log off; server_tokens off; ${temporary}
  keepalive_requests 100000000; keepalive_timeout 75s;
  upstream model { server 127.0.0.1:${stubPort}; keepalive 64; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / { proxy_pass http://model; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`,
  );
  const child = startPinned(TEST_CORE, ["nginx", "-c", join(root, "nginx.conf"), "-p", root]);
  await new Promise((resolve) => setTimeout(resolve, 500));
  return { port, pid: child.pid ?? 0, child };
}

/** Writes the gateway's configuration and keys into `folder`; answers with a token that its issuer signed. */
export function prepareConfiguration(folder: string, stubPort: number): string {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwk = { ...publicKey.export({ format: "jwk" }), kid: "bench", alg: "ES256", use: "sig" };
  writeFileSync(join(folder, "jwks.json"), JSON.stringify({ keys: [jwk] }));
  writeFileSync(join(folder, "request.json"), JSON.stringify(REQUEST_SCHEMA));
  writeFileSync(join(folder, "response.json"), JSON.stringify(RESPONSE_SCHEMA));
  const configuration = configurationFor(stubPort);
  writeFileSync(join(folder, "portcullis.yaml"), configuration);
  writeFileSync(join(folder, "ledger.yaml"), configuration + LEDGER);
  writeFileSync(join(folder, "governed.yaml"), configuration + CONSTITUTION);
  prepareConstitution(folder);
  writeFileSync(join(folder, "ledger.key"), createSigningKeyPem(), { mode: 0o600 });
  const now = Math.floor(Date.now() / 1000);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = {
    iss: "https://idp.bench.example",
    aud: "inference",
    sub: "bench-1",
    client_id: "bench",
    tenant_id: "retail",
    scope: "predict:churn",
    jti: "bench-token",
    iat: now,
    exp: now + 12 * 3600,
  };
  const signed = `${part({ alg: "ES256", typ: "at+jwt", kid: "bench" })}.${part(claims)}`;
  const signature = sign("sha256", Buffer.from(signed), {
    key: privateKey,
    dsaEncoding: "ieee-p1363",
  });
  return `${signed}.${signature.toString("base64url")}`;
}

/** Every stage on; limits so high that the one caller of the benchmark never meets them. */
function configurationFor(stubPort: number): string {
  return `version: 1
environment: development
listeners:
  - { name: callers, bind: "127.0.0.1:0" }
operator: { bind: "127.0.0.1:0" }
server: { limits: { connectionsPerAddress: 20000 } }
telemetry:
  log: { level: info, destination: "file:access.log" }
identity:
  issuers:
    bench: { issuer: "https://idp.bench.example", audience: [inference], algorithms: [ES256], jwks: "file:jwks.json" }
authorization:
  grants:
    - { caller: bench, tenant: retail, model: churn, version: v2, scopes: ["predict:churn"] }
sources: { rate: 1000000000/m, deny: [192.0.2.0/24] }
limits:
  default:
    { rate: 1000000/s, burst: 1000000, concurrency: 10000, quota: { minute: 1000000000, hour: 1000000000, day: 1000000000 } }
upstreams:
  churn: { targets: ["http://127.0.0.1:${stubPort}"], timeout: 10s }
models:
  churn:
    versions:
      v2: { upstream: churn, scopes: ["predict:churn"], body: 64KiB, request: "file:request.json", response: "file:response.json" }
`;
}

const LEDGER = `ledger: { directory: ledger, gateway: bench, signingKey: "file:ledger.key", durability: group }
`;

const text = { type: "string", maxLength: 64 };
const count = { type: "integer", minimum: 0, maximum: 100_000 };
const amount = { type: "number", minimum: 0, maximum: 1e9 };
const FEATURES = {
  age: { type: "integer", minimum: 18, maximum: 120 },
  tenure_months: count,
  monthly_charges: amount,
  total_charges: amount,
  num_calls: count,
  num_tickets: count,
  avg_session_min: amount,
  days_since_login: count,
  data_usage_gb: amount,
  late_payments: count,
  discount_rate: { type: "number", minimum: 0, maximum: 1 },
  satisfaction: { type: "number", minimum: 1, maximum: 5 },
  gender: { enum: ["female", "male", "other"] },
  region: text,
  contract: { enum: ["month-to-month", "one year", "two year"] },
  payment_method: text,
  internet_service: text,
  device_protection: { enum: ["yes", "no"] },
  paperless_billing: { enum: ["yes", "no"] },
  plan: text,
};

const REQUEST_SCHEMA = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  required: ["inputs"],
  additionalProperties: false,
  properties: {
    id: text,
    trace: text,
    parameters: { type: "object" },
    inputs: {
      type: "object",
      required: Object.keys(FEATURES),
      additionalProperties: false,
      properties: FEATURES,
    },
  },
};

const RESPONSE_SCHEMA = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  required: ["model_name", "outputs"],
  properties: {
    model_name: { type: "string" },
    model_version: { type: "string" },
    outputs: { type: "array" },
  },
};
