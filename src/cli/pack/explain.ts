/** `portcullis pack explain`: one request through a pack, with the value of everything on its way. Decides for no gateway. */
import { existsSync } from "node:fs";
import { InvalidArgumentError, type Command } from "commander";
import { instantOf } from "../../packs/cases/instant.ts";
import { readContext } from "../../packs/cases/read-context.ts";
import { compilePack, type PackTrace } from "../../packs/evaluate/evaluator.ts";
import { packContext, type FieldValues } from "../../packs/fields.ts";
import { orUnknown } from "../ledger/exit.ts";
import { readPackFile } from "./diff.ts";
import { readArgument } from "./verify.ts";

interface ExplainOptions {
  readonly context: string;
  readonly now?: number;
  readonly json?: true;
}

export function addPackExplain(pack: Command): void {
  pack
    .command("explain <file>")
    .description("Show what a pack says of one request: every bit, wire and output.")
    .requiredOption("--context <context>", "a YAML or JSON file, or the JSON itself")
    .option("--now <time>", "when it is asked, such as 2026-11-22T10:00:00Z", timeArgument)
    .option("--json", "print JSON")
    .action((file: string, options: ExplainOptions) => orUnknown(() => explain(file, options)));
}

async function explain(file: string, { context, now, json }: ExplainOptions): Promise<void> {
  const pack = await readPackFile(file);
  const values = await contextArgument(context);
  const trace = compilePack(pack).trace(packContext(values), now ?? Date.now() / 1_000);
  console.log(json ? JSON.stringify(trace, undefined, 2) : textOf(trace));
}

async function contextArgument(text: string): Promise<FieldValues> {
  // A mapping of JSON begins so, and no file should.
  if (text.trimStart().startsWith("{") && !existsSync(text)) return readContext("--context", text);
  return readContext(text, (await readArgument(text)).bytes.toString("utf8"));
}

function timeArgument(text: string): number {
  const seconds = instantOf(text);
  if (seconds === undefined)
    throw new InvalidArgumentError("Write a time such as 2026-11-22T10:00:00Z.");
  return seconds;
}

function textOf({ decision, bits, wires, outputs }: PackTrace): string {
  const width = Math.max(...[...bits, ...wires, ...outputs].map(({ id }) => id.length));
  const rows = (title: string, cells: readonly (readonly [string, string])[]): string[] =>
    cells.length === 0
      ? []
      : [title, ...cells.map(([id, value]) => `  ${id.padEnd(width)}  ${value}`)];
  const { effect, output, status, reason, bitFailed, bitValue, chain } = decision;
  return [
    ...rows(
      "bits",
      bits.map(({ id, value }) => [id, value] as const),
    ),
    ...rows(
      "wires",
      wires.map(({ id, value }) => [id, value] as const),
    ),
    ...rows(
      "outputs",
      outputs.map(({ id, fires }) => [id, decisionMark(fires, id === output)] as const),
    ),
    `decision: ${effect} by ${output}, ${status} (${reason})`,
    `  by ${chain.join(" > ")}`,
    ...(bitFailed === undefined ? [] : [`  failed: ${bitFailed} is ${bitValue ?? "not true"}`]),
  ].join("\n");
}

function decisionMark(fires: boolean, decides: boolean): string {
  if (decides) return "fires, and decides";
  return fires ? "fires" : "-";
}
