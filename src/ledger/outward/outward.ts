/** All ways out of the machine as one: told of the ledger's events, asked before a segment is deleted, closed together. */
import type { ClosedSegment, LedgerEvent } from "../write/ledger-options.ts";
import type { OutwardPiece, OutwardStatus } from "./outward-piece.ts";

export interface Outward {
  /** For `LedgerOptions.onEvent`. It never throws and never waits. */
  observe(event: LedgerEvent): void;
  /** For `LedgerOptions.mayRemove`: true when no piece needs the segment any more. */
  mayRemove(segment: ClosedSegment): boolean;
  /** By the piece's name. */
  status(): Readonly<Record<string, OutwardStatus>>;
  /** After the ledger was closed, so that its last checkpoint goes out; ends within seconds. */
  close(): Promise<void>;
}

export function joinOutward(pieces: Readonly<Record<string, OutwardPiece>>): Outward {
  const all = Object.values(pieces);
  return {
    observe(event) {
      if (event.kind === "segment_closed") for (const piece of all) piece.segmentClosed(event);
      if (event.kind === "checkpoint")
        for (const piece of all) piece.checkpoint(event.note, event.size);
    },
    mayRemove: ({ segment }) => all.every((piece) => piece.mayRemove(segment)),
    status: () =>
      Object.fromEntries(Object.entries(pieces).map(([name, piece]) => [name, piece.status()])),
    close: async () => {
      await Promise.all(all.map((piece) => piece.close()));
    },
  };
}
