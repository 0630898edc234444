/** Kill switches on a running gateway's own file, put on by another opener of it as the command line does. */
import { join } from "node:path";
import { SYSTEM_CLOCK } from "../../src/pipeline/stage.ts";
import { openEmbeddedKillSwitches } from "../../src/stores/kill/embedded-kill-switches.ts";
import type { KillDraft, KillSwitch } from "../../src/stores/kill/kill-switch-store.ts";
import type { TestGateway } from "../support/gateway.ts";
import { until } from "../support/until.ts";

export const SHUT_CALLER = "shut-out";

type Order = Pick<KillDraft, "scope"> & Partial<KillDraft>;

/** Puts a switch on, and waits until the gateway says that it has it. */
export async function shut(gateway: TestGateway, order: Order): Promise<KillSwitch> {
  const store = openFileOf(gateway);
  try {
    const before = await gateway.metric("portcullis_kill_changes_total", { change: "on" });
    const one = await store.on({
      reason: "out of order",
      author: "ana",
      expiresAtMs: undefined,
      routeTo: undefined,
      ...order,
    });
    await until("the gateway has it", async () => {
      const now = await gateway.metric("portcullis_kill_changes_total", { change: "on" });
      return now > before;
    });
    return one;
  } finally {
    store.close();
  }
}

/** Takes a switch off, and waits until the gateway says so. */
export async function open(gateway: TestGateway, { id }: KillSwitch): Promise<void> {
  const store = openFileOf(gateway);
  try {
    const before = await gateway.metric("portcullis_kill_changes_total", { change: "off" });
    await store.off(id, "ben");
    await until("the gateway has it", async () => {
      const now = await gateway.metric("portcullis_kill_changes_total", { change: "off" });
      return now > before;
    });
  } finally {
    store.close();
  }
}

/** What the refusals' gateway has shut: a route, and a caller. */
export async function shutRefused(gateway: TestGateway): Promise<void> {
  await shut(gateway, { scope: { route: "shut" } });
  await shut(gateway, { scope: { caller: SHUT_CALLER } });
}

const openFileOf = (gateway: TestGateway) =>
  openEmbeddedKillSwitches({
    path: join(gateway.folder, "portcullis.db"),
    clock: SYSTEM_CLOCK,
    isWatching: false,
  });
