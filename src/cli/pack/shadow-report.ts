/** `portcullis pack shadow-report`: what a candidate would have decided otherwise, as the running gateway counted it. */
import type { Command } from "commander";
import { orUnknown } from "../ledger/exit.ts";
import { callOperator, DEFAULT_OPERATOR, plain } from "./operator-call.ts";

interface ShadowReportOptions {
  readonly operator: string;
  readonly json?: true;
}

type Members = Readonly<Record<string, unknown>>;

const HEADER = ["count", "active", "candidate", "effect", "first", "last", "for example"] as const;

export function addShadowReport(pack: Command): void {
  pack
    .command("shadow-report")
    .description(
      "Show where the candidate and the active pack disagree. Exits with 2 when none is loaded.",
    )
    .option("--operator <url>", "the gateway's operator address", DEFAULT_OPERATOR)
    .option("--json", "print what the gateway answers")
    .action((options: ShadowReportOptions) => orUnknown(() => shadowReport(options)));
}

async function shadowReport({ operator, json }: ShadowReportOptions): Promise<void> {
  const { status, members } = await callOperator(operator, "GET", "/_constitution/shadow");
  if (status !== 200) throw new Error(plain(members["message"] ?? members["error"] ?? status));
  console.log(json ? JSON.stringify(members, undefined, 2) : renderReport(members));
}

/** The report for a terminal. */
export function renderReport(report: Members): string {
  const rows = listOf(report["pairs"]).map(rowOf);
  const { other_pairs: other } = report;
  return [
    `active     ${nameOf(report["active"])}`,
    `candidate  ${nameOf(report["candidate"])}`,
    `since ${plain(report["since"])}: ${plain(report["evaluated"])} evaluated, ${plain(report["agreed"])} agreed, ` +
      `${plain(report["opened"])} would be let in, ${plain(report["closed"])} would be kept out, ` +
      `${plain(report["enforced"])} decided as canary, ${plain(report["failed"])} failed`,
    ...(rows.length > 0 ? ["", tableOf([[...HEADER], ...rows])] : []),
    ...(Number(other) > 0 ? [`and ${plain(other)} of other kinds`] : []),
  ].join("\n");
}

function rowOf(pair: Members): string[] {
  const active = asMembers(pair["active"]);
  const candidate = asMembers(pair["candidate"]);
  const [sample] = listOf(pair["samples"]);
  const effects = [active["effect"], candidate["effect"]].map(plain);
  return [
    plain(pair["count"]),
    plain(active["output"]),
    plain(candidate["output"]),
    effects[0] === effects[1] ? (effects[0] as string) : effects.join(" -> "),
    plain(pair["first"]),
    plain(pair["last"]),
    sample === undefined ? "" : exampleOf(sample),
  ];
}

/** The request by its id, and the bit that kept each pack from allowing it. */
function exampleOf(sample: Members): string {
  const bits = (["active", "candidate"] as const).flatMap((side) => {
    const { bit_failed: bit, bit_value: value } = asMembers(sample[side]);
    return typeof bit === "string" ? [`${side}: ${plain(bit)} is ${plain(value)}`] : [];
  });
  return [plain(sample["id"]), ...bits].join(", ");
}

function tableOf(lines: readonly (readonly string[])[]): string {
  const widths = HEADER.map((_, column) =>
    Math.max(...lines.map((line) => (line[column] ?? "").length)),
  );
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function nameOf(pack: unknown): string {
  const { id, version, blake3 } = asMembers(pack);
  return `${plain(id)} ${plain(version)} ${plain(blake3)}`;
}

function listOf(value: unknown): Members[] {
  return Array.isArray(value) ? value.map(asMembers) : [];
}

function asMembers(value: unknown): Members {
  return typeof value === "object" && value !== null ? (value as Members) : {};
}
