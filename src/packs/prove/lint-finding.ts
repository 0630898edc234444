/** What lint says of a pack, in words and codes. Grave findings keep a pack from becoming active until they are acknowledged. */
import type { PackExample } from "./example.ts";

export type LintCode =
  | "lint.dead_output"
  | "lint.open_allow"
  | "lint.unconditional_allow"
  | "lint.hidden_deny"
  | "lint.same_trigger"
  | "lint.contradiction"
  | "lint.tautology"
  | "lint.unused_wire"
  | "lint.unused_bit"
  | "lint.not_proven"
  /** Of a configuration, not of a pack: it acknowledges what lint does not find. */
  | "lint.unknown_acknowledgement";

export interface LintFinding {
  readonly code: LintCode;
  /** Id of the output, wire or bit it is about. */
  readonly subject: string;
  readonly severity: "grave" | "notice";
  readonly message: string;
  /** A request that shows it, tried with the pack itself; absent where no request can show it, or none could be made. */
  readonly example?: PackExample;
  /** One-based, in the pack's YAML; 0 where the finding is about none of its lines. */
  readonly line: number;
}

/** By what an operator acknowledges it: `open_allow:allow_public`. */
export function nameOfFinding({ code, subject }: LintFinding): string {
  return `${code.slice("lint.".length)}:${subject}`;
}
