/** `portcullis run`: serves until it is told to stop. SIGHUP reloads, SIGTERM and SIGINT drain, a second one ends at once. */
import type { Command } from "commander";
import type { ConfigurationSource } from "../gateway/configuration.ts";
import { setUpEngine } from "./engine-settings.ts";
import { readOrRefuse, startPortcullis } from "./portcullis.ts";
import { sourceOf, withSource, type SourceOptions } from "./source.ts";
import { startPrimary, type Primary } from "./workers/primary.ts";
import { takeSeat, workerCount } from "./workers/worker-seat.ts";
import { serveAsWorker } from "./workers/worker.ts";

export function addRun(program: Command): void {
  withSource(program.command("run").description("Run the gateway.")).action(
    (options: SourceOptions) => serve(sourceOf(options)),
  );
}

/** Resolves when it serves; the process then lives until a signal ends it. */
export async function serve(source: ConfigurationSource): Promise<void> {
  setUpEngine();
  const seat = takeSeat();
  if (seat) return serveAsWorker(source, seat);
  const gateway = await start(source);
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) process.exit(1);
    isStopping = true;
    gateway.drain().then(
      ({ cutConnections }) => process.exit(cutConnections > 0 ? 1 : 0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  process.on("SIGHUP", () => void gateway.reload());
}

async function start(source: ConfigurationSource): Promise<Primary> {
  const configuration = await readOrRefuse(source);
  const workers = workerCount(configuration.root.workers);
  if (workers === 1) return startPortcullis(source, { configuration });
  return startPrimary({
    source,
    configuration,
    workers,
    onHopeless: (message) => {
      console.error(message);
      process.exit(1);
    },
  });
}
