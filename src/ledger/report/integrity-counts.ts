/**
 * Collects what the stream says about itself: starts and stops, failures, gaps, removals. It reads, it does not verify;
 * the verification stands beside it in the report.
 */
import type { LedgerLine } from "../line.ts";
import { EventList } from "./event-list.ts";
import { listOf, membersOf, textOf } from "./line-members.ts";
import type { IntegrityReport } from "./report.ts";
import { Tally } from "./tally.ts";

interface Before {
  readonly seq: number;
  readonly ts: string;
  readonly kind: string;
}

export class IntegrityCounts {
  readonly #gaps = new EventList();
  readonly #unreadable = new EventList();
  readonly #recoveries = new EventList();
  readonly #opened = new Tally(["reason"]);
  readonly #uncleanStops = new EventList();
  readonly #setAside = new EventList();
  readonly #removals = new EventList();
  #clockLines = 0;
  #clockMostUs = 0;
  #before: Before | undefined;

  line(line: LedgerLine): void {
    const { kind, value } = line;
    this.#order(line);
    const behindUs = value["clock_behind_us"];
    if (typeof behindUs === "number") {
      this.#clockLines += 1;
      this.#clockMostUs = Math.max(this.#clockMostUs, behindUs);
    }
    if (kind === "recovered") this.#recoveries.add(line, value);
    if (kind === "retention")
      for (const each of listOf(value["removed"])) this.#removals.add(line, membersOf(each));
  }

  /** A line that is not what a line should be. */
  damaged(place: { readonly where: string; readonly what: string }): void {
    const { seq = -1, ts = "" } = this.#before ?? {};
    this.#unreadable.add({ seq, ts }, place);
  }

  report(top: number): IntegrityReport {
    return {
      gaps: this.#gaps.report(),
      unreadable: this.#unreadable.report(),
      recoveries: this.#recoveries.report(),
      opened: this.#opened.report(top),
      uncleanStops: this.#uncleanStops.report(),
      setAside: this.#setAside.report(),
      clockBehind: { lines: this.#clockLines, mostUs: this.#clockMostUs },
      removals: this.#removals.report(),
    };
  }

  #order(line: LedgerLine): void {
    const before = this.#before;
    this.#before = { seq: line.seq, ts: line.ts, kind: line.kind };
    if (before && line.seq !== before.seq + 1)
      this.#gaps.add(line, { after_seq: before.seq, next_seq: line.seq });
    if (line.kind === "open") this.#open(line, before);
  }

  #open(line: LedgerLine, before: Before | undefined): void {
    const reason = textOf(line.value["reason"]);
    this.#opened.add(line.seq, reason);
    for (const each of [line.value["set_aside"]].flat())
      if (each !== undefined && each !== null) this.#setAside.add(line, membersOf(each));
    if (reason === "start" && before && before.kind !== "close")
      this.#uncleanStops.add(line, { last_line: before.seq, last_time: before.ts });
  }
}
