/** What happens to the ledger itself, in the log: whoever is on call reads here what became of the record. */
import type { GatewayLedger } from "../gateway/journal/gateway-ledger.ts";
import type { LedgerEvent } from "../ledger/ledger.ts";
import type { OutwardStatus } from "../ledger/outward/outward-piece.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Log } from "../telemetry/log.ts";

/** Checkpoints and closed segments are the ordinary course of things; the rest somebody has to know. */
export function logLedgerEvent(
  log: Pick<Log, "info" | "warn" | "error">,
  event: LedgerEvent,
): void {
  const { kind, ...rest } = event;
  switch (kind) {
    case "checkpoint":
    case "segment_closed":
      return;
    case "failed":
      return log.error("the ledger cannot be written", rest);
    case "recovered":
      return log.warn("something of the ledger was set aside, and it goes on", rest);
    case "clock_behind":
    case "housekeeping_failed":
      return log.warn(`ledger: ${kind}`, rest);
    case "retention":
      return log.info("old segments of the ledger were removed", rest);
  }
}

/** How often trouble on the way out is looked for. */
const TROUBLE_INTERVAL_MS = 1_000;

/** Says what goes wrong on each way out of the machine: each kind of trouble once, until it has worked again. */
export function logOutwardTrouble(log: Pick<Log, "warn">, ledger: GatewayLedger): () => void {
  const said = new Map<
    string,
    { readonly code: string; readonly atMs: number; readonly sent: number }
  >();
  const look = (): void => {
    for (const [to, { lastError, sent }] of Object.entries(ledger.outward())) {
      if (!lastError) continue;
      const { code, message, atMs } = lastError;
      const before = said.get(to);
      const isOld = before !== undefined && atMs <= before.atMs;
      const isSame = before !== undefined && code === before.code && sent === before.sent;
      if (isOld || isSame) continue;
      said.set(to, { code, atMs, sent });
      log.warn("the ledger cannot leave this machine on one of its ways", { to, code, message });
    }
  };
  const timer = setInterval(look, TROUBLE_INTERVAL_MS).unref();
  return () => clearInterval(timer);
}

/** What a scrape says about the ledger and its ways out of this machine. */
export function watchLedger(metrics: Pick<Metrics, "watch">, ledger: GatewayLedger): void {
  metrics.watch("ledgerWriting", () => (ledger.state === "writing" ? 1 : 0));
  metrics.watch("ledgerLinesLost", () => ledger.lost);
  const each = (pick: (status: OutwardStatus) => number) => () =>
    Object.entries(ledger.outward()).map(([to, status]) => [[to], pick(status)] as const);
  metrics.watch(
    "ledgerOutwardPending",
    each(({ pending }) => pending),
  );
  metrics.watch(
    "ledgerOutwardOldest",
    each(({ oldestPendingMs }) => oldestPendingMs / 1_000),
  );
  metrics.watch(
    "ledgerOutwardFailed",
    each(({ failed }) => failed),
  );
  metrics.watch(
    "ledgerOutwardLost",
    each(({ lost }) => lost),
  );
}
