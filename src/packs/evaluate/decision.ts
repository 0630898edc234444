/** What is decided about one request, and what can be told about how. */
import type { Truth } from "./truth.ts";

export interface PackDecision {
  readonly effect: "allow" | "deny";
  /** Id of the output, or `default_deny` when none fired. */
  readonly output: string;
  readonly status: number;
  readonly reason: string;
  /** The wire that decided, or the bit where a bit is the trigger; for `default_deny` that of the first allow output. */
  readonly wire: string | undefined;
  /** The first bit in order that kept that wire from being true. */
  readonly bitFailed: string | undefined;
  readonly bitValue: "false" | "undefined" | undefined;
  /** Output, wire, nested wires down to the bit that decided. */
  readonly chain: readonly string[];
}

export interface PackTrace {
  readonly decision: PackDecision;
  readonly bits: readonly { readonly id: string; readonly value: Truth }[];
  readonly wires: readonly { readonly id: string; readonly value: Truth }[];
  readonly outputs: readonly { readonly id: string; readonly fires: boolean }[];
}
