/** The firewall's commands, each in a file of its own; this one only lists them. It loads the engine. */
import { Command } from "commander";
import { addWafBench } from "./bench.ts";
import { addWafCheck } from "./check.ts";
import { addWafCrsSetup } from "./crs-setup.ts";
import { addWafRunFtw } from "./run-ftw.ts";
import { addWafTest } from "./test.ts";
import { addWafTune } from "./tune.ts";

const COMMANDS = [addWafCheck, addWafTest, addWafTune, addWafBench, addWafCrsSetup, addWafRunFtw];

/** `portcullis waf` on its own. */
export function wafCommand(description: string): Command {
  const waf = new Command("portcullis waf").description(description).showHelpAfterError();
  for (const add of COMMANDS) add(waf);
  return waf;
}
