/** The first lines of a sort, cut to what a report can show, and how many there were. */
import type { EventReport, EventRow } from "./report.ts";

/** Lines shown of one sort; a few hundred bytes each. The ledger itself has the rest. */
const ROW_LIMIT = 500;
/** Longest value shown; a line could bring 64 KiB of it. */
const VALUE_LENGTH_LIMIT = 400;

/** Members every line has, which stand elsewhere in the report or only matter to the chain. */
const STRUCTURAL = new Set(["ts", "seq", "kind", "prev", "hash", "signature"]);

export class EventList {
  readonly #rows: EventRow[] = [];
  #total = 0;

  add(line: { readonly seq: number; readonly ts: string }, members: Readonly<object>): void {
    this.#total += 1;
    if (this.#rows.length >= ROW_LIMIT) return;
    const shown: Record<string, string> = Object.create(null) as Record<string, string>;
    for (const [name, value] of Object.entries(members)) {
      if (STRUCTURAL.has(name) || value === undefined || value === null) continue;
      shown[name] = textOf(value);
    }
    this.#rows.push({ seq: line.seq, ts: line.ts, members: shown });
  }

  report(): EventReport {
    return { total: this.#total, rows: this.#rows };
  }
}

function textOf(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > VALUE_LENGTH_LIMIT ? `${text.slice(0, VALUE_LENGTH_LIMIT)}...` : text;
}
