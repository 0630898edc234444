/** `portcullis run`: serves until it is told to stop. SIGHUP reloads, SIGTERM and SIGINT drain, a second one ends at once. */
import type { Command } from "commander";
import type { ConfigurationSource } from "../gateway/configuration.ts";
import { startPortcullis } from "./portcullis.ts";
import { sourceOf, withSource, type SourceOptions } from "./source.ts";

export function addRun(program: Command): void {
  withSource(program.command("run").description("Run the gateway.")).action(
    (options: SourceOptions) => serve(sourceOf(options)),
  );
}

/** Resolves when it serves; the process then lives until a signal ends it. */
export async function serve(source: ConfigurationSource): Promise<void> {
  const portcullis = await startPortcullis(source);
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) process.exit(1);
    isStopping = true;
    portcullis.drain().then(
      ({ cutConnections }) => process.exit(cutConnections > 0 ? 1 : 0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  process.on("SIGHUP", () => void portcullis.reload());
}
