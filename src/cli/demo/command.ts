/** `portcullis demo`: loads the demo only when it is asked for, since its packages are optional ones. */
import type { Command } from "commander";

interface DemoFlags {
  readonly once?: boolean;
  readonly port?: string;
  readonly json?: boolean;
  readonly ledger?: string;
}

export function addDemo(program: Command): void {
  program
    .command("demo")
    .description("Start a model, an identity provider and the gateway, and show what it does.")
    .option("--once", "play once and exit with 0 only if every row was as expected")
    .option("--port <port>", "port of the gateway", "8443")
    .option("--json", "print the rows as JSON")
    .option("--ledger <dir>", "leave the ledger in this new folder")
    .action(async (flags: DemoFlags) => {
      const { runDemo } = await import("./demo.ts");
      process.exitCode = await runDemo({
        once: flags.once ?? false,
        json: flags.json ?? false,
        port: Number(flags.port),
        ...(flags.ledger !== undefined && { ledger: flags.ledger }),
      });
    });
}
