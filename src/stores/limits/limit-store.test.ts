/** The contract of limit stores, kept by the store in this process: with quotas in memory only, and on the disk. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DurableQuotas } from "./durable-quotas.ts";
import { describeLimitStore, type OpenStore } from "./limit-contract.test-support.ts";
import { MemoryLimitStore } from "./memory-limit-store.ts";

/** A Sunday, 12:00:00 UTC. */
const NOON = Date.UTC(2026, 10, 22, 12);

function opened(store: MemoryLimitStore, cleanUp: () => void = () => {}): OpenStore {
  let nowMs = NOON;
  return {
    store,
    nowMs: () => nowMs,
    advance: async (ms) => {
      nowMs += ms;
    },
    close: async () => {
      await store.close();
      cleanUp();
    },
  };
}

describeLimitStore("memory", {
  isExactClock: true,
  make: async () => opened(new MemoryLimitStore()),
});

describeLimitStore("durable memory", {
  // The properties open hundreds of stores, each of which would make its files.
  isExactClock: false,
  make: async () => {
    const folder = mkdtempSync(join(tmpdir(), "portcullis-quotas-"));
    const durable = DurableQuotas.open({
      path: join(folder, "quotas.db"),
      nowMs: () => NOON,
      onTrouble: (error) => {
        throw error;
      },
    });
    const store = new MemoryLimitStore({ durable });
    return opened(store, () => rmSync(folder, { recursive: true }));
  },
});
