/** The options of `portcullis kill`, as the command line gives them. */
import type { KillScope } from "../../stores/kill/kill-switch-store.ts";
import type { SourceOptions } from "../source.ts";

export interface KillOptions extends SourceOptions {
  readonly store?: string;
  readonly operator?: string;
  readonly by?: string;
  readonly json?: true;
}

export interface OnOptions extends KillOptions, KillScope {
  readonly reason: string;
  /** Milliseconds. */
  readonly for?: number;
  /** Milliseconds since the epoch. */
  readonly until?: number;
  readonly routeTo?: string;
}
