/**
 * A process that spends quotas until it is killed, or nothing is left, and writes down each unit that it was granted. It
 * must never write one down before it was granted, nor be granted a second before the first is written down.
 *
 * Its file of grants holds two bytes for each unit, the number of the quota. It says `ready`, and `spent` at its end.
 */
import { openSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { DurableQuotas } from "../../src/stores/limits/durable-quotas.ts";
import type { LimitRequest, QuotaRule } from "../../src/stores/limits/limit-store.ts";
import { MemoryLimitStore } from "../../src/stores/limits/memory-limit-store.ts";

export interface SpenderOrder {
  readonly quotaFile: string;
  readonly grantsFile: string;
  readonly nowMs: number;
  /** By number. */
  readonly quotas: readonly QuotaRule[];
}

/** Requests before others have a turn: batches are written in between. */
const BURST = 100;

const order = JSON.parse(process.argv[2] ?? "{}") as SpenderOrder;
const grants = openSync(order.grantsFile, "a");
const store = new MemoryLimitStore({
  durable: DurableQuotas.open({
    path: order.quotaFile,
    nowMs: () => order.nowMs,
    onTrouble: (error) => {
      throw error;
    },
  }),
});
writeSync(1, "ready\n");

const requests = order.quotas.map((rule, number): LimitRequest => {
  const groups = [{ scope: "route", subject: `caller-${number}`, rules: [rule] }];
  return { groups, cost: 3, nowMs: order.nowMs };
});

/** Whether it was granted; of cost, three units are reserved and one is used. */
function spend(number: number): boolean {
  const verdict = store.decide(requests[number] as LimitRequest);
  if (!verdict.isGranted) return false;
  if (verdict.hold) store.finish(verdict.hold, 1);
  writeSync(grants, Uint8Array.of(number & 0xff, number >> 8));
  return true;
}

let isAnyLeft = true;
let asked = 0;
while (isAnyLeft) {
  isAnyLeft = false;
  for (let number = 0; number < requests.length; number++) {
    if (spend(number)) isAnyLeft = true;
    if (++asked % BURST === 0) await sleep(1);
  }
}
await store.close();
writeSync(1, "spent\n");
