/** Decisions over time, by the hour while that stays a short table, then by the day, then by the month. */
import type { TimeReport } from "./report.ts";

/** A week of hours, and as many days: beyond that a table is not read. */
const ROW_LIMIT = 168;

const UNITS = ["hour", "day", "month"] as const;
/** How much of `2026-11-22T13:44:17.123456Z` names the unit. */
const PREFIX = { hour: 13, day: 10, month: 7 } as const;

type Row = {
  -readonly [Name in keyof TimeReport["rows"][number]]: TimeReport["rows"][number][Name];
};

export class TimeTable {
  #unit: TimeReport["unit"] = "hour";
  #rows = new Map<string, Row>();

  add(ts: string, decision: "allow" | "deny" | "error"): void {
    this.#row(ts)[decision] += 1;
    const coarser = UNITS[UNITS.indexOf(this.#unit) + 1];
    if (this.#rows.size > ROW_LIMIT && coarser) this.#coarsen(coarser);
  }

  report(): TimeReport {
    const rows = [...this.#rows.values()].sort((one, other) => (one.from < other.from ? -1 : 1));
    return { unit: this.#unit, rows };
  }

  #row(ts: string): Row {
    const from = ts.slice(0, PREFIX[this.#unit]);
    let row = this.#rows.get(from);
    if (!row) {
      row = { from, allow: 0, deny: 0, error: 0 };
      this.#rows.set(from, row);
    }
    return row;
  }

  #coarsen(unit: TimeReport["unit"]): void {
    const finer = this.#rows;
    this.#unit = unit;
    this.#rows = new Map();
    for (const { from, allow, deny, error } of finer.values()) {
      const row = this.#row(from);
      row.allow += allow;
      row.deny += deny;
      row.error += error;
    }
  }
}
