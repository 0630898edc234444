/** Collects the faults of one parser call for a test; never part of the engine. */
import { reportInto, type ParseFault, type Report } from "./parse-fault.ts";

/** A reporter for a made-up place, and the faults it took. */
export function collectFaults(): { readonly report: Report; readonly faults: ParseFault[] } {
  const faults: ParseFault[] = [];
  return { report: reportInto(faults, { file: "test.conf", line: 1 }), faults };
}
