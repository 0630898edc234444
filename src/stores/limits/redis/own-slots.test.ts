/** What a process knows of slots stays bounded, also when the server takes no word of it. */
import { expect, test } from "vitest";
import type { RedisLink } from "../../redis/redis-link.ts";
import { StoreUnavailable } from "../../store-unavailable.ts";
import { Corrections } from "./corrections.ts";
import { MAX_IN_DOUBT, SlotTable } from "./own-slots.ts";

const refusing: RedisLink = {
  state: "up",
  onState: () => () => undefined,
  script: () => Promise.reject(new StoreUnavailable("NOPERM")),
  command: () => Promise.reject(new StoreUnavailable("NOPERM")),
  subscribe: () => Promise.resolve(() => Promise.resolve()),
  close: () => Promise.resolve(),
};

function tableOn(link: RedisLink): SlotTable {
  const shared = { link, owner: "me", leaseMs: 15_000 };
  const corrections = new Corrections({ ...shared, memoryKey: "m", monotonicMs: () => 0 });
  return new SlotTable({ ...shared, corrections, schedule: () => undefined });
}

test("a server that refuses every decision does not make a counter of each subject stay", async () => {
  const table = tableOn(refusing);
  for (let i = 0; i < 2 * MAX_IN_DOUBT; i++) table.lost(table.asking(`caller-${i}`));
  expect(table.size).toBe(MAX_IN_DOUBT);
  table.renewDoubtful();
  for (let i = 0; i < MAX_IN_DOUBT; i++) table.lost(table.asking(`later-${i}`));
  await new Promise((resolve) => setImmediate(resolve));
  expect(table.size).toBe(MAX_IN_DOUBT);
});

test("a counter of running requests stays, whether or not there is room for a doubt", () => {
  const table = tableOn(refusing);
  const counter = table.asking("long");
  table.granted(counter);
  for (let i = 0; i < 2 * MAX_IN_DOUBT; i++) table.lost(table.asking(`caller-${i}`));
  table.lost(table.asking("long"));
  expect(table.asking("long")).toBe(counter);
  expect(table.held).toBe(1);
});
