/** Writes what was played as a table for a terminal, or as one JSON object. Decides nothing. */
import type { Performed } from "./perform.ts";

const HEADER = ["", "request", "status", "stage", "code", "note"] as const;

/** The table, and below it what was not as expected. */
export function renderTable(performed: readonly Performed[]): string {
  const lines = [
    [...HEADER],
    ...performed.map(({ row, status, stage, code, note, problems }) => [
      problems.length === 0 ? "ok" : "BAD",
      row.title,
      status === 0 ? "-" : String(status),
      stage,
      code,
      note,
    ]),
  ];
  const widths = HEADER.map((_, column) =>
    Math.max(...lines.map((line) => (line[column] as string).length)),
  );
  const toLine = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] as number))
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  const bad = performed
    .filter(({ problems }) => problems.length > 0)
    .map(({ row, problems }) => `BAD  ${row.title}: ${problems.join(", ")}`);
  const [header = [], ...body] = lines;
  return [toLine(header), rule, ...body.map(toLine), ...(bad.length > 0 ? ["", ...bad] : [])].join(
    "\n",
  );
}

export function renderJson(performed: readonly Performed[]): string {
  return JSON.stringify({
    isAsExpected: performed.every(({ problems }) => problems.length === 0),
    synthetic: true,
    rows: performed.map(({ row, status, stage, code, latencyMs, note, problems }) => ({
      request: row.title,
      method: row.request.method,
      path: row.request.path,
      status,
      stage,
      code,
      latency_ms: Math.round(latencyMs * 10) / 10,
      note,
      problems,
    })),
  });
}
