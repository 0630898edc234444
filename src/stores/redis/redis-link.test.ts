/** The link to one healthy server: scripts, commands, messages, connections, and a server that is not there at start. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  openLinked,
  redisSettings,
  scriptOf,
  type Linked,
} from "../../../test/support/redis-linked.ts";
import { redisPrograms } from "../../../test/support/redis-programs.ts";
import { startRedisProxy } from "../../../test/support/redis-proxy.ts";
import {
  freePort,
  hasRedis,
  startRedis,
  type RedisServer,
} from "../../../test/support/redis-server.ts";
import { until } from "../../../test/support/until.ts";
import { StoreUnavailable } from "../store-unavailable.ts";
import { RedisReplyError } from "./reply-error.ts";

const COUNT = scriptOf("return {redis.call('INCRBY', KEYS[1], ARGV[1]), ARGV[2], false}");
const KEY = "{portcullis}:n";
const LIMIT_MS = 20_000;
/** The servers are well here: what is slow is the machine. */
const PATIENT = { commandTimeoutMs: 2_000 };

describe.skipIf(!hasRedis()).each(redisPrograms())("on $name", ({ program }) => {
  const by = program === undefined ? {} : { program };
  let server: RedisServer;
  let linked: Linked;

  beforeAll(async () => {
    server = await startRedis(by);
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    await server.command("FLUSHALL");
    linked = await openLinked(redisSettings(server.port, PATIENT));
    await linked.untilState("up");
  });
  afterEach(() => linked.link.close());

  const clients = async (): Promise<string[]> => {
    const said = String(await server.command("CLIENT", "LIST", "TYPE", "normal"));
    // The one that asks is no client of the link.
    const lines = said
      .trim()
      .split("\n")
      .filter((line) => !line.includes("cmd=client|list"));
    return lines.map((line) => /^id=(\d+)/.exec(line)?.[1] ?? "");
  };

  test("its library is loaded when a link is opened, not before", async () => {
    const here = JSON.stringify(new URL("./open-redis-link.ts", import.meta.url).href);
    const count = "Object.keys(require.cache).filter((path) => path.includes('@redis')).length";
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, [
      "-e",
      `import(${here}).then(() => console.log(${count}))`,
    ]);
    expect(stdout.trim()).toBe("0");
  });

  test("is up when the server is there, and says so once", () => {
    expect(linked.link.state).toBe("up");
    expect(linked.states).toEqual(["up"]);
    expect(linked.errors).toEqual([]);
  });

  test("runs a script the server does not know, and again by its name", async () => {
    expect(await linked.link.script(COUNT, [KEY], [3, "é\r\n$"])).toEqual([3, "é\r\n$", null]);
    expect(await linked.link.script(COUNT, [KEY], [4, ""])).toEqual([7, "", null]);
    expect(await server.command("SCRIPT", "EXISTS", COUNT.sha1)).toEqual([1]);
    expect(linked.outcomes).toEqual(["ok", "ok"]);
  });

  test.each([["SCRIPT", "FLUSH"], ["FLUSHALL"]])("runs it after %s %s", async (...command) => {
    await linked.link.script(COUNT, [KEY], [1, ""]);
    await server.command(...command.filter((word) => word !== undefined));
    const many = Array.from({ length: 8 }, () => linked.link.script(COUNT, [KEY], [1, ""]));
    await Promise.all(many);
    expect(await server.command("GET", KEY)).toBe(command[0] === "FLUSHALL" ? "8" : "9");
  });

  test("shows a mistake in a script as itself, and stays up", async () => {
    const wrong = scriptOf("return redis.call('HGET', KEYS[1], 'a')");
    await server.command("SET", KEY, "text");
    const failing = linked.link.script(wrong, [KEY], []);
    await expect(failing).rejects.toThrow(RedisReplyError);
    await expect(failing).rejects.toMatchObject({ code: "WRONGTYPE" });
    await expect(linked.link.command(KEY, ["NOSUCH"])).rejects.toMatchObject({ code: "ERR" });
    expect(linked.link.state).toBe("up");
    expect(linked.outcomes).toEqual(["error", "error"]);
  });

  test("answers every caller with his own answer", async () => {
    const echo = scriptOf("return ARGV[1]");
    const words = Array.from({ length: 500 }, (_, index) => `word ${index}`);
    const answers = await Promise.all(words.map((word) => linked.link.script(echo, [KEY], [word])));
    expect(answers).toEqual(words);
  });

  test("sends all calls of one turn in one write", async () => {
    const proxy = await startRedisProxy(server.port);
    const settings = redisSettings(proxy.port, { ...PATIENT, healthCheckIntervalMs: 60_000 });
    const { link } = await openLinked(settings);
    await until("both connections are there", () => proxy.accepted === 2, LIMIT_MS);
    await link.script(COUNT, [KEY], [1, ""]);
    const before = proxy.writes;
    await Promise.all(Array.from({ length: 64 }, () => link.script(COUNT, [KEY], [1, ""])));
    expect(proxy.writes - before).toBe(1);
    await link.close();
    await proxy.close();
  });

  test("hears what is published, until it no longer wants to", async () => {
    const { link } = linked;
    const [heard, alsoHeard]: string[][] = [[], []];
    const stop = await link.subscribe("news", (message) => void heard?.push(message));
    await link.subscribe("news", (message) => void alsoHeard?.push(message));
    expect(await link.command(undefined, ["PUBLISH", "news", "one"])).toBe(1);
    await until("both have heard", () => heard?.length === 1 && alsoHeard?.length === 1);
    await stop();
    await link.command(undefined, ["PUBLISH", "news", "two"]);
    await until("the other has heard", () => alsoHeard?.length === 2);
    expect(heard).toEqual(["one"]);
  });

  test("a listener that throws is told to the operator and hurts nobody", async () => {
    const heard: string[] = [];
    await linked.link.subscribe("news", () => {
      throw new Error("a mistake in a listener");
    });
    await linked.link.subscribe("news", (message) => void heard.push(message));
    await server.command("PUBLISH", "news", "one");
    await until("the other hears", () => heard.length === 1);
    expect(linked.errors).toEqual(["a mistake in a listener"]);
    expect(linked.link.state).toBe("up");
  });

  test("a lost connection is replaced while the other serves", async () => {
    await until("both are there", async () => (await clients()).length === 2, LIMIT_MS);
    const [lost = ""] = await clients();
    await server.command("CLIENT", "KILL", "ID", lost);
    await until(
      "there is another",
      async () => {
        const ids = await clients();
        return ids.length === 2 && !ids.includes(lost);
      },
      LIMIT_MS,
    );
    expect(linked.states).toEqual(["up"]);
  });

  test("connections are renewed by age, and no call notices", async () => {
    const settings = redisSettings(server.port, {
      ...PATIENT,
      maxAgeMs: 150,
      healthCheckIntervalMs: 20,
    });
    await linked.link.close();
    linked = await openLinked(settings);
    await until("both are there", async () => (await clients()).length === 2, LIMIT_MS);
    const old = await clients();
    const areAllNew = async (): Promise<boolean> => {
      await linked.link.script(COUNT, [KEY], [1, ""]);
      return (await clients()).every((id) => !old.includes(id));
    };
    await until("both are others", areAllNew, LIMIT_MS);
    expect(linked.states).toEqual(["up"]);
    expect(linked.errors).toEqual([]);
  });

  test("a server that is not there at start is found when it comes", async () => {
    const port = await freePort();
    const late = await openLinked(redisSettings(port, PATIENT));
    expect(late.link.state).toBe("down");
    expect(late.states).toEqual([]);
    await expect(late.link.script(COUNT, [KEY], [1, ""])).rejects.toThrow(StoreUnavailable);
    const heard: string[] = [];
    await late.link.subscribe("news", (message) => void heard.push(message));
    const other = await startRedis({ ...by, port });
    await late.untilState("up");
    expect(await late.link.script(COUNT, [KEY], [1, ""])).toEqual([1, "", null]);
    await until("it listens", async () => (await other.command("PUBLISH", "news", "x")) === 1);
    await until("it hears", () => heard.length > 0);
    expect(late.errors.length).toBe(new Set(late.errors).size);
    expect(late.errors[0]).toContain("nothing listens there");
    await late.link.close();
    await other.stop();
  });

  test("when it is closed nothing is open, and calls are refused", async () => {
    await linked.link.subscribe("news", () => undefined);
    const waiting = linked.link.command(undefined, ["BLPOP", "{portcullis}:none", "0"]);
    const settled = expect(waiting).rejects.toThrow(StoreUnavailable);
    await linked.link.close();
    await settled;
    await expect(linked.link.command(KEY, ["GET", KEY])).rejects.toThrow("the link is closed");
    await until("the server sees nobody", async () => (await clients()).length === 0, LIMIT_MS);
    expect(linked.states).toEqual(["up", "down"]);
  });
});
