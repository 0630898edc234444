/** What the stream says about itself: starts and stops, gaps, failures, removals. */
import type { Block } from "./document.ts";
import type { EventReport, IntegrityReport } from "./report.ts";
import { eventTable, heading, tallySection } from "./report-tables.ts";

export function integritySections(integrity: IntegrityReport): Block[] {
  const { clockBehind } = integrity;
  return [
    heading(2, "The record itself"),
    ...tallySection("Segments begun", integrity.opened),
    ...eventSection("Gaps in the line numbers", integrity.gaps),
    ...eventSection("Lines that cannot be read", integrity.unreadable),
    ...eventSection("Starts without a stop before them", integrity.uncleanStops),
    ...eventSection("Recoveries", integrity.recoveries),
    ...eventSection("Set aside after a failed write", integrity.setAside),
    ...eventSection("Segments removed by retention", integrity.removals),
    heading(3, "Clock"),
    {
      kind: "sentence",
      text:
        clockBehind.lines === 0
          ? "It never went back."
          : `It was behind the record for ${clockBehind.lines} lines, by at most ${clockBehind.mostUs} microseconds.`,
    },
  ];
}

const eventSection = (title: string, events: EventReport): Block[] => [
  heading(3, title),
  ...eventTable(events, []),
];
