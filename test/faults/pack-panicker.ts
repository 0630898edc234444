/**
 * A process that switches break-glass on and off until it is killed. It says what it is about to do, and afterwards that
 * it is done; it must never say so before break-glass did.
 *
 * Its lines: `ready <reason or off>`, `try <reason or off>`, `done <reason or off>`.
 */
import { writeSync } from "node:fs";
import { BreakGlass } from "../../src/packs/panic/break-glass.ts";

export interface PanickerOrder {
  readonly stateFile: string;
}

/** Long enough that no test outlives it. */
const TTL_SEC = 900;

const { stateFile } = JSON.parse(process.argv[2] ?? "{}") as PanickerOrder;
const say = (text: string): void => {
  writeSync(1, `${text}\n`);
};

const breakGlass = await BreakGlass.open({ stateFile, nowMs: Date.now, onEvent: () => undefined });
say(`ready ${breakGlass.state?.reason ?? "off"}`);

for (let serial = 0; ; serial += 1) {
  const reason = `${process.pid}-${serial}`;
  say(`try ${reason}`);
  await breakGlass.start({ ttlSec: TTL_SEC, reason });
  say(`done ${reason}`);
  say("try off");
  await breakGlass.clear();
  say("done off");
}
