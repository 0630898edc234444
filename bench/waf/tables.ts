/** What the benchmark of the engine writes for people. */
import { cpus } from "node:os";
import type { Row } from "./comparison.ts";
import type { LoadRow } from "./loads.ts";
import { median, ratioOf, ratioText } from "./statistics.ts";

/** What is asked: at least so many times faster than libmodsecurity on JSON. */
const RATIO_GOAL = 50;

export interface PumpFigure {
  readonly rules: string;
  readonly piece: string;
  readonly ms: number;
}

export function requestTable(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const { workload, rules, ours, theirs } = row;
    const goal = rules === "builtin" ? workload.goalUs.builtin : workload.goalUs.crs;
    const ourMedian = median(ours.map((each) => each.medianUs));
    const ourCpu = ours.map((each) => each.cpuUs);
    const ratio =
      theirs.length > 0
        ? ratioText(
            ratioOf(
              theirs.map((each) => each.cpuUs),
              ourCpu,
            ),
          )
        : "-";
    const cells = [
      workload.label,
      rules,
      ourMedian.toFixed(1),
      median(ours.map((each) => each.p90Us)).toFixed(1),
      median(ourCpu).toFixed(1),
      goal === undefined ? "-" : `${goal}${ourMedian <= goal ? "" : " MISSED"}`,
      theirs.length > 0 ? median(theirs.map((each) => each.medianUs)).toFixed(0) : "-",
      ratio,
      row.sameVerdicts === undefined ? "-" : `${(row.sameVerdicts * 100).toFixed(0)} %`,
    ];
    return `| ${cells.join(" | ")} |`;
  });
  return [
    "| request | rules | median us | p90 us | CPU us | goal us | libmodsecurity median us | times its CPU | same verdict |",
    "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ...lines,
  ].join("\n");
}

export function loadTable(rows: readonly LoadRow[]): string {
  const lines = rows.flatMap(({ rules, cold, cached }) =>
    [["cold", cold] as const, ["from cache", cached] as const].map(
      ([form, each]) =>
        `| ${rules} | ${form} | ${each.wallMs.toFixed(0)} | ${each.cpuMs.toFixed(0)} | ${each.keptMiB.toFixed(1)} | ${each.rssMiB.toFixed(0)} | ${each.warmKeptMiB.toFixed(1)} | ${each.warmRssMiB.toFixed(0)} |`,
    ),
  );
  return [
    "| rules | load | ms | CPU ms | kept MiB | RSS grown MiB | kept MiB, warm | RSS grown MiB, warm |",
    "|---|---|--:|--:|--:|--:|--:|--:|",
    ...lines,
  ].join("\n");
}

/** The dearest first. */
export function pumpTable(figures: readonly PumpFigure[], shown = 5): string {
  const dearest = figures.toSorted((a, b) => b.ms - a.ms).slice(0, shown);
  return [
    "| rules | piece that fills 128 KB | CPU ms (asked: at most 50) |",
    "|---|---|--:|",
    ...dearest.map(
      ({ rules, piece, ms }) =>
        `| ${rules} | \`${JSON.stringify(piece).replaceAll("|", "\\|")}\` | ${ms.toFixed(1)} |`,
    ),
  ].join("\n");
}

export function results(text: string, about: { rounds: number; yardstick: string }): string {
  return `# Inspection, measured

Written by \`node bench/waf.ts\`; do not edit. ${about.rounds} rounds, our engine and libmodsecurity in turn on one core, the same rules
and the same requests, none of which comes twice; phases 1, 2 and 5. Medians over rounds. "CPU us" is CPU time of the
whole process by the number of requests, garbage collection included; ratios are of it, within a round, median (range). Asked
of JSON under the Core Rule Set: at least ${RATIO_GOAL} times. "Same verdict": share of 60 requests that both refuse or both pass; the
generated prose holds words that rules against shell commands take for such. Yardstick: ${about.yardstick}.

${text}
Node ${process.version}; ${cpus()[0]?.model ?? "unknown processor"}, ${cpus().length} cores, ${new Date().toISOString().slice(0, 10)}.
`;
}
