/**
 * A whole gateway for one test file: a real configuration folder, a recording upstream, an issuer, and the product
 * started as the command line starts it. It must never let an unexpected 5xx or an unrecorded answer pass unnoticed.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { createSigningKeyPem } from "../../src/ledger/signing-key.ts";
import { startPortcullis, type Portcullis } from "../../src/cli/portcullis.ts";
import type { ConfigurationSource } from "../../src/gateway/configuration.ts";
import type { RejectionCode } from "../../src/pipeline/rejection.ts";
import { SYSTEM_CLOCK } from "../../src/pipeline/stage.ts";
import { openEmbeddedKeyStore } from "../../src/stores/keys/embedded-key-store.ts";
import type { KeyStore } from "../../src/stores/keys/key-store.ts";
import { call, type Answer, type CallRequest, type CallTarget, type Transport } from "./calling.ts";
import { GatewayRecord } from "./gateway-record.ts";
import { createDevelopmentCa, type DevelopmentCa } from "./certificates.ts";
import { GatewayLog, type AccessLine, type LogLine } from "./gateway-log.ts";
import {
  baseConfiguration,
  layOver,
  type ListenerKind,
  type Settings,
} from "./gateway-configuration.ts";
import {
  startRecordingUpstream,
  type Answering,
  type RecordingUpstream,
} from "./recording-upstream.ts";
import {
  createTokenIssuer,
  type Claims,
  type MintOptions,
  type TokenIssuer,
} from "./token-issuer.ts";

export interface GatewayOptions {
  /** Laid over `baseConfiguration`; a function is given the upstream's origin. */
  readonly config?: Settings | ((upstream: string) => Settings);
  /** Default plain alone. */
  readonly listeners?: readonly ListenerKind[];
  readonly answer?: Answering;
  /** Further files of the configuration folder, by name. */
  readonly files?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface TestGateway {
  readonly folder: string;
  readonly configPath: string;
  readonly source: ConfigurationSource;
  readonly portcullis: Portcullis;
  readonly upstream: RecordingUpstream;
  readonly issuer: TokenIssuer;
  /** Of the server's certificate and of callers' certificates. Undefined without a TLS listener. */
  readonly ca: DevelopmentCa | undefined;
  /** Of the first listener. */
  readonly origin: string;
  readonly port: number;
  readonly operatorOrigin: string;
  /** Where and how to call; by default the first listener. `callers` is a certificate to show. */
  target(transport?: Transport, listener?: ListenerKind): CallTarget;
  mintToken(claims?: Claims, options?: MintOptions): string;
  /** Headers of a call that is allowed: a token, and JSON as content type. */
  allowed(claims?: Claims): Record<string, string>;
  /** Calls, and remembers the answer's request id: `check` wants one access line for it. */
  call(request: CallRequest, target?: CallTarget): Promise<Answer>;
  logLines(): LogLine[];
  /** The one access line of a request; waits until it is written. */
  lineOf(answer: Answer | string): Promise<AccessLine>;
  /** The ledger as it is on disk. */
  readonly record: GatewayRecord;
  metrics(): Promise<string>;
  /** Sum of a counter or gauge over the series that carry all these labels. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
  /** The store of the running gateway's keys, opened as the command line opens it. Closed with the gateway. */
  keys(): KeyStore;
  /** Writes the configuration anew, from the first one with other settings laid over. The watch takes it, or `portcullis.reload()`. */
  configure(over: Settings): void;
  /** These codes may be behind a 5xx until the next `check`; "ok" is one that the upstream itself answers. */
  expectServerErrors(...codes: (RejectionCode | "ok")[]): void;
  /**
   * Throws for a 5xx nobody expected, an answer without its one access line or its one decision in the ledger, or two of
   * either for one request.
   */
  check(): Promise<void>;
  /** Checks, unless told otherwise, then ends everything, verifies the ledger and removes the folder. */
  close(options?: { readonly isUnchecked?: boolean }): Promise<void>;
}

export async function startGateway(options: GatewayOptions = {}): Promise<TestGateway> {
  const { listeners = ["plain"], files = {}, environment = {} } = options;
  const folder = mkdtempSync(join(tmpdir(), "portcullis-test-"));
  const upstream = await startRecordingUpstream();
  if (options.answer) upstream.answer(options.answer);
  const issuer = createTokenIssuer();
  const ca = listeners.every((kind) => kind === "plain") ? undefined : await createDevelopmentCa();
  const write = (name: string, text: string): void =>
    writeFileSync(join(folder, name), text, { mode: 0o600 });
  write("jwks.json", issuer.jwks);
  write("ledger.key", createSigningKeyPem());
  if (ca) await writeCertificates(ca, write);
  for (const [name, text] of Object.entries(files)) write(name, text);
  const over =
    typeof options.config === "function" ? options.config(upstream.origin) : options.config;
  const settings = layOver(baseConfiguration(upstream.origin, listeners), over);
  const configure = (more: Settings): void =>
    write("portcullis.yaml", stringify(layOver(settings, more), { aliasDuplicateObjects: false }));
  configure({});
  const configPath = join(folder, "portcullis.yaml");
  const source = { path: configPath, env: environment, flags: [] };
  const end = async (): Promise<void> => {
    await upstream.close();
    rmSync(folder, { recursive: true, force: true });
  };
  const portcullis = await startPortcullis(source).catch(async (error: unknown) => {
    await end();
    throw error;
  });
  return new RunningGateway({
    folder,
    configPath,
    source,
    portcullis,
    upstream,
    issuer,
    ca,
    configure,
    end,
  });
}

async function writeCertificates(
  ca: DevelopmentCa,
  write: (name: string, text: string) => void,
): Promise<void> {
  const server = await ca.issue({
    commonName: "gateway",
    usage: "server",
    dnsNames: ["localhost", "gateway.example"],
    ipAddresses: ["127.0.0.1"],
  });
  write("server.crt", server.certificatePem);
  write("server.key", server.keyPem);
  write("callers-ca.crt", ca.certificatePem);
}

type Started = Pick<
  TestGateway,
  "folder" | "configPath" | "source" | "portcullis" | "upstream" | "issuer" | "ca" | "configure"
> & { readonly end: () => Promise<void> };

class RunningGateway implements TestGateway {
  readonly folder: string;
  readonly configPath: string;
  readonly source: ConfigurationSource;
  readonly portcullis: Portcullis;
  readonly upstream: RecordingUpstream;
  readonly issuer: TokenIssuer;
  readonly ca: DevelopmentCa | undefined;
  readonly configure: (over: Settings) => void;
  readonly #end: () => Promise<void>;
  readonly #log: GatewayLog;
  readonly record: GatewayRecord;
  readonly #answered = new Set<string>();
  readonly #expected = new Set<string>();
  #keys: KeyStore | undefined;

  constructor(started: Started) {
    this.folder = started.folder;
    this.configPath = started.configPath;
    this.source = started.source;
    this.portcullis = started.portcullis;
    this.upstream = started.upstream;
    this.issuer = started.issuer;
    this.ca = started.ca;
    this.configure = started.configure;
    this.#end = started.end;
    this.#log = new GatewayLog(join(started.folder, "gateway.log"));
    this.record = new GatewayRecord(join(started.folder, "ledger"));
  }

  get port(): number {
    return this.portcullis.listeners[0]?.port ?? 0;
  }

  get origin(): string {
    return this.target().origin;
  }

  get operatorOrigin(): string {
    return `http://127.0.0.1:${this.portcullis.operator.port}`;
  }

  target(transport?: Transport, listener?: ListenerKind): CallTarget {
    const wanted =
      listener ?? (transport !== undefined && transport !== "http/1.1" ? "tls" : undefined);
    const bound = this.portcullis.listeners.find(
      ({ name }) => wanted === undefined || name === wanted,
    );
    if (!bound) throw new Error(`no listener ${wanted}`);
    const isTls = bound.name !== "plain";
    return {
      origin: `${isTls ? "https" : "http"}://127.0.0.1:${bound.port}`,
      transport: transport ?? (isTls ? "https/1.1" : "http/1.1"),
      ...(this.ca && { ca: this.ca.certificatePem }),
    };
  }

  mintToken(claims?: Claims, options?: MintOptions): string {
    return this.issuer.mint(claims, options);
  }

  allowed(claims?: Claims): Record<string, string> {
    return {
      authorization: `Bearer ${this.mintToken(claims)}`,
      "content-type": "application/json",
    };
  }

  async call(request: CallRequest, target: CallTarget = this.target()): Promise<Answer> {
    const answer = await call(target, request);
    if (answer.requestId !== "") this.#answered.add(answer.requestId);
    return answer;
  }

  logLines(): LogLine[] {
    return this.#log.lines();
  }

  lineOf(answer: Answer | string): Promise<AccessLine> {
    return this.#log.lineOf(typeof answer === "string" ? answer : answer.requestId);
  }

  async metrics(): Promise<string> {
    const answer = await call(
      { origin: this.operatorOrigin, transport: "http/1.1" },
      { method: "GET", path: "/metrics" },
    );
    return answer.text;
  }

  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    return (await this.metrics())
      .split("\n")
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) =>
        wanted.every((pair) => line.includes(`{${pair}`) || line.includes(`,${pair}`)),
      )
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
  }

  keys(): KeyStore {
    return (this.#keys ??= openEmbeddedKeyStore({
      path: join(this.folder, "portcullis.db"),
      clock: SYSTEM_CLOCK,
      isWatching: false,
    }));
  }

  expectServerErrors(...codes: (RejectionCode | "ok")[]): void {
    for (const code of codes) this.#expected.add(code);
  }

  async check(): Promise<void> {
    const answered = [...this.#answered];
    this.#answered.clear();
    await this.#log.waitFor(answered);
    const faults = this.#log.takeFaults(this.#expected);
    if (this.record.exists) faults.push(...this.record.faultsOf(answered, this.#log.accessLines()));
    this.#expected.clear();
    if (faults.length > 0) throw new Error(faults.join("\n"));
  }

  async close({ isUnchecked = false } = {}): Promise<void> {
    this.#keys?.close();
    try {
      if (!isUnchecked) await this.check();
    } finally {
      await this.portcullis.close();
      try {
        if (!isUnchecked && this.record.exists) await this.record.verify();
      } finally {
        await this.#end();
      }
    }
  }
}
