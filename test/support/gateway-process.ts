/** A gateway as a process of its own, started as its command line starts it. It must end with the test. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import type { Settings } from "./gateway-configuration.ts";
import { until } from "./until.ts";

const MAIN = resolve(import.meta.dirname, "../../src/cli/main.ts");
/** Several processes start side by side on a loaded machine. */
const START_LIMIT_MS = 60_000;

export interface GatewayProcess {
  readonly pid: number;
  /** Of the listener called `plain`. */
  readonly origin: string;
  readonly port: number;
  readonly operatorOrigin: string;
  /** Ends it at once, or as the signal says; resolves when it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>;
}

export interface GatewayProcessOptions {
  /** Where its configuration and log are written; other processes may live there under other names. */
  readonly folder: string;
  readonly name: string;
  readonly settings: Settings;
}

export async function startGatewayProcess({
  folder,
  name,
  settings,
}: GatewayProcessOptions): Promise<GatewayProcess> {
  const log = join(folder, `${name}.log`);
  const configuration = join(folder, `${name}.yaml`);
  writeFileSync(
    configuration,
    stringify({ ...settings, telemetry: { log: { destination: `file:${log}` } } }),
  );
  // Of an earlier process of that name; its ports stand in it.
  rmSync(log, { force: true });
  const child = spawn(process.execPath, [MAIN, "run", "--config", configuration], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const killAtExit = (): void => void child.kill("SIGKILL");
  process.once("exit", killAtExit);
  let errors = "";
  child.stderr.on("data", (text: Buffer) => {
    errors = (errors + text.toString()).slice(-10_000);
  });
  const ended = once(child, "exit");
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const portOf = (listener: string): number => {
    const lines = existsSync(log) ? readFileSync(log, "utf8").split("\n") : [];
    const line = lines.find(
      (text) => text.includes('"listening"') && text.includes(`"listener":"${listener}"`),
    );
    return line === undefined ? 0 : (JSON.parse(line) as { port: number }).port;
  };
  await until(
    `${name} listens`,
    () => hasEnded() || (portOf("plain") > 0 && portOf("operator") > 0),
    START_LIMIT_MS,
  );
  if (hasEnded()) throw new Error(`${name} ended\n${errors}`);
  const port = portOf("plain");
  return {
    pid: child.pid ?? 0,
    origin: `http://127.0.0.1:${port}`,
    port,
    operatorOrigin: `http://127.0.0.1:${portOf("operator")}`,
    async kill(signal = "SIGKILL") {
      process.off("exit", killAtExit);
      if (hasEnded()) return;
      child.kill(signal);
      await ended;
    },
  };
}
