/** Arguments that several of the firewall's commands read. */
import { InvalidArgumentError } from "commander";
import { countArgument } from "../ledger/arguments.ts";

const MAX_PARANOIA = 4;

export function paranoiaArgument(text: string): number {
  const level = countArgument(text);
  if (level < 1 || level > MAX_PARANOIA) throw new InvalidArgumentError("Write 1, 2, 3 or 4.");
  return level;
}

export function positiveArgument(text: string): number {
  const count = countArgument(text);
  if (count === 0) throw new InvalidArgumentError("Write a number above 0.");
  return count;
}
