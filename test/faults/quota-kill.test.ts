/**
 * `kill -9` under load, again and again, while quotas are spent: all lives together never get more than the quota, and
 * each kill takes away at most a hundredth of it, or one unit.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { CalendarPeriod, LimitUnit, QuotaRule } from "../../src/stores/limits/limit-store.ts";
import { until } from "../support/until.ts";
import type { SpenderOrder } from "./quota-spender.ts";

/** How often; the release is tested with PORTCULLIS_KILLS=1000. */
const DEFAULT_KILLS = 6;
const KILLS = Number(process.env["PORTCULLIS_KILLS"] ?? DEFAULT_KILLS);
const PER_KILL_LIMIT_MS = 60_000;

const PROGRAM = resolve(import.meta.dirname, "quota-spender.ts");
const NOW_MS = Date.UTC(2026, 10, 22, 12);
const BYTES_PER_GRANT = 2;
/** Granted, and killed before it was written down. */
const UNWRITTEN = 1;

const folder = mkdtempSync(join(tmpdir(), "portcullis-quota-kill-"));
let child: ChildProcess | undefined;
afterAll(() => {
  child?.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

const quota = (kind: CalendarPeriod, limit: number, unit: LimitUnit = "requests"): QuotaRule => ({
  name: kind,
  kind,
  limit,
  unit,
  timeZone: "UTC",
  speed: "exact",
  onStoreFailure: "deny",
});

/** Large ones, whose marks are far ahead; many small ones, of which each unit is written; and some of cost. */
const QUOTAS: readonly QuotaRule[] = [
  ...(["hour", "day", "month"] as const).map((kind) => quota(kind, 3_000)),
  ...Array.from({ length: 150 }, (_, i) => quota(i % 2 ? "day" : "month", 1 + (i % 60))),
  ...(["hour", "day", "month"] as const).map((kind) => quota(kind, 2_000, "cost")),
];
const TOTAL = QUOTAS.reduce((sum, { limit }) => sum + limit, 0);

const order: SpenderOrder = {
  quotaFile: join(folder, "quotas.db"),
  grantsFile: join(folder, "grants"),
  nowMs: NOW_MS,
  quotas: QUOTAS,
};
const granted = (): number =>
  (statSync(order.grantsFile, { throwIfNoEntry: false })?.size ?? 0) / BYTES_PER_GRANT;

/** A process that has begun to spend. */
async function startSpender(): Promise<ChildProcess> {
  const spender = spawn(process.execPath, [PROGRAM, JSON.stringify(order)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  child = spender;
  await once(spender.stdout, "data");
  return spender;
}

async function kill(spender: ChildProcess): Promise<void> {
  expect(spender.exitCode).toBe(null);
  spender.kill("SIGKILL");
  await once(spender, "exit");
}

test(
  `${KILLS} kills of a process that spends ${QUOTAS.length} quotas`,
  async () => {
    // All kills fall into the first half, so that the last life still has something to spend.
    for (let life = 1; life <= KILLS; life++) {
      const spender = await startSpender();
      const goal = (TOTAL / 2) * (life / KILLS);
      await until("enough was spent", () => granted() >= goal || spender.exitCode !== null, 50_000);
      await kill(spender);
    }
    const last = await startSpender();
    const [code] = (await once(last, "exit")) as [number];
    expect(code).toBe(0);

    const grants = readFileSync(order.grantsFile);
    const counts = QUOTAS.map(() => 0);
    for (let at = 0; at < grants.length; at += BYTES_PER_GRANT)
      counts[grants.readUInt16LE(at)] = (counts[grants.readUInt16LE(at)] ?? 0) + 1;
    for (const [number, { limit, unit }] of QUOTAS.entries()) {
      const got = counts[number] as number;
      expect(got, `quota ${number} of ${limit}`).toBeLessThanOrEqual(limit);
      // What cost gave back in the moment before a kill is lost too: there only the cap is promised.
      if (unit === "cost") continue;
      const lost = KILLS * (Math.max(1, limit / 100) + UNWRITTEN);
      expect(got, `quota ${number} of ${limit}`).toBeGreaterThanOrEqual(limit - lost);
    }
  },
  KILLS * PER_KILL_LIMIT_MS,
);
