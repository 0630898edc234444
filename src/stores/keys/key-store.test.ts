import { spawn } from "node:child_process";
import { hash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { SYSTEM_CLOCK } from "../../pipeline/stage.ts";
import type { EmbeddedKeyStoreOptions } from "./embedded-key-store.ts";
import { parseKey } from "./key-format.ts";
import { KEY_STORES, type TrialStores } from "./key-store-contract.test-support.ts";
import { KeyRequestRefused, type IssuedKey, type KeyDraft, type KeyStore } from "./key-store.ts";

const DAY_MS = 86_400_000;
const MODULE = new URL("./embedded-key-store.ts", import.meta.url).href;
const DRAFT: KeyDraft = {
  name: "nightly scoring",
  owner: "core-banking",
  tenant: "retail",
  scopes: ["predict:churn"],
  permissions: ["model:read"],
  groups: ["risk"],
  roles: ["scorer"],
  tier: "gold",
  addresses: ["10.0.0.0/8", "2001:db8::1"],
};

let directory: string;
let path: string;
let nowMs: number;
let monotonicMs: number;
const clock = { nowMs: () => nowMs, monotonicMs: () => monotonicMs };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "portcullis-keys-"));
  path = join(directory, "state.db");
  nowMs = Date.UTC(2027, 0, 1);
  monotonicMs = 0;
});

const partsOf = (key: IssuedKey) => parseKey(key.reveal()) ?? { id: "", secret: "" };

describe.each(KEY_STORES)("$name key store", ({ make }) => {
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

  describe("creating a key", () => {
    test("everything that was asked for is kept, and the secret only as its SHA-256", async () => {
      const store = await opened();
      const issued = store.create(DRAFT);
      const { id, secret } = partsOf(issued);
      expect(issued.record).toEqual({
        ...DRAFT,
        id,
        principal: id,
        createdAtMs: nowMs,
        notBeforeMs: undefined,
        expiresAtMs: nowMs + 90 * DAY_MS,
        revokedAtMs: undefined,
        rotatedFrom: undefined,
      });
      expect(store.find(id)?.secretSha256).toEqual(hash("sha256", secret, "buffer"));
      store.close();
      for (const file of [path]) expect(readFileSync(file, "latin1")).not.toContain(secret);
    });

    test("the text comes out of reveal() alone", async () => {
      const issued = (await opened()).create(DRAFT);
      const { secret } = partsOf(issued);
      expect(JSON.stringify(issued)).not.toContain(secret);
      expect(String(issued)).not.toContain(secret);
    });

    test("it is there for the next process that opens the file", async () => {
      const { record } = (await opened()).create(DRAFT);
      const other = await opened();
      expect(other.find(record.id)?.record).toEqual(record);
      expect(other.list()).toEqual([{ ...record, lastUsedAtMs: undefined }]);
    });

    test.each<[string, Partial<KeyDraft>, RegExp]>([
      ["an empty name", { name: "" }, /name/],
      ["a name with a line break", { name: "a\nb" }, /name/],
      ["a name that ends with a space", { name: "a " }, /name/],
      ["an owner with a bidirectional override", { owner: "a\u202eb" }, /owner/],
      ["an owner that is not NFC", { owner: "e\u0301" }, /owner/],
      ["a tenant of 129 characters", { tenant: "t".repeat(129) }, /tenant/],
      ["a scope with a space", { scopes: ["a b"] }, /scope/],
      ["an empty role", { roles: [""] }, /role/],
      ["too many groups", { groups: Array.from({ length: 257 }, (_, i) => `g${i}`) }, /groups/],
      ["a network that is none", { addresses: ["10.0.0.0/33"] }, /network/],
      ["a network with a zone", { addresses: ["fe80::1%eth0"] }, /network/],
      ["no lifetime", { lifetimeMs: 0 }, /lifetime/],
      ["an endless lifetime", { lifetimeMs: Infinity }, /lifetime/],
      ["a lifetime that is no number", { lifetimeMs: Number.NaN }, /lifetime/],
    ])("%s is refused", async (_, change, message) => {
      const store = await opened();
      expect(() => store.create({ ...DRAFT, ...change })).toThrow(KeyRequestRefused);
      expect(() => store.create({ ...DRAFT, ...change })).toThrow(message);
      expect(store.list()).toEqual([]);
    });
  });

  describe("rotating a key", () => {
    test("the new one has the same principal and rights, the old one ends after the grace period", async () => {
      const store = await opened();
      const old = store.create(DRAFT);
      nowMs += 30 * DAY_MS;
      const fresh = store.rotate(old.record.id, { graceMs: 3_600_000 });
      expect(partsOf(fresh).secret).not.toBe(partsOf(old).secret);
      expect(fresh.record).toEqual({
        ...old.record,
        id: fresh.record.id,
        createdAtMs: nowMs,
        expiresAtMs: nowMs + 90 * DAY_MS,
        rotatedFrom: old.record.id,
      });
      expect(store.find(old.record.id)?.record.expiresAtMs).toBe(nowMs + 3_600_000);
      const third = store.rotate(fresh.record.id);
      expect(third.record.principal).toBe(old.record.principal);
      expect(store.find(fresh.record.id)?.record.expiresAtMs).toBe(nowMs + DAY_MS);
    });

    test("a grace period does not prolong the old key", async () => {
      const store = await opened();
      const old = store.create({ ...DRAFT, lifetimeMs: 60_000 });
      store.rotate(old.record.id, { graceMs: DAY_MS });
      expect(store.find(old.record.id)?.record.expiresAtMs).toBe(old.record.expiresAtMs);
    });

    test.each<[string, (store: KeyStore, id: string) => void]>([
      ["was rotated already", (store, id) => void store.rotate(id)],
      ["is revoked", (store, id) => void store.revoke(id)],
      ["has expired", () => void (nowMs += 91 * DAY_MS)],
    ])("a key that %s cannot be rotated", async (_, change) => {
      const store = await opened();
      const { record } = store.create(DRAFT);
      change(store, record.id);
      const before = store.list();
      expect(() => store.rotate(record.id)).toThrow(KeyRequestRefused);
      expect(store.list()).toEqual(before);
    });

    test("an unknown key and a negative grace period are refused", async () => {
      const store = await opened();
      const { record } = store.create(DRAFT);
      expect(() => store.rotate("0000000000")).toThrow(/no key/);
      expect(() => store.rotate(record.id, { graceMs: -1 })).toThrow(/grace/);
    });
  });

  describe("revoking a key", () => {
    test("it is marked with the time, once", async () => {
      const store = await opened();
      const { record } = store.create(DRAFT);
      nowMs += 1000;
      const revoked = store.revoke(record.id);
      expect(revoked.revokedAtMs).toBe(nowMs);
      nowMs += 1000;
      expect(store.revoke(record.id)).toEqual(revoked);
      expect(store.find(record.id)?.record).toEqual(revoked);
    });

    test("an unknown key is refused", async () => {
      const store = await opened();
      expect(() => store.revoke("0000000000")).toThrow(/no key/);
    });
  });

  describe("a gateway that has the file open", () => {
    test("sees keys that a command makes, rotates and revokes, within a second", async () => {
      const gateway = await opened({ isWatching: true, clock: SYSTEM_CLOCK });
      const command = await opened();
      const { record } = command.create(DRAFT);
      expect(gateway.find(record.id)).toBeUndefined();
      const seen = { timeout: 1_000, interval: 20 };
      await vi.waitFor(() => expect(gateway.find(record.id)?.record).toEqual(record), seen);
      const stored = gateway.find(record.id);
      const { record: fresh } = command.rotate(record.id);
      await vi.waitFor(() => expect(gateway.find(fresh.id)?.record).toEqual(fresh), seen);
      expect(gateway.find(record.id)).not.toBe(stored);
      command.revoke(fresh.id);
      await vi.waitFor(
        () => expect(gateway.find(fresh.id)?.record.revokedAtMs).toBeDefined(),
        seen,
      );
    });

    test("keeps the same object for a key that did not change", async () => {
      const gateway = await opened({ isWatching: true, clock: SYSTEM_CLOCK, pollMs: 10 });
      const first = gateway.create(DRAFT).record.id;
      const stored = gateway.find(first);
      const { record } = (await opened()).create(DRAFT);
      await vi.waitFor(() => expect(gateway.find(record.id)).toBeDefined());
      expect(gateway.find(first)).toBe(stored);
    });

    test("answers from memory while the file is gone, and no longer than the blind limit", async () => {
      const gateway = await opened({ isWatching: true, pollMs: 10, blindLimitMs: 60_000 });
      const { record } = gateway.create(DRAFT);
      renameSync(path, `${path}.gone`);
      monotonicMs += 59_000;
      await sleep(50);
      expect(gateway.find(record.id)).toBeDefined();
      monotonicMs += 2_000;
      expect(() => gateway.find(record.id)).toThrow(
        expect.objectContaining({ code: "identity.keys_unavailable" }) as Error,
      );
      renameSync(`${path}.gone`, path);
      await vi.waitFor(() => expect(gateway.find(record.id)).toBeDefined());
    });

    test("writes last uses down when it closes, to the minute, and they are no change of a key", async () => {
      const gateway = await opened({ isWatching: true });
      const { record } = gateway.create(DRAFT);
      const stored = gateway.find(record.id);
      gateway.touch(record.id, nowMs);
      gateway.touch(record.id, nowMs + 59_000);
      expect(gateway.list()[0]?.lastUsedAtMs).toBe(nowMs);
      gateway.touch(record.id, nowMs + 61_000);
      expect(gateway.find(record.id)).toBe(stored);
      gateway.close();
      expect((await opened()).list()[0]?.lastUsedAtMs).toBe(nowMs + 61_000);
    });
  });

  describe("several processes and sudden death", () => {
    const child = (code: string) =>
      spawn(
        process.execPath,
        [
          "--input-type=module",
          "-e",
          `import { openEmbeddedKeyStore } from ${JSON.stringify(MODULE)};
         const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };
         const store = openEmbeddedKeyStore({ path: ${JSON.stringify(path)}, clock, isWatching: false });
         const draft = { name: "n", owner: "o" };
         ${code}`,
        ],
        { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, NODE_NO_WARNINGS: "1" } },
      );

    test("after kill -9 at any moment every acknowledged change is there, and the file is sound", async () => {
      const acknowledged: string[] = [];
      const revoked: string[] = [];
      for (let round = 0; round < 5; round++) {
        const writer = child(`
        for (;;) {
          const { record } = store.create(draft);
          process.stdout.write("made " + record.id + "\\n");
          store.revoke(record.id);
          process.stdout.write("revoked " + record.id + "\\n");
        }`);
        let lines = 0;
        for await (const line of createInterface({ input: writer.stdout })) {
          const [what, id = ""] = line.split(" ");
          (what === "made" ? acknowledged : revoked).push(id);
          if (++lines === 5 + round * 3) writer.kill("SIGKILL");
        }
        if (writer.exitCode === null && writer.signalCode === null) await once(writer, "exit");
        expect(writer.signalCode).toBe("SIGKILL");
      }
      expect(acknowledged.length).toBeGreaterThan(15);
      const store = await opened();
      for (const id of acknowledged) expect(store.find(id), id).toBeDefined();
      for (const id of revoked) expect(store.find(id)?.record.revokedAtMs, id).toBeDefined();
      const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
      const raw = new DatabaseSync(path);
      expect(raw.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
      raw.close();
    });

    test("processes that start and write at the same time lose nothing", async () => {
      const writers = Array.from({ length: 3 }, () =>
        child(`for (let i = 0; i < 10; i++) store.create(draft); store.close();`),
      );
      const codes = await Promise.all(
        writers.map(async (writer) => (await once(writer, "exit"))[0]),
      );
      expect(codes).toEqual([0, 0, 0]);
      expect((await opened()).list()).toHaveLength(30);
    });
  });
});
