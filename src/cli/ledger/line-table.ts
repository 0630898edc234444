/** A line of the ledger as a row for people: what was asked, by whom, and what was decided. */
import type { LedgerLine } from "../../ledger/line.ts";
import { whoOf } from "./line-filter.ts";

const COLUMNS = [
  { name: "seq", width: 8 },
  { name: "time", width: 27 },
  { name: "kind", width: 10 },
  { name: "decision", width: 8 },
  { name: "status", width: 6 },
  { name: "stage", width: 13 },
  { name: "code", width: 28 },
  { name: "caller", width: 18 },
  { name: "model", width: 14 },
  { name: "request id or detail", width: 0 },
] as const;

export const TABLE_HEAD: string = rowOf(COLUMNS.map(({ name }) => name));

export function tableRow({ seq, ts, kind, value }: LedgerLine): string {
  const member = (name: string): string => cell(value[name]);
  return rowOf([
    String(seq),
    ts,
    kind,
    member("decision"),
    member("status"),
    member("stage"),
    member("code"),
    cell(whoOf(value)["caller"]),
    member("model"),
    detailOf(value),
  ]);
}

function detailOf(value: LedgerLine["value"]): string {
  const names = ["request_id", "of", "event", "result", "reason", "cause"];
  const found = names.map((name) => cell(value[name])).find((text) => text !== "-");
  return found ?? "-";
}

function rowOf(cells: readonly string[]): string {
  return cells.map((text, at) => text.padEnd(COLUMNS[at]?.width ?? 0)).join("  ");
}

/** What callers sent may hold anything: controls would move the operator's cursor. */
function cell(value: unknown): string {
  if (typeof value !== "string" && typeof value !== "number") return "-";
  // oxlint-disable-next-line no-control-regex -- controls are what it takes out
  return String(value).replace(/[\u0000-\u001F\u007F-\u009F]/g, "?");
}
