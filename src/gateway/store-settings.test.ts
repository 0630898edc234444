import { describe, expect, test } from "vitest";
import {
  configurationFolder,
  readMistakes,
  readSound,
} from "../../test/cli/configuration-folder.ts";
import type { ReferenceReader } from "../config/secrets/resolve.ts";
import { Secret } from "../config/secrets/secret.ts";
import { isReadableOnTheWay, storeSchema, toRedisSettings } from "./store-settings.ts";

const BASE = {
  version: 1,
  listeners: [{ bind: "127.0.0.1:0" }],
  upstreams: { model: { targets: ["http://127.0.0.1:9000"] } },
};
const folderWith = (store: unknown) =>
  configurationFolder({ "portcullis.yaml": { ...BASE, store } });

const reader: ReferenceReader = {
  readFile: async ({ path }) => Buffer.from(`text of ${path}`),
  readSecret: async (reference) =>
    Secret.fromText(`secret of ${"name" in reference ? reference.name : reference.kind}`),
};

async function settingsOf(section: object) {
  const store = storeSchema.parse({ kind: "redis", ...section });
  if (store.kind !== "redis") throw new Error("not a Redis");
  return toRedisSettings(store, reader);
}

describe("the store", () => {
  test.each([[undefined], [{}], [{ kind: "embedded" }], [{ path: "portcullis.db" }]])(
    "is on this machine where nothing else is said: %j",
    (section) => {
      expect(storeSchema.parse(section)).toEqual({ kind: "embedded", path: "portcullis.db" });
    },
  );

  test("keeps a file of this machine's own also beside a Redis", () => {
    const store = storeSchema.parse({ kind: "redis", url: "redis://localhost", path: "own.db" });
    expect(store.path).toBe("own.db");
  });

  test("gives the link what it needs, secrets still kept to themselves", async () => {
    const settings = await settingsOf({
      url: "rediss://redis.example.bank",
      user: "gateway",
      password: "env:REDIS_PASSWORD",
      tls: { ca: "file:ca.crt", certificate: "file:own.crt", key: "file:own.key" },
    });
    expect(settings).toMatchObject({
      servers: { kind: "alone", address: { host: "redis.example.bank", port: 6_379 } },
      login: { user: "gateway" },
      tls: { ca: "text of ca.crt", certificate: "text of own.crt", serverName: undefined },
      prefix: "portcullis",
      commandTimeoutMs: 250,
    });
    expect(settings.login.password?.reveal()).toBe("secret of REDIS_PASSWORD");
    expect(settings.tls?.key?.reveal()).toBe("secret of file");
    expect(JSON.stringify(settings)).not.toContain("secret of");
  });

  test("without TLS in its URL has none, and with it the platform's authorities do", async () => {
    expect((await settingsOf({ url: "redis://10.0.0.5:7000" })).tls).toBeUndefined();
    expect((await settingsOf({ url: "rediss://10.0.0.5:7000" })).tls).toMatchObject({
      ca: undefined,
    });
  });

  test("names Sentinels, which have a login of their own", async () => {
    const { servers, login } = await settingsOf({
      sentinel: { name: "limits", servers: ["a.example", "10.0.0.5:7"], password: "env:A" },
      password: "env:B",
    });
    if (servers.kind !== "sentinel") throw new Error("no Sentinels");
    expect(servers.addresses).toEqual([
      { host: "a.example", port: 26_379 },
      { host: "10.0.0.5", port: 7 },
    ]);
    expect(servers.login.password?.reveal()).toBe("secret of A");
    expect(login.password?.reveal()).toBe("secret of B");
  });

  test("names servers of a Cluster", async () => {
    const { servers } = await settingsOf({ cluster: { servers: ["[2001:DB8::1]:7", "a"] } });
    expect(servers).toEqual({
      kind: "cluster",
      addresses: [
        { host: "2001:db8::1", port: 7 },
        { host: "a", port: 6_379 },
      ],
    });
  });

  test.each([
    ["nothing named", {}, /needs one of `url`, `sentinel` and `cluster`/],
    [
      "two named",
      { url: "redis://a", cluster: { servers: ["a"] } },
      /needs one of `url`, `sentinel` and `cluster`/,
    ],
    ["TLS details without TLS", { url: "redis://a", tls: {} }, /write rediss:\/\//],
    ["half a key pair", { url: "rediss://a", tls: { certificate: "file:own.crt" } }, /belong/],
    ["a database in the URL", { url: "redis://a/1" }, /more than host and port/],
    ["another scheme", { url: "http://a" }, /not the URL of a Redis/],
    ["no port", { url: "redis://a:0" }, /a number from 1 to 65535/],
    ["a password in plain sight", { url: "redis://a", password: "hunter2" }, /not a reference/],
    ["no server", { cluster: { servers: [] } }, /cluster\.servers/],
    ["an unknown setting", { url: "redis://a", timeout: "1s" }, /timeout/],
    ["a prefix that is no name", { url: "redis://a", prefix: "{x}" }, /not a name/],
  ])("%s is refused", async (_name, section, message) => {
    const [mistake = ""] = await readMistakes(folderWith({ kind: "redis", ...section }));
    expect(mistake).toMatch(message);
  });

  test.each(["redis://:hunter2@a", "redis://user:hunter2@a:1/0", "redis://hunter2@[x"])(
    "credentials in the URL are refused with the way out, and not repeated: %s",
    async (url) => {
      const mistakes = await readMistakes(folderWith({ kind: "redis", url }));
      expect(mistakes.join("\n")).toContain("a URL with a user or password");
      expect(mistakes.join("\n")).not.toContain("hunter2");
    },
  );

  test("is found by the places of its references, so that a missing one is told", async () => {
    const url = "redis://localhost";
    const mistakes = await readMistakes(
      folderWith({ kind: "redis", url, password: "env:NO_SUCH_VARIABLE" }),
    );
    expect(mistakes.join()).toContain("store.password");
    const env = { NO_SUCH_VARIABLE: "hunter2" };
    await readSound(folderWith({ kind: "redis", url, password: "env:NO_SUCH_VARIABLE" }), { env });
  });

  test.each([
    [{ kind: "embedded" }, false],
    [{ kind: "redis", url: "redis://127.0.0.1" }, false],
    [{ kind: "redis", url: "redis://127.0.0.1.example.bank" }, true],
    [{ kind: "redis", url: "rediss://10.0.0.5" }, false],
    [{ kind: "redis", cluster: { servers: ["localhost", "10.0.0.5"] } }, true],
    [{ kind: "redis", cluster: { servers: ["10.0.0.5"] }, tls: {} }, false],
  ])("who is on the way may read along: %j is %s", (section, isReadable) => {
    expect(isReadableOnTheWay(storeSchema.parse(section))).toBe(isReadable);
  });
});
