/**
 * `portcullis waf ...`: the firewall's rules, tried and measured without a gateway. The commands behind it are loaded when
 * one is asked for: a gateway without a firewall must load nothing of the engine.
 */
import type { Command } from "commander";

const DESCRIPTION = "Check, try, measure and tune the firewall's rules.";

export function addWaf(program: Command): void {
  program
    .command("waf")
    .description(DESCRIPTION)
    .argument("[words...]")
    .usage("[command] [options]")
    // Options and the call for help are the commands' own.
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (words: string[]) => {
      const { wafCommand } = await import("./commands.ts");
      await wafCommand(DESCRIPTION).parseAsync(words, { from: "user" });
    });
}
