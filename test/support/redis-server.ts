/**
 * A real Redis for tests: a process of its own on loopback, without persistence, that can be frozen, killed and started
 * again at the same port. `PORTCULLIS_REDIS_SERVER` names another program than `redis-server`, such as Valkey's.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { askRedis, type WireAddress } from "./redis-wire.ts";
import { until } from "./until.ts";

const START_LIMIT_MS = 30_000;
/** A server that does not end when asked is killed after this. */
const STOP_LIMIT_MS = 5_000;
/** Another process may take a port between finding it free and using it. */
const ATTEMPTS = 5;

interface PemPaths {
  readonly cert: string;
  readonly key: string;
}

export interface RedisOptions {
  /** More of its command line, such as `["--maxmemory", "2mb"]`. */
  readonly args?: readonly string[];
  /** Paths of PEM files: TLS alone, on `port`. Clients must show a certificate, unless `args` say otherwise. */
  readonly tls?: PemPaths & {
    readonly ca: string;
    /** What `command` shows. */
    readonly caller?: PemPaths;
  };
  /** Default: a free one. */
  readonly port?: number;
  /** Who `command` is, where the server asks. */
  readonly auth?: { readonly user?: string; readonly password: string };
  /** Default: `PORTCULLIS_REDIS_SERVER`, or `redis-server`. */
  readonly program?: string;
  /** Written into its folder as `redis.conf`, which Sentinel needs. */
  readonly prepare?: (directory: string, port: number) => Promise<readonly string[]>;
}

export interface RedisServer {
  readonly port: number;
  readonly pid: number;
  /** `redis://127.0.0.1:PORT`, or `rediss://`. */
  readonly url: string;
  readonly isRunning: boolean;
  /** One command over a connection of its own; an error answer is thrown as `WireError`. */
  command(...args: string[]): Promise<unknown>;
  /** SIGSTOP: connections stay, answers stop. */
  freeze(): void;
  thaw(): void;
  /** SIGKILL. Its folder stays: a Cluster's server is itself again when it is started again. */
  kill(): Promise<void>;
  /** Ends it in order and removes its folder; what is dead already is fine. */
  stop(): Promise<void>;
  /** Again at the same port, empty. */
  start(): Promise<void>;
}

const SKIPPED =
  "SKIPPED: redis-server is not installed (apt-get install redis-server); nothing is tested on a shared store";

let isInstalled: boolean | undefined;

/** Whether there is one to start; where there is none, that is said once. */
export function hasRedis(): boolean {
  if (isInstalled === undefined) {
    isInstalled = spawnSync(programOf({}), ["--version"], { stdio: "ignore" }).status === 0;
    if (!isInstalled) console.warn(SKIPPED);
  }
  return isInstalled;
}

export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  for (let attempt = 1; ; attempt++) {
    const server = new Server(options.port ?? (await freePort()), options);
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.stop();
      if (options.port !== undefined || attempt === ATTEMPTS) throw error;
    }
  }
}

/** A port nobody uses now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  // A Cluster's servers talk to each other on a port ten thousand higher.
  return port > 55_000 ? freePort() : port;
}

class Server implements RedisServer {
  readonly port: number;
  readonly #options: RedisOptions;
  readonly #address: WireAddress;
  #child: ChildProcess | undefined;
  #directory = "";
  #said = "";

  constructor(port: number, options: RedisOptions) {
    this.port = port;
    this.#options = options;
    this.#address = { port, tls: readTls(options), auth: options.auth };
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error("this Redis does not run");
    return pid;
  }

  get url(): string {
    return `${this.#options.tls === undefined ? "redis" : "rediss"}://127.0.0.1:${this.port}`;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  async command(...args: string[]): Promise<unknown> {
    return askRedis(this.#address, args);
  }

  freeze(): void {
    process.kill(this.pid, "SIGSTOP");
  }

  thaw(): void {
    process.kill(this.pid, "SIGCONT");
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async stop(): Promise<void> {
    if (this.isRunning) this.thaw();
    await this.#end("SIGTERM");
    if (this.#directory !== "") await rm(this.#directory, { recursive: true, force: true });
    this.#directory = "";
  }

  async start(): Promise<void> {
    if (this.isRunning) throw new Error("this Redis runs already");
    if (this.#directory === "")
      this.#directory = await mkdtemp(join(tmpdir(), "portcullis-redis-"));
    this.#said = "";
    const child = spawn(programOf(this.#options), await this.#commandLine(), {
      stdio: ["ignore", "pipe", "pipe"],
      cwd: this.#directory,
    });
    this.#child = child;
    if (child.pid !== undefined) watchOver(child, child.pid);
    const take = (text: Buffer): void => {
      this.#said = (this.#said + text.toString()).slice(-10_000);
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.once("error", (error) => take(Buffer.from(error.message)));
    child.once("close", () => {
      if (this.#child === child) this.#child = undefined;
    });
    await until(`Redis answers on port ${this.port}`, () => this.#answers(), START_LIMIT_MS);
  }

  async #commandLine(): Promise<string[]> {
    const { args = [], tls, prepare } = this.#options;
    const { port } = this;
    const prepared = (await prepare?.(this.#directory, port)) ?? [];
    const door =
      tls === undefined
        ? [["--port", String(port)]]
        : [
            ["--port", "0"],
            ["--tls-port", String(port)],
            ["--tls-ca-cert-file", tls.ca],
            ["--tls-cert-file", tls.cert],
            ["--tls-key-file", tls.key],
          ];
    const fixed = [
      ["--bind", "127.0.0.1"],
      ["--dir", this.#directory],
      ...(prepare === undefined
        ? [
            ["--save", ""],
            ["--appendonly", "no"],
          ]
        : []),
    ];
    return [...prepared, ...door.flat(), ...fixed.flat(), ...args];
  }

  /** It may be another server's port by now, so it is asked who it is. */
  async #answers(): Promise<boolean> {
    if (!this.isRunning) throw new Error(`Redis ended: ${this.#said}`);
    const said = await this.command("INFO", "server").catch(String);
    const isOurs = String(said).includes(`process_id:${this.pid}\r`);
    if (!isOurs) await sleep(10);
    return isOurs;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const closed = once(child, "close");
    child.kill(signal);
    const killing = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
    await closed;
    clearTimeout(killing);
  }
}

/** A test that is ended in its middle stops nothing any more: then the pipe breaks, and this does it. */
function watchOver(child: ChildProcess, pid: number): void {
  const watcher = spawn("sh", ["-c", `read -r _; kill -9 ${pid}`], {
    stdio: ["pipe", "ignore", "ignore"],
  });
  watcher.on("error", () => undefined);
  watcher.unref();
  child.once("exit", () => watcher.kill("SIGKILL"));
}

const programOf = ({ program }: RedisOptions): string =>
  program ?? process.env["PORTCULLIS_REDIS_SERVER"] ?? "redis-server";

function readTls({ tls }: RedisOptions): WireAddress["tls"] {
  if (tls === undefined) return undefined;
  const { ca, caller } = tls;
  const read = (path: string): string => readFileSync(path, "utf8");
  return { ca: read(ca), ...(caller && { cert: read(caller.cert), key: read(caller.key) }) };
}
