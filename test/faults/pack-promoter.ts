/**
 * A process that promotes one release after the other, and goes back now and then, until it is killed. It says what it is
 * about to do, and afterwards that it is done; it must never say so before the constitution did.
 *
 * Its lines: `ready <release>`, `try <release>`, `done <release>`.
 */
import { writeSync } from "node:fs";
import { PackFolder, type FolderOptions } from "../../src/packs/life/pack-folder.test-support.ts";

export interface PromoterOrder {
  readonly folder: FolderOptions;
  /** The first release that it signs. */
  readonly from: number;
}

/** After so many promotions one roll back. */
const ROLL_BACK_EVERY = 3;

const order = JSON.parse(process.argv[2] ?? "{}") as PromoterOrder;
const say = (text: string): void => {
  writeSync(1, `${text}\n`);
};

const folder = new PackFolder(order.folder);
const constitution = await folder.open();
say(`ready ${constitution.active.releaseVersion}`);

for (let release = order.from; ; release += 1) {
  folder.writeCandidate({ release });
  await constitution.reload("next");
  say(`try ${release}`);
  await constitution.promote();
  say(`done ${release}`);
  if (release % ROLL_BACK_EVERY === 0) {
    const back = constitution.prev?.releaseVersion;
    say(`try ${back}`);
    await constitution.rollback();
    say(`done ${back}`);
  }
}
