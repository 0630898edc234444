/**
 * What happened to kill switches, for the ledger: an outbox. An event is written in the transaction of the change it
 * tells of, so that no change goes unrecorded because a process ended.
 */
import type { KillChange, KillSwitch } from "./kill-switch-store.ts";

/** The most events that one reading may ask for; more only lengthens the pause of a gateway that reads them. */
export const MAX_PENDING_EVENTS = 1_000;

export interface KillEvent {
  /** Grows with every event and is never used twice; what `confirmEvents` counts by. */
  readonly id: number;
  readonly event: KillChange["kind"];
  readonly killSwitch: KillSwitch;
  readonly atMs: number;
  /** Who put it on or took it off; undefined when its time was over. */
  readonly by: string | undefined;
  /** From the change to its effect on this machine, where it was made on another. */
  readonly propagationMs: number | undefined;
}

/** The reading side of the outbox. Several gateways may share it: an event is told at least once, perhaps twice. */
export interface KillEventOutbox {
  /** The oldest events that nobody has confirmed, in their order; at most 1,000. */
  pendingEvents(limit: number): readonly KillEvent[];
  /** Forgets the events up to that id: called when the ledger holds them for good, never before. */
  confirmEvents(upToId: number): void;
}
