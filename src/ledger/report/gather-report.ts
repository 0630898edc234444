/**
 * Reads a ledger once, from its first line to its last, and counts what an audit report says. Memory does not grow with
 * the ledger; what a table cannot show is counted as its remainder.
 */
import { LineError, readLine, scanLine, type LedgerLine } from "../line.ts";
import { readLedger, type LineBatch } from "../read/read-ledger.ts";
import { DecisionCounts } from "./decision-counts.ts";
import { EventList } from "./event-list.ts";
import { IntegrityCounts } from "./integrity-counts.ts";
import { textOf } from "./line-members.ts";
import type { LinePlace, Report, VerificationReport } from "./report.ts";
import { Tally } from "./tally.ts";

/** Rows of a table: as many as are read. The rest is one row that says how much it is. */
export const DEFAULT_TOP = 20;

export interface Period {
  /** From this time on. */
  readonly sinceMs?: number | undefined;
  /** Before this time. */
  readonly untilMs?: number | undefined;
}

export interface ReportOptions extends Period {
  readonly directory: string;
  readonly verification: VerificationReport | null;
  readonly nowMs: number;
  readonly top?: number | undefined;
}

/** Throws what the reader throws when the directory cannot be read; damage within it is part of the report. */
export async function gatherReport(options: ReportOptions): Promise<Report> {
  const counts = new ReportCounts(options);
  for await (const batch of readLedger(options.directory)) counts.batch(batch);
  return counts.report(options);
}

/** As the ledger writes it, so that times compare as text: six digits. */
const ledgerTime = (ms: number | undefined): string | null =>
  ms === undefined ? null : new Date(ms).toISOString().replace("Z", "000Z");

class ReportCounts {
  readonly #since: string | null;
  readonly #until: string | null;
  readonly #byKind = new Tally(["kind"]);
  readonly #decisions = new DecisionCounts();
  readonly #integrity = new IntegrityCounts();
  readonly #breakGlass = new EventList();
  readonly #killSwitches = new EventList();
  readonly #packs = new EventList();
  readonly #reloads = new EventList();
  readonly #keys = new EventList();
  readonly #events = new Map([
    ["breakglass", this.#breakGlass],
    ["kill", this.#killSwitches],
    ["pack", this.#packs],
    ["reload", this.#reloads],
    ["key", this.#keys],
  ]);
  #first: LinePlace | null = null;
  #last: LinePlace | null = null;
  #lines = 0;
  #gateway: string | null = null;

  constructor({ sinceMs, untilMs }: Period) {
    this.#since = ledgerTime(sinceMs);
    this.#until = ledgerTime(untilMs);
  }

  batch({ segment, firstLine, lines, isTorn }: LineBatch): void {
    for (const [index, bytes] of lines.entries()) {
      const where = `${segment.name}, line ${firstLine + index}`;
      if (isTorn) this.#integrity.damaged({ where, what: "the line is not finished" });
      else this.#take(bytes, where);
    }
  }

  report({ nowMs, verification, top = DEFAULT_TOP }: ReportOptions): Report {
    return {
      madeAt: new Date(nowMs).toISOString(),
      gateway: this.#gateway,
      period: { since: this.#since, until: this.#until },
      first: this.#first,
      last: this.#last,
      lines: this.#lines,
      byKind: this.#byKind.report(top),
      verification,
      decisions: this.#decisions.report(top),
      breakGlass: this.#breakGlass.report(),
      killSwitches: this.#killSwitches.report(),
      packs: this.#packs.report(),
      reloads: this.#reloads.report(),
      keys: this.#keys.report(),
      integrity: this.#integrity.report(top),
    };
  }

  #take(bytes: Buffer, where: string): void {
    try {
      // Most lines of a long ledger are outside the period: the time is read without parsing the rest.
      const { ts, kind } = scanLine(bytes);
      if (this.#until !== null && ts >= this.#until) return;
      const isBefore = this.#since !== null && ts < this.#since;
      if (!isBefore) this.#count(readLine(bytes));
      else if (kind === "open") this.#nameGateway(readLine(bytes));
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      this.#integrity.damaged({ where, what: error.message });
    }
  }

  #count(line: LedgerLine): void {
    const { seq, ts, hash, kind } = line;
    this.#lines += 1;
    this.#first ??= { seq, ts, hash };
    this.#last = { seq, ts, hash };
    this.#byKind.add(seq, kind);
    this.#integrity.line(line);
    if (kind === "open") this.#nameGateway(line);
    else if (kind === "decision") this.#decisions.decision(line);
    else if (kind === "outcome") this.#decisions.outcome(line);
    else this.#events.get(kind)?.add(line, line.value);
  }

  #nameGateway({ value }: LedgerLine): void {
    this.#gateway = textOf(value["gateway"]) ?? this.#gateway;
  }
}
