/**
 * What happened to API keys, for the ledger: an outbox. An event is written in the transaction of the change it tells of,
 * so that no change goes unrecorded because a process ended; it must never hold a key's text or secret.
 */

/** The most events that one reading may ask for; more only lengthens the pause of a gateway that reads them. */
export const MAX_PENDING_EVENTS = 1_000;

export interface KeyEvent {
  /** Grows with every event and is never used twice; what `confirmEvents` counts by. */
  readonly id: number;
  readonly event: "create" | "revoke" | "rotate";
  /** The public id of the key: of a rotation, the new one's. */
  readonly keyId: string;
  /** Of a rotation, the key that is replaced. */
  readonly rotatedFrom: string | undefined;
  readonly owner: string;
  readonly tenant: string | undefined;
  readonly atMs: number;
  /** Who did it, as far as the command could tell. */
  readonly by: string | undefined;
}

/** The reading side of the outbox. Several gateways may share it: an event is told at least once, perhaps twice. */
export interface KeyEventOutbox {
  /** The oldest events that nobody has confirmed, in their order; at most 1,000. */
  pendingEvents(limit: number): readonly KeyEvent[];
  /**
   * Forgets the events up to that id: called when the ledger holds them for good, never before. Throws when the
   * database is locked or broken; the events then stay pending and will be told again.
   */
  confirmEvents(upToId: number): void;
}
