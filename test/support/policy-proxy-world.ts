/**
 * The policy proxy as it is deployed: the shipped Caddyfile in a real Caddy, the command in a process of its own, the example
 * constitution signed by a test's key, certificates of two authorities, and recording upstreams behind it all.
 */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { onTestFinished } from "vitest";
import { packHash } from "../../src/packs/sign/pack-hash.ts";
import { createPackKey, readPrivateKey } from "../../src/packs/sign/keys.ts";
import { signPackJson } from "../../src/packs/sign/pack-json.ts";
import { Command } from "../cli/command.ts";
import { callTls, POLICY_PROXY_NAME, startCaddy, type Caddy, type EdgeAnswer } from "./caddy.ts";
import { createDevelopmentCa, type IssuedCertificate } from "./certificates.ts";
import { GatewayRecord } from "./gateway-record.ts";
import { startRecordingUpstream, type RecordingUpstream } from "./recording-upstream.ts";

const EXAMPLE = resolve(import.meta.dirname, "../../deploy/constitution/example.yaml");

/** The issuer that the example constitution knows. */
const CALLERS_AUTHORITY = "Example Callers CA";
const CALLERS_MAP = `"CN=alice" "alice@example.com" "people"
"CN=olga" "olga@example.com" "people,operations"
`;

export const WEBHOOK_SECRET: string = randomBytes(32).toString("base64");

/** `robot` has a certificate of the same authority, and stands for nobody. */
type Caller = "alice" | "olga" | "robot";

export interface PolicyProxyWorld {
  readonly folder: string;
  readonly core: RecordingUpstream;
  readonly webhooks: RecordingUpstream;
  readonly caddy: Caddy;
  readonly proxy: Command;
  readonly record: GatewayRecord;
  /** BLAKE3 of the rules that are active at the start. */
  readonly blake3: string;
  readonly callers: Readonly<Record<Caller, IssuedCertificate>>;
  /** What Caddy shows to the proxy, and a certificate of the same authority that is not listed. */
  readonly edge: IssuedCertificate;
  readonly stranger: IssuedCertificate;
  /** A call as that caller, through Caddy. */
  as(caller: Caller, path: string, headers?: EdgeHeaders): Promise<EdgeAnswer>;
  /** A call around Caddy, to the policy proxy itself. */
  around(path: string, headers: EdgeHeaders, certificate?: IssuedCertificate): Promise<EdgeAnswer>;
  /** A request to the operator's listener, at this address of the machine. */
  operate(path: string, body?: object, address?: string): Promise<OperatorSaid>;
  /** The text, or why there is none. */
  metrics(address?: string): Promise<string>;
  /** Signs rules and lays them beside the active ones, as the candidate. */
  layCandidate(change: (rules: string) => string, version: string): string;
}

type EdgeHeaders = Readonly<Record<string, string | readonly string[]>>;

interface OperatorSaid {
  readonly status: number;
  readonly json: Readonly<Record<string, unknown>>;
}

/** Ends with its test: the process is told to stop, and what it recorded is proven. */
export async function startPolicyProxyWorld(
  over: Readonly<Record<string, string>> = {},
): Promise<PolicyProxyWorld> {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-policy-proxy-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [core, webhooks] = await Promise.all([startUpstream(), startUpstream()]);
  const [callersCa, innerCa] = await Promise.all([
    createDevelopmentCa(CALLERS_AUTHORITY),
    createDevelopmentCa("Inner CA"),
  ]);
  const inner = (name: string) =>
    innerCa.issue({ commonName: name, usage: "caller", dnsNames: [`${name}.internal`] });
  const caller = (commonName: Caller) => callersCa.issue({ commonName, usage: "caller" });
  const own = await innerCa.issue({
    commonName: "policy-proxy",
    usage: "server",
    dnsNames: [POLICY_PROXY_NAME],
  });
  const edge = await inner("edge");
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const keys = createPackKey();
  const lay = (rules: string, version: string, infix = ""): string => {
    const bytes = Buffer.from(rules);
    const key = readPrivateKey(keys.privatePem);
    const signed = signPackJson({ bytes, id: "example-gate", version, key, createdAtMs: 0 });
    write(`policy${infix}.yaml`, rules);
    write(`pack${infix}.json`, signed);
    return packHash(bytes);
  };
  const rules = readFileSync(EXAMPLE, "utf8");
  const blake3 = lay(rules, "1");
  const proxy = new Command(["policy-proxy"], {
    env: {
      BIND_ADDR: "127.0.0.1:0",
      // On every address, so that a request from another one can be refused for that and not for want of a listener.
      OPERATOR_ADDR: "0.0.0.0:0",
      ENVIRONMENT: "staging",
      UPSTREAM_CORE: core.origin,
      UPSTREAM_WEBHOOKS: webhooks.origin,
      WEBHOOK_PARTNERS: "acme",
      WEBHOOK_SECRET_ACME: WEBHOOK_SECRET,
      POLICY_PUBKEY_PEM_B64: Buffer.from(keys.publicPem).toString("base64"),
      POLICY_YAML: join(folder, "policy.yaml"),
      POLICY_PACK: join(folder, "pack.json"),
      LEDGER_PATH: join(folder, "ledger"),
      TLS_CERT_PATH: write("own.crt", own.certificatePem),
      TLS_KEY_PATH: write("own.key", own.keyPem),
      EDGE_CA_PATH: write("inner-ca.crt", innerCa.certificatePem),
      EDGE_PEERS: "DNS:edge.internal",
      TRUSTED_PROXIES: "127.0.0.1/32",
      ...over,
    },
  });
  const callersPort = await proxy.portOf("callers");
  const operatorPort = await proxy.portOf("operator");
  const caddy = await startCaddy({
    callersCa,
    innerCa,
    edge,
    policyProxyPort: callersPort,
    callers: CALLERS_MAP,
  });
  onTestFinished(() => caddy.stop());
  const record = new GatewayRecord(join(folder, "ledger"));
  onTestFinished(async () => {
    proxy.signal("SIGTERM");
    await proxy.finished();
    await record.verify();
  });
  const callers = {
    alice: await caller("alice"),
    olga: await caller("olga"),
    robot: await caller("robot"),
  };
  return {
    folder,
    core,
    webhooks,
    caddy,
    proxy,
    record,
    blake3,
    callers,
    edge,
    stranger: await inner("stranger"),
    as: (name, path, headers = {}) => caddy.call({ path, headers, certificate: callers[name] }),
    around: (path, headers, certificate) =>
      callTls(
        { port: callersPort, ca: innerCa.certificatePem },
        { path, headers, host: POLICY_PROXY_NAME, ...(certificate && { certificate }) },
      ),
    async operate(path, body, address = "127.0.0.1") {
      const answer = await fetch(`http://${address}:${operatorPort}${path}`, {
        method: "POST",
        ...(body && { body: JSON.stringify(body) }),
      });
      return { status: answer.status, json: (await answer.json()) as OperatorSaid["json"] };
    },
    metrics: async (address = "127.0.0.1") =>
      (await fetch(`http://${address}:${operatorPort}/metrics`)).text(),
    layCandidate: (change, version) => lay(change(rules), version, ".next"),
  };
}

async function startUpstream(): Promise<RecordingUpstream> {
  const upstream = await startRecordingUpstream();
  onTestFinished(() => upstream.close());
  return upstream;
}

/** RFC 5737 documentation address, which no machine has; added for one test where the machine has loopback alone. */
const SPARE_ADDRESS = "192.0.2.199";
const NO_ADDRESS =
  "SKIPPED: this machine has no address besides loopback, and none could be added; break-glass from elsewhere is not tested";

/** An address of this machine that is not loopback: what connects to it comes from it too. Undefined when there is none. */
export function addressBesidesLoopback(): string | undefined {
  const own = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal);
  if (own) return own.address;
  const ip = (verb: "add" | "del"): boolean =>
    spawnSync("ip", ["addr", verb, `${SPARE_ADDRESS}/32`, "dev", "lo"]).status === 0;
  if (!ip("add")) {
    console.warn(NO_ADDRESS);
    return undefined;
  }
  onTestFinished(() => void ip("del"));
  return SPARE_ADDRESS;
}
