import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { EmbeddedDatabase } from "../embedded-database.ts";
import type { EmbeddedKeyStoreOptions } from "./embedded-key-store.ts";
import { parseKey } from "./key-format.ts";
import { KEY_STORES, type TrialStores } from "./key-store-contract.test-support.ts";
import type { KeyStore } from "./key-store.ts";

const MODULE = new URL("./embedded-key-store.ts", import.meta.url).href;
const DRAFT = { name: "nightly scoring", owner: "core-banking", tenant: "retail" };

let directory: string;
let path: string;
let nowMs: number;
const clock = { nowMs: () => nowMs, monotonicMs: () => 0 };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "portcullis-key-events-"));
  path = join(directory, "state.db");
  nowMs = Date.UTC(2027, 0, 1);
});

describe.each(KEY_STORES)("$name key store, events", ({ make }) => {
  let trial: TrialStores;

  beforeAll(() => {
    trial = make();
  });

  afterEach(async () => {
    await trial.closeStores();
    rmSync(directory, { recursive: true, force: true });
  });

  afterAll(() => trial.end());

  const opened = (options: Partial<EmbeddedKeyStoreOptions> = {}): Promise<KeyStore> =>
    trial.open({ path, clock, isWatching: false, ...options });

  describe("the outbox of key events", () => {
    test("tells of every creation, rotation and revocation, in order, with who and when", async () => {
      const command = await opened({ operator: "alice" });
      const { record } = command.create(DRAFT);
      nowMs += 1_000;
      const { record: fresh } = command.rotate(record.id);
      nowMs += 1_000;
      command.revoke(fresh.id);
      const common = { owner: "core-banking", tenant: "retail", by: "alice" };
      expect((await opened()).pendingEvents(10)).toEqual([
        {
          ...common,
          id: 1,
          event: "create",
          keyId: record.id,
          rotatedFrom: undefined,
          atMs: nowMs - 2_000,
        },
        {
          ...common,
          id: 2,
          event: "rotate",
          keyId: fresh.id,
          rotatedFrom: record.id,
          atMs: nowMs - 1_000,
        },
        {
          ...common,
          id: 3,
          event: "revoke",
          keyId: fresh.id,
          rotatedFrom: undefined,
          atMs: nowMs,
        },
      ]);
    });

    test("is silent about what did not happen", async () => {
      const store = await opened();
      const { record } = store.create({ name: "n", owner: "o" });
      store.revoke(record.id);
      store.confirmEvents(2);
      store.revoke(record.id);
      expect(() => store.rotate(record.id)).toThrow(/revoked/);
      expect(() => store.revoke("0000000000")).toThrow(/no key/);
      expect(() => store.create({ name: "", owner: "o" })).toThrow(/name/);
      expect(store.pendingEvents(10)).toEqual([]);
    });

    test("an event that cannot be written undoes the change it tells of", async () => {
      const store = await opened();
      const { record } = store.create(DRAFT);
      const database = EmbeddedDatabase.open({ path });
      database.connection.exec(
        "CREATE TRIGGER broken BEFORE INSERT ON api_key_event BEGIN SELECT RAISE(ABORT, 'disk full'); END",
      );
      database.close();
      expect(() => store.create(DRAFT)).toThrow(/disk full/);
      expect(() => store.rotate(record.id)).toThrow(/disk full/);
      expect(() => store.revoke(record.id)).toThrow(/disk full/);
      expect(store.list()).toEqual([{ ...record, lastUsedAtMs: undefined }]);
    });

    test("gives the oldest first, as many as asked for, until they are confirmed; no id comes back", async () => {
      const store = await opened();
      for (let i = 0; i < 5; i++) store.create(DRAFT);
      const ids = (limit: number) => store.pendingEvents(limit).map(({ id }) => id);
      expect(ids(2)).toEqual([1, 2]);
      expect(ids(2)).toEqual([1, 2]);
      store.confirmEvents(2);
      expect(ids(10)).toEqual([3, 4, 5]);
      store.confirmEvents(5);
      expect(ids(10)).toEqual([]);
      expect(ids(-1)).toEqual([]);
      store.create(DRAFT);
      expect(ids(10)).toEqual([6]);
    });

    test("holds nothing of the key's text", async () => {
      const store = await opened();
      const { secret = "" } = parseKey(store.create(DRAFT).reveal()) ?? {};
      expect(secret).not.toBe("");
      expect(JSON.stringify(store.pendingEvents(10))).not.toContain(secret);
    });
  });

  describe("a database of the release before the outbox", () => {
    /** The key tables as their first schema version made them. */
    const FIRST_VERSION = `CREATE TABLE api_key (
      id TEXT PRIMARY KEY, principal TEXT NOT NULL,
      secret_sha256 BLOB NOT NULL CHECK (length(secret_sha256) = 32),
      name TEXT NOT NULL, owner TEXT NOT NULL, tenant TEXT, scopes TEXT NOT NULL, permissions TEXT NOT NULL,
      groups TEXT NOT NULL, roles TEXT NOT NULL, tier TEXT, addresses TEXT NOT NULL,
      created_at_ms INTEGER NOT NULL, not_before_ms INTEGER, expires_at_ms INTEGER NOT NULL, revoked_at_ms INTEGER,
      rotated_from TEXT UNIQUE REFERENCES api_key (id), change INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX api_key_by_change ON api_key (change);
    CREATE TABLE api_key_use (
      id TEXT PRIMARY KEY REFERENCES api_key (id), last_used_at_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;`;

    test("keeps its keys, and tells of what happens from now on", async () => {
      const before = EmbeddedDatabase.open({ path });
      before.migrate("api_keys", [FIRST_VERSION]);
      before.connection
        .exec(`INSERT INTO api_key VALUES ('aaaaaaaaaa', 'aaaaaaaaaa', zeroblob(32), 'old', 'core-banking',
      NULL, '[]', '[]', '[]', '[]', NULL, '[]', 1, NULL, ${nowMs + 1_000_000}, NULL, NULL, 1)`);
      before.close();
      const store = await opened();
      expect(store.find("aaaaaaaaaa")?.record.name).toBe("old");
      expect(store.pendingEvents(10)).toEqual([]);
      store.revoke("aaaaaaaaaa");
      expect(store.pendingEvents(10)).toMatchObject([{ event: "revoke", keyId: "aaaaaaaaaa" }]);
      const release = EmbeddedDatabase.open({ path });
      expect(() => release.migrate("api_keys", [FIRST_VERSION])).toThrow(/newer release/);
      release.close();
    });
  });

  describe("several processes", () => {
    const child = (code: string) =>
      spawn(
        process.execPath,
        [
          "--input-type=module",
          "-e",
          `import { openEmbeddedKeyStore } from ${JSON.stringify(MODULE)};
         const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };
         const store = openEmbeddedKeyStore({ path: ${JSON.stringify(path)}, clock, isWatching: false });
         ${code}`,
        ],
        { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, NODE_NO_WARNINGS: "1" } },
      );

    test("a gateway sees each event of commands that run at the same time, and none is left once confirmed", async () => {
      const gateway = await opened({ isWatching: true });
      const writers = Array.from({ length: 2 }, () =>
        child(
          `for (let i = 0; i < 10; i++) store.revoke(store.create({ name: "n", owner: "o" }).record.id);`,
        ),
      );
      const exits = Promise.all(writers.map((writer) => once(writer, "exit")));
      const told = new Set<string>();
      const takeSome = (): number => {
        const events = gateway.pendingEvents(3);
        for (const { event, keyId } of events) told.add(`${event} ${keyId}`);
        try {
          gateway.confirmEvents(events.at(-1)?.id ?? 0);
        } catch {
          // The commands hold the lock for longer than a gateway waits: the same events come again.
        }
        return events.length;
      };
      const taking = setInterval(takeSome, 5);
      expect((await exits).map(([code]) => code)).toEqual([0, 0]);
      clearInterval(taking);
      while (takeSome() > 0);
      const expected = gateway
        .list()
        .flatMap(({ id }) => [`create ${id}`, `revoke ${id}`])
        .sort();
      expect(expected).toHaveLength(40);
      expect([...told].sort()).toEqual(expected);
    });

    test("after kill -9 there is an event for every key, and a key for every event", async () => {
      const writer = child(`
      for (;;) process.stdout.write(store.create({ name: "n", owner: "o" }).record.id + "\\n");`);
      let lines = 0;
      for await (const _ of createInterface({ input: writer.stdout }))
        if (++lines === 7) writer.kill("SIGKILL");
      if (writer.exitCode === null && writer.signalCode === null) await once(writer, "exit");
      const store = await opened();
      const told = store.pendingEvents(1_000).map(({ keyId }) => keyId);
      expect(told.length).toBeGreaterThanOrEqual(7);
      expect(told.toSorted()).toEqual(
        store
          .list()
          .map(({ id }) => id)
          .sort(),
      );
    });
  });
});
