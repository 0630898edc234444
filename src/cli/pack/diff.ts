/** `portcullis pack diff`: whose requests another pack would decide otherwise. Exits as diff(1) does: 0 same, 1 different, 2 trouble. */
import type { Command } from "commander";
import { PackRefused } from "../../packs/pack-error.ts";
import type { Pack } from "../../packs/pack.ts";
import { diffPacks, type Outcome, type PackChange } from "../../packs/prove/diff.ts";
import { readPack } from "../../packs/read/read-pack.ts";
import { EXIT_DISPROVEN, EXIT_UNKNOWN, orUnknown } from "../ledger/exit.ts";
import { requestText } from "./lint.ts";
import { readArgument } from "./verify.ts";

/** Changes printed for people; a pack that is another altogether has thousands. */
const SHOWN_CHANGES = 100;

const TITLES: Readonly<Record<PackChange["change"], string>> = {
  deny_to_allow: "Denied before, allowed now",
  allow_to_deny: "Allowed before, denied now",
  same_effect: "Decided by another output, or answered otherwise",
};

export function addPackDiff(pack: Command): void {
  pack
    .command("diff <a> <b>")
    .description(
      "Prove which requests two packs decide otherwise. Exits with 1 when there are any.",
    )
    .option("--json", "print JSON")
    .action((a: string, b: string, options: { readonly json?: true }) =>
      orUnknown(() => diff(a, b, options)),
    );
}

async function diff(a: string, b: string, { json }: { readonly json?: true }): Promise<void> {
  const { isComplete, changes } = diffPacks(await readPackFile(a), await readPackFile(b));
  if (json) console.log(JSON.stringify({ isComplete, changes }, undefined, 2));
  else if (changes.length > 0) console.log(textOf(changes));
  if (changes.length > 0) process.exitCode = EXIT_DISPROVEN;
  if (isComplete) return;
  console.error("the packs are too involved to be compared within the budget: there may be more");
  process.exitCode = EXIT_UNKNOWN;
}

/** A pack in a file of its own, without signature. What is refused is told with its places, as `file:line:column`. */
export async function readPackFile(path: string): Promise<Pack> {
  const { bytes } = await readArgument(path);
  try {
    return readPack(bytes);
  } catch (error) {
    if (!(error instanceof PackRefused)) throw error;
    const lines = error.message.split("\n").map((line) => `${path}:${line}`);
    throw new Error(lines.join("\n"), { cause: error });
  }
}

function textOf(changes: readonly PackChange[]): string {
  const shown = changes.slice(0, SHOWN_CHANGES);
  const lines: string[] = [];
  for (const [at, change] of shown.entries()) {
    if (shown[at - 1]?.change !== change.change) lines.push(`${TITLES[change.change]}:`);
    lines.push(`  ${outcomeText(change.from)} -> ${outcomeText(change.to)}`);
    const { example } = change;
    lines.push(`    ${example ? requestText(example) : "proven, but no request could be made"}`);
  }
  const left = changes.length - shown.length;
  return [...lines, ...(left > 0 ? [`${left} more; --json has them all`] : [])].join("\n");
}

const outcomeText = ({ output, status, reason }: Outcome): string =>
  `${output} (${status} ${reason})`;
