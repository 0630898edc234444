/** `portcullis kill on | off | list`: shut something at once, on this machine and on all replicas. */
import { InvalidArgumentError, type Command } from "commander";
import { parseDuration } from "../../config/quantities.ts";
import { UnitError } from "../../config/unit.ts";
import { orUnknown } from "../ledger/exit.ts";
import { withSource } from "../source.ts";
import { killOff, killOn, listKills } from "./actions.ts";
import type { KillOptions, OnOptions } from "./kill-options.ts";

export function addKill(program: Command): void {
  const kill = program
    .command("kill")
    .description("Shut a model, a version, a route, a provider, a caller or a policy at once.");
  withStore(
    kill.command("on").description("Put a kill switch on. All parts that are given must fit."),
  )
    .option("--model <name>", "a model")
    .option("--version <name>", "a version of the model")
    .option("--route <id>", "a route, such as churn.v2.predict")
    .option("--provider <name>", "an upstream")
    .option("--caller <name>", "a client_id, or an API key's owner")
    .option("--tenant <name>", "a tenant")
    .option("--key <id>", "a credential: jti, or an API key's id")
    .option("--policy <version>", "version or BLAKE3 of a signed pack")
    .requiredOption("--reason <text>", "why; it goes on record")
    .option("--by <name>", "who; default: the user of this system")
    .option("--for <duration>", "until then from now, such as 1h", durationArgument)
    .option("--until <time>", "until then, such as 2026-12-01T08:00:00Z", untilArgument)
    .option("--route-to <version>", "version of the same model that serves instead")
    .action((options: OnOptions) => orUnknown(() => killOn(options)));
  withStore(kill.command("off <id>").description("Take a kill switch off, for good."))
    .option("--by <name>", "who; default: the user of this system")
    .action((id: string, options: KillOptions) => orUnknown(() => killOff(id, options)));
  withStore(kill.command("list").description("List the kill switches in effect.")).action(
    (options: KillOptions) => orUnknown(() => listKills(options)),
  );
}

function withStore(command: Command): Command {
  return withSource(command)
    .option("--store <file>", "the store's file on this machine; default: as configured")
    .option("--operator <url>", "ask the running gateway at its operator address instead")
    .option("--json", "print JSON");
}

function durationArgument(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    if (error instanceof UnitError)
      throw new InvalidArgumentError(`${error.message}: ${error.hint ?? ""}`);
    throw error;
  }
}

/** RFC 3339 with an offset, or a day, which begins at midnight UTC. A time without an offset is nobody's: refused. */
const MOMENT = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d))?$/;

function untilArgument(text: string): number {
  const ms = MOMENT.test(text) ? Date.parse(text) : Number.NaN;
  // Date.parse takes February 30 for March 2.
  const isReal = !Number.isNaN(ms) && isRealDay(text.slice(0, 10));
  if (isReal) return ms;
  throw new InvalidArgumentError(
    "Write a time such as 2026-12-01T08:00:00Z, or a day such as 2026-12-01.",
  );
}

const isRealDay = (day: string): boolean =>
  new Date(`${day}T00:00:00Z`).toISOString().slice(0, 10) === day;
