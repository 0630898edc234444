/** The one error of loading: every fault of every file at once, so that an operator mends them in one go. */
import type { ParseFault } from "../parse/parse-fault.ts";

/** Faults spelled out in the message; the rest is in `faults`. */
const SHOWN_FAULTS = 10;

export class RuleSetRefused extends Error {
  readonly faults: readonly ParseFault[];

  constructor(faults: readonly ParseFault[]) {
    const lines = faults.slice(0, SHOWN_FAULTS).map(faultLine);
    const more = faults.length - lines.length;
    super([...lines, ...(more > 0 ? [`and ${more} more`] : [])].join("\n"));
    this.name = "RuleSetRefused";
    this.faults = faults;
  }
}

/** `file:line: message (hint)`. */
function faultLine({ file, line, message, hint }: ParseFault): string {
  return `${file}:${line}: ${message}${hint === undefined ? "" : ` (${hint})`}`;
}
