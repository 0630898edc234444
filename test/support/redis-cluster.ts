/** A real Redis Cluster for tests: three primaries on loopback, slots in thirds, and slots that move when a test says so. */
import { startRedis, type RedisOptions, type RedisServer } from "./redis-server.ts";
import { until } from "./until.ts";

const SIZE = 3;
const SLOTS = 16_384;
const AGREE_LIMIT_MS = 30_000;

export interface RedisCluster {
  readonly servers: readonly RedisServer[];
  slotOf(key: string): Promise<number>;
  /** Index of the server that has it. */
  ownerOf(slot: number): number;
  /**
   * A real migration: MIGRATING and IMPORTING, MIGRATE of its keys, SETSLOT. `during` runs when all keys have gone and the
   * slot has not: the old owner answers ASK.
   */
  moveSlot(slot: number, toIndex: number, during?: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

export async function startCluster({
  program,
}: Pick<RedisOptions, "program"> = {}): Promise<RedisCluster> {
  const args = [
    ["--cluster-enabled", "yes"],
    ["--cluster-config-file", "nodes.conf"],
    ["--cluster-node-timeout", "2000"],
  ].flat();
  const servers: RedisServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    for (let index = 0; index < SIZE; index++)
      servers.push(await startRedis({ args, ...(program !== undefined && { program }) }));
    await join(servers);
  } catch (error) {
    await stop();
    throw error;
  }
  const moved = new Map<number, number>();
  const ownerOf = (slot: number): number => moved.get(slot) ?? Math.floor(slot / third);
  return {
    servers,
    ownerOf,
    async slotOf(key) {
      return Number(await at(servers, 0).command("CLUSTER", "KEYSLOT", key));
    },
    async moveSlot(slot, toIndex, during) {
      const from = at(servers, ownerOf(slot));
      const to = at(servers, toIndex);
      if (from === to) throw new Error(`slot ${slot} is there already`);
      await move(servers, { slot, from, to, during });
      moved.set(slot, toIndex);
    },
    stop,
  };
}

const third = Math.ceil(SLOTS / SIZE);

async function join(servers: readonly RedisServer[]): Promise<void> {
  for (const [index, server] of servers.entries()) {
    const last = Math.min((index + 1) * third, SLOTS) - 1;
    await server.command("CLUSTER", "ADDSLOTSRANGE", String(index * third), String(last));
    await server.command("CLUSTER", "SET-CONFIG-EPOCH", String(index + 1));
  }
  for (const { port } of servers.slice(1))
    await at(servers, 0).command("CLUSTER", "MEET", "127.0.0.1", String(port));
  await until("all of the Cluster agree", () => allAgree(servers), AGREE_LIMIT_MS);
}

async function allAgree(servers: readonly RedisServer[]): Promise<boolean> {
  for (const server of servers) {
    const said = String(await server.command("CLUSTER", "INFO"));
    if (!said.includes("cluster_state:ok")) return false;
    if (!said.includes(`cluster_known_nodes:${servers.length}\r`)) return false;
    if (!said.includes(`cluster_slots_ok:${SLOTS}\r`)) return false;
  }
  return true;
}

interface Move {
  readonly slot: number;
  readonly from: RedisServer;
  readonly to: RedisServer;
  readonly during: (() => Promise<void>) | undefined;
}

async function move(
  servers: readonly RedisServer[],
  { slot, from, to, during }: Move,
): Promise<void> {
  const name = String(slot);
  const [fromId, toId] = [await idOf(from), await idOf(to)];
  await to.command("CLUSTER", "SETSLOT", name, "IMPORTING", fromId);
  await from.command("CLUSTER", "SETSLOT", name, "MIGRATING", toId);
  for (;;) {
    const keys = (await from.command("CLUSTER", "GETKEYSINSLOT", name, "100")) as string[];
    if (keys.length === 0) break;
    const target = ["127.0.0.1", String(to.port), "", "0", "5000"];
    await from.command("MIGRATE", ...target, "KEYS", ...keys);
  }
  await during?.();
  const others = servers.filter((server) => server !== to && server !== from);
  for (const server of [to, from, ...others])
    await server.command("CLUSTER", "SETSLOT", name, "NODE", toId);
}

const idOf = async (server: RedisServer): Promise<string> =>
  String(await server.command("CLUSTER", "MYID"));

function at(servers: readonly RedisServer[], index: number): RedisServer {
  const server = servers[index];
  if (server === undefined) throw new Error(`there is no server ${index}`);
  return server;
}
