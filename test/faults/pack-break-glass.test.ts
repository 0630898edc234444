/** `kill -9` while break-glass is switched on and off: after a restart it is what it was said to be, or was about to be. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { BreakGlass } from "../../src/packs/panic/break-glass.ts";
import type { BreakGlassEvent } from "../../src/packs/panic/break-glass-event.ts";
import type { PanickerOrder } from "./pack-panicker.ts";
import { PackProcess } from "./pack-process.ts";

/** How often; the release is tested with PORTCULLIS_KILLS=1000. */
const DEFAULT_KILLS = 20;
const KILLS = Number(process.env["PORTCULLIS_KILLS"] ?? DEFAULT_KILLS);
const LATEST_KILL_MS = 40;
const PER_KILL_LIMIT_MS = 60_000;

const folder = mkdtempSync(join(tmpdir(), "portcullis-panic-"));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test(
  `${KILLS} kills`,
  async () => {
    const stateFile = join(folder, "breakglass.json");
    let active = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const order: PanickerOrder = { stateFile };
      const panicker = new PackProcess("pack-panicker.ts", order);
      await panicker.atWork();
      await sleep(Math.random() * LATEST_KILL_MS);
      await panicker.kill();

      const events: BreakGlassEvent[] = [];
      const breakGlass = await BreakGlass.open({
        stateFile,
        nowMs: Date.now,
        onEvent: (event) => events.push(event),
      });
      const found = breakGlass.state?.reason ?? "off";
      await breakGlass.close();
      expect([panicker.active, panicker.trying]).toContain(found);
      expect(events.map(({ kind }) => kind)).toEqual(found === "off" ? [] : ["resumed"]);
      if (found !== "off") active += 1;
    }
    console.log(`${KILLS} kills, ${active} of them while it was on`);
  },
  KILLS * PER_KILL_LIMIT_MS,
);
