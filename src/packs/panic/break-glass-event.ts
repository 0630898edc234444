/** What happens to break-glass: all of it is for the record and for whoever is on call. It never holds a signature. */
import type { BreakGlassErrorCode } from "./break-glass-error.ts";

/** What is on, as decisions and people see it. */
export interface BreakGlassState {
  readonly source: "operator";
  readonly startedMs: number;
  readonly untilMs: number;
  readonly reason: string;
  /** Who asked for it, as they say. */
  readonly by?: string;
  /** `keyId` of the operator's key that approved. */
  readonly approvedBy?: string;
}

/** Why it ended: its time was over; it was switched off; its time was over before a restart; another one began. */
export type BreakGlassEnd = "expired" | "cleared" | "restart" | "replaced";

export type BreakGlassEvent =
  | { readonly kind: "started"; readonly state: BreakGlassState }
  /** It was on before a restart, and is still. */
  | { readonly kind: "resumed"; readonly state: BreakGlassState }
  /** `uses` since the last event of this kind; at most one event a second. */
  | {
      readonly kind: "used";
      readonly state: BreakGlassState;
      readonly uses: number;
      readonly total: number;
    }
  | {
      readonly kind: "ended";
      readonly state: BreakGlassState;
      readonly cause: BreakGlassEnd;
      readonly total: number;
    }
  /** An order that was not taken, or a state file. */
  | { readonly kind: "refused"; readonly code: BreakGlassErrorCode; readonly message: string };
