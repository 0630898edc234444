/** Which lines of a ledger are asked for, by the values of their members. */
import type { LedgerLine } from "../../ledger/line.ts";

/** Each list names the values one of which the line must have; what is not given is not asked. */
export interface LineFilter {
  readonly kind?: string[];
  readonly decision?: string[];
  readonly code?: string[];
  readonly stage?: string[];
  readonly caller?: string[];
  readonly tenant?: string[];
  readonly model?: string[];
  readonly requestId?: string[];
}

type Members = Readonly<Record<string, unknown>>;

const MEMBERS: Readonly<Record<keyof LineFilter, (line: Members) => unknown>> = {
  kind: (line) => line["kind"],
  decision: (line) => line["decision"],
  code: (line) => line["code"],
  stage: (line) => line["stage"],
  caller: (line) => whoOf(line)["caller"],
  // A key's event has its tenant outside of `who`.
  tenant: (line) => whoOf(line)["tenant"] ?? line["tenant"],
  model: (line) => line["model"],
  requestId: (line) => line["request_id"] ?? line["of"],
};

export function isWanted({ value }: LedgerLine, filter: LineFilter): boolean {
  return Object.entries(MEMBERS).every(([name, member]) => {
    const wanted = filter[name as keyof LineFilter];
    const said = member(value);
    return wanted === undefined || (typeof said === "string" && wanted.includes(said));
  });
}

/** Who asked, as far as it was known. */
export function whoOf(line: Members): Members {
  const who = line["who"];
  return typeof who === "object" && who !== null ? (who as Members) : {};
}
