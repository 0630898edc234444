/** A gateway of several worker processes for one test: its folder, its upstream, its primary and what it says. */
import { readFileSync } from "node:fs";
import { onTestFinished } from "vitest";
import { createSigningKeyPem } from "../../src/ledger/signing-key.ts";
import { Command } from "../cli/command.ts";
import { configurationFolder, type ConfigurationFolder } from "../cli/configuration-folder.ts";
import { call, type Answer } from "../support/calling.ts";
import { baseConfiguration, layOver, type Settings } from "../support/gateway-configuration.ts";
import { startRecordingUpstream, type RecordingUpstream } from "../support/recording-upstream.ts";
import { createTokenIssuer, type Claims, type TokenIssuer } from "../support/token-issuer.ts";
import { until } from "../support/until.ts";

/** One start behind another, on a machine that runs other tests too. */
const START_LIMIT_MS = 90_000;

export interface WorkersOptions {
  readonly workers: number | "auto";
  /** Laid over `baseConfiguration`. */
  readonly config?: Settings;
  /** Further files of the configuration folder, by name. */
  readonly files?: Readonly<Record<string, string>>;
}

export interface WorkersGateway {
  readonly process: Command;
  readonly folder: ConfigurationFolder;
  readonly upstream: RecordingUpstream;
  readonly issuer: TokenIssuer;
  readonly origin: string;
  /** Writes the configuration anew, from the first one with other settings laid over. */
  configure(over: Settings): void;
  /** One call on a connection of its own. */
  predict(claims?: Claims): Promise<Answer>;
  headers(claims?: Claims): Record<string, string>;
  operator(method: "GET" | "POST", path: string, body?: string): Promise<Answer>;
  /** The worker processes there are now. */
  pids(): number[];
  /** Sum over the series that carry all these labels. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
}

export async function startWorkers(options: WorkersOptions): Promise<WorkersGateway> {
  const upstream = await startRecordingUpstream();
  onTestFinished(() => upstream.close());
  const issuer = createTokenIssuer();
  const settings = layOver(
    layOver(baseConfiguration(upstream.origin, ["plain"]), {
      workers: options.workers,
      // Tests hold answers back for as long as a worker takes to start.
      upstreams: { model: { timeout: "5m" } },
      telemetry: { log: { destination: "stdout" } },
    }),
    options.config,
  );
  const folder = configurationFolder({
    ...options.files,
    "portcullis.yaml": settings,
    "jwks.json": issuer.jwks,
    "ledger.key": createSigningKeyPem(),
  });
  const process = new Command(["run", "--config", folder.configPath]);
  await until("all workers serve", () => hasEnded(process) || isListening(process), START_LIMIT_MS);
  const origin = `http://127.0.0.1:${await process.portOf("plain")}`;
  const operatorOrigin = `http://127.0.0.1:${await process.portOf("operator")}`;
  const headers = (claims?: Claims): Record<string, string> => ({
    authorization: `Bearer ${issuer.mint(claims)}`,
    "content-type": "application/json",
  });
  const operator: WorkersGateway["operator"] = (method, path, body) =>
    call(
      { origin: operatorOrigin, transport: "http/1.1" },
      { method, path, ...(body !== undefined && { body }) },
    );
  return {
    process,
    folder,
    upstream,
    issuer,
    origin,
    configure: (over) => folder.write("portcullis.yaml", layOver(settings, over)),
    headers,
    predict: (claims) =>
      call(
        { origin, transport: "http/1.1" },
        { path: "/churn/v2/predict", headers: headers(claims), body: "{}" },
      ),
    operator,
    pids: () => childrenOf(process.child.pid as number),
    metric: async (name, labels = {}) => {
      const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
      const { text } = await operator("GET", "/metrics");
      return text
        .split("\n")
        .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
        .filter((line) => wanted.every((pair) => line.includes(pair)))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
    },
  };
}

const hasEnded = ({ child }: Command): boolean => child.exitCode !== null;

/** The primary says it last. */
const isListening = (process: Command): boolean =>
  process.lines().some(({ msg, listener }) => msg === "listening" && listener === "operator");

/** Linux alone tells: proc(5). */
function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .split(" ")
    .filter(Boolean)
    .map(Number);
}

/** Whether a process of that id is there and runs; one that nobody has waited for yet does not. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
