/** `kill -9` at random moments under load: nothing that was acknowledged is lost, and no start raises a false alarm. */
import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { openLedger } from "../../src/ledger/ledger.ts";
import {
  newDirectory,
  optionsFor,
  removeDirectories,
  requireProven,
} from "../../src/ledger/write/ledger-directory.test-support.ts";
import { LedgerProcess } from "./ledger-process.ts";

/** How often; the release is tested with PORTCULLIS_KILLS=1000. */
const DEFAULT_KILLS = 15;
const KILLS = Number(process.env["PORTCULLIS_KILLS"] ?? DEFAULT_KILLS);

/** A ledger is killed so often before the next one is begun: each check reads all of it. */
const KILLS_PER_LEDGER = 10;

const CALLERS = 64;
const LATEST_KILL_MS = 250;
const PER_KILL_LIMIT_MS = 60_000;

/** Small ones, so that kills also hit rotation and compression. */
const SEGMENT = { limitBytes: 200_000, maxAgeMs: 3_600_000, isCompressed: true };

afterAll(removeDirectories);

test(
  `${KILLS} kills of a process with ${CALLERS} callers`,
  async () => {
    let directory = newDirectory();
    let from = 0;
    let acknowledged = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      if (kill > 0 && kill % KILLS_PER_LEDGER === 0) {
        rmSync(directory, { recursive: true });
        directory = newDirectory();
        from = 0;
      }
      const subject = new LedgerProcess({
        directory,
        callers: CALLERS,
        from,
        over: { segment: SEGMENT },
      });
      // Some die while they start, too.
      if (kill % 5 !== 4)
        await subject.until("an entry is acknowledged", () => subject.acknowledged.size > 0);
      else await sleep(Math.random() * LATEST_KILL_MS);
      await sleep(Math.random() * LATEST_KILL_MS);
      await subject.kill();
      acknowledged += subject.acknowledged.size;
      from = Math.max(from, subject.lastSerial + CALLERS * 2);

      const again = await openLedger(optionsFor(directory, { segment: SEGMENT }));
      await again.close();
      await subject.requireAcknowledged(directory);
      await requireProven(directory);
    }
    expect(acknowledged).toBeGreaterThan(0);
    console.log(`${KILLS} kills, ${acknowledged} acknowledged entries, none lost, no false alarm`);
  },
  KILLS * PER_KILL_LIMIT_MS,
);
