/** A primary, its replica and three Sentinels for tests: real fail-overs, by order or because the primary is gone. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startRedis, type RedisOptions, type RedisServer } from "./redis-server.ts";
import { until } from "./until.ts";

const SENTINELS = 3;
const QUORUM = 2;
/** Silence after which a Sentinel takes the primary for gone. */
const DOWN_AFTER_MS = 1_000;
/** Sentinels try again after twice this when a fail-over did not succeed. */
const FAIL_OVER_TIMEOUT_MS = 3_000;
/**
 * How often Sentinels ask servers for their state and greet each other. By default 10 and 2 seconds, and they wait four
 * greetings before they make an old primary a replica: every fail-over here would take that long.
 */
const PERIODS = ["INFO-PERIOD", "300", "PUBLISH-PERIOD", "200"];
const AGREE_LIMIT_MS = 45_000;

export interface RedisSentinel {
  /** What the Sentinels call the primary. */
  readonly name: string;
  readonly sentinels: readonly RedisServer[];
  /** Both servers; which one is the primary changes. */
  readonly servers: readonly RedisServer[];
  /** Who the Sentinels say it is. */
  primary(): Promise<RedisServer>;
  /** Orders one and waits until all agree: Sentinels, new primary, and the old one as its replica. */
  failOver(): Promise<void>;
  /** For a primary that was killed or frozen: waits until the other has taken its place. */
  untilPrimaryIs(server: RedisServer): Promise<void>;
  stop(): Promise<void>;
}

export async function startSentinel({
  name = "limits",
  program,
}: Pick<RedisOptions, "program"> & { readonly name?: string } = {}): Promise<RedisSentinel> {
  const by = program === undefined ? {} : { program };
  const servers: RedisServer[] = [];
  const sentinels: RedisServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all([...sentinels, ...servers].map((server) => server.stop()));
  };
  const group = new Group(name, servers, sentinels, stop);
  try {
    const quickly = ["--repl-diskless-sync-delay", "0"];
    const primary = await startRedis({ ...by, args: quickly });
    servers.push(primary);
    const replicaOf = ["--replicaof", "127.0.0.1", String(primary.port)];
    servers.push(await startRedis({ ...by, args: [...quickly, ...replicaOf] }));
    const prepare = (directory: string) => prepareSentinel(directory, name, primary.port);
    for (let index = 0; index < SENTINELS; index++)
      sentinels.push(await startRedis({ ...by, prepare }));
    for (const sentinel of sentinels) await sentinel.command("SENTINEL", "DEBUG", ...PERIODS);
    await group.untilPrimaryIs(primary);
    await group.untilReplicaFollows();
  } catch (error) {
    await stop();
    throw error;
  }
  return group;
}

async function prepareSentinel(directory: string, name: string, port: number): Promise<string[]> {
  const path = join(directory, "redis.conf");
  const lines = [
    `sentinel monitor ${name} 127.0.0.1 ${port} ${QUORUM}`,
    `sentinel down-after-milliseconds ${name} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${name} ${FAIL_OVER_TIMEOUT_MS}`,
  ];
  await writeFile(path, `${lines.join("\n")}\n`);
  return [path, "--sentinel"];
}

class Group implements RedisSentinel {
  readonly name: string;
  readonly servers: readonly RedisServer[];
  readonly sentinels: readonly RedisServer[];
  readonly stop: () => Promise<void>;

  constructor(
    name: string,
    servers: readonly RedisServer[],
    sentinels: readonly RedisServer[],
    stop: () => Promise<void>,
  ) {
    this.name = name;
    this.servers = servers;
    this.sentinels = sentinels;
    this.stop = stop;
  }

  async primary(): Promise<RedisServer> {
    const port = await this.#primaryPortOf(this.sentinels[0] as RedisServer);
    return this.servers.find((server) => server.port === port) as RedisServer;
  }

  async failOver(): Promise<void> {
    const old = await this.primary();
    const next = this.servers.find((server) => server !== old) as RedisServer;
    const order = () =>
      (this.sentinels[0] as RedisServer).command("SENTINEL", "FAILOVER", this.name);
    // Right after another one, a Sentinel may still think that there is no good replica.
    await until(
      "a Sentinel takes the order",
      () => order().then(isOk, () => false),
      AGREE_LIMIT_MS,
    );
    await this.untilPrimaryIs(next);
    await this.untilReplicaFollows();
  }

  async untilPrimaryIs(server: RedisServer): Promise<void> {
    const isSo = async (): Promise<boolean> => {
      for (const sentinel of this.sentinels)
        if ((await this.#primaryPortOf(sentinel)) !== server.port) return false;
      const [role] = (await server.command("ROLE")) as [string];
      return role === "master" && this.#knowEachOther();
    };
    await untilAgreed(`all agree that ${server.port} is the primary`, isSo);
  }

  /** Until it has the data, and every Sentinel knows that it could take over. */
  async untilReplicaFollows(): Promise<void> {
    const primary = await this.primary();
    const replica = this.servers.find((server) => server !== primary) as RedisServer;
    const isSo = async (): Promise<boolean> => {
      const [role, , port, link] = (await replica.command("ROLE")) as [
        string,
        string,
        number,
        string,
      ];
      if (role !== "slave" || port !== primary.port || link !== "connected") return false;
      return (await this.#counts("num-slaves")).every((count) => count === 1);
    };
    await untilAgreed("the replica follows", isSo);
  }

  async #knowEachOther(): Promise<boolean> {
    const counts = await this.#counts("num-other-sentinels");
    return counts.every((count) => count === SENTINELS - 1);
  }

  async #counts(field: string): Promise<number[]> {
    const ask = async (sentinel: RedisServer): Promise<number> => {
      const fields = (await sentinel.command("SENTINEL", "MASTER", this.name)) as string[];
      return Number(fields[fields.indexOf(field) + 1]);
    };
    return Promise.all(this.sentinels.map(ask));
  }

  async #primaryPortOf(sentinel: RedisServer): Promise<number> {
    const said = await sentinel.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", this.name);
    return Number((said as [string, string])[1]);
  }
}

/** Sentinels end all connections of a server that they make a replica, also those of the one who asks: he asks again. */
const untilAgreed = (what: string, isSo: () => Promise<boolean>): Promise<void> =>
  until(what, () => isSo().catch(() => false), AGREE_LIMIT_MS);

const isOk = (said: unknown): boolean => said === "OK";
