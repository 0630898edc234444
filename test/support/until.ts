/** Waits for something to become true by looking again and again; it gives up with a sentence. */
import { setTimeout as sleep } from "node:timers/promises";

export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  limitMs = 3_000,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
    await sleep(5);
  }
}
