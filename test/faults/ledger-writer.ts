/**
 * A process that writes a ledger under load until it is killed or told to stop, and says through a pipe what was
 * acknowledged to it. It must never say so before the ledger did.
 *
 * Its lines: `ready`, `ack <seq> <serial>`, `no <code> <serial>`, `event <kind> <cause>`, `closed`.
 */
import { writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { LedgerError, openLedger, type LedgerOptions } from "../../src/ledger/ledger.ts";

export interface WriterOrder {
  readonly options: Omit<LedgerOptions, "onEvent">;
  readonly callers: number;
  /** Serials begin here. */
  readonly from: number;
}

/** A caller that was refused asks again so soon. */
const AGAIN_MS = 20;

const order = JSON.parse(process.argv[2] ?? "{}") as WriterOrder;
const say = (text: string): void => {
  writeSync(1, `${text}\n`);
};

const ledger = await openLedger({
  ...order.options,
  onEvent: (event) => {
    if (event.kind !== "checkpoint")
      say(`event ${event.kind} ${"cause" in event ? event.cause : ""}`);
  },
});
say("ready");

let serial = order.from;
const stopping = new AbortController();

async function call(): Promise<void> {
  while (!stopping.signal.aborted) {
    serial += 1;
    const own = serial;
    try {
      const filler = "x".repeat(own % 1_400);
      const seq = await ledger.append(
        `"kind":"decision","request_id":"req-${own}","decision":"allow","serial":${own},"filler":"${filler}"`,
      );
      say(`ack ${seq} ${own}`);
    } catch (error) {
      say(`no ${error instanceof LedgerError ? error.code : String(error)} ${own}`);
      await sleep(AGAIN_MS);
    }
  }
}

process.stdin.once("data", () => {
  stopping.abort();
});
await Promise.all(Array.from({ length: order.callers }, call));
await ledger.close();
say("closed");
process.stdin.destroy();
