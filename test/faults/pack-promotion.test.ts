/** `kill -9` in the middle of promotions and roll backs: the old pack serves or the new one, never a mixture, never none. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { PackFiles } from "../../src/packs/life/pack-files.ts";
import { PackFolder } from "../../src/packs/life/pack-folder.test-support.ts";
import { openPack } from "../../src/packs/sign/trust.ts";
import { PackProcess } from "./pack-process.ts";
import type { PromoterOrder } from "./pack-promoter.ts";

/** How often, with each form of pack; the release is tested with PORTCULLIS_KILLS=1000. */
const DEFAULT_KILLS = 20;
const KILLS = Number(process.env["PORTCULLIS_KILLS"] ?? DEFAULT_KILLS);

/** A promotion takes some milliseconds; kills fall everywhere in one, and in the reload before it. */
const LATEST_KILL_MS = 60;
const PER_KILL_LIMIT_MS = 60_000;

let folder: PackFolder;
afterEach(() => folder.remove());

describe.each(["pack_json", "dsse"] as const)("with %s", (form) => {
  test(
    `${KILLS} kills`,
    async () => {
      folder = new PackFolder({ form, isOnDisk: true });
      folder.write({ release: 1 });
      const { path, privatePem } = folder;
      let from = 2;
      let interrupted = 0;
      for (let kill = 0; kill < KILLS; kill += 1) {
        const order: PromoterOrder = { folder: { form, path, privatePem }, from };
        const promoter = new PackProcess("pack-promoter.ts", order);
        await promoter.atWork();
        await sleep(Math.random() * LATEST_KILL_MS);
        await promoter.kill();

        folder.events.length = 0;
        const constitution = await folder.open();
        const { active } = constitution;
        expect([promoter.active, promoter.trying]).toContain(String(active.releaseVersion));
        await constitution.close();
        // The files say the same, as a pair: whoever else loads them loads this pack.
        const source = await new PackFiles(folder.files).readActive();
        expect(openPack(source, folder.options().trust).blake3).toBe(active.blake3);
        if (folder.kinds.includes("files_written")) interrupted += 1;
        from = Math.max(from, Number(promoter.trying), Number(promoter.active)) + 2;
      }
      console.log(`${KILLS} kills, ${interrupted} of them between the decision and its files`);
    },
    KILLS * PER_KILL_LIMIT_MS,
  );
});
