/** Kill switches in the embedded store: durable, seen by every process that has the file open, safe against clocks. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FrozenClock, NOON_MS } from "../../../test/support/context.ts";
import { until } from "../../../test/support/until.ts";
import { openEmbeddedKillSwitches, type EmbeddedKillSwitches } from "./embedded-kill-switches.ts";
import { KillRequestRefused, MAX_REASON_LENGTH } from "./kill-draft.ts";
import { isNews, MEMORY_MS, parseEntry, entryText } from "./kill-entry.ts";
import type { KillChange, KillDraft } from "./kill-switch-store.ts";

let directory: string;
let clock: FrozenClock;
const open: EmbeddedKillSwitches[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "portcullis-kill-"));
  clock = new FrozenClock();
});

afterEach(() => {
  for (const store of open.splice(0)) store.close();
  rmSync(directory, { recursive: true, force: true });
});

function opened(isWatching = true, onTrouble?: (message: string) => void): EmbeddedKillSwitches {
  const path = join(directory, "state.db");
  const store = openEmbeddedKillSwitches({
    path,
    clock,
    isWatching,
    pollMs: 2,
    ...(onTrouble && { onTrouble }),
  });
  open.push(store);
  return store;
}

const draft = (changes: Partial<KillDraft> = {}): KillDraft => ({
  scope: { model: "churn", version: "v2" },
  reason: "wrong scores since the last training",
  author: "ana",
  expiresAtMs: undefined,
  routeTo: undefined,
  ...changes,
});

function changesOf(store: EmbeddedKillSwitches): KillChange[] {
  const changes: KillChange[] = [];
  store.onChange((change) => changes.push(change));
  return changes;
}

describe("kill switches in the embedded store", () => {
  test("on is in effect and on disk when it returns; off ends it for good", async () => {
    const store = opened(false);
    const changes = changesOf(store);
    const one = await store.on(draft({ routeTo: "v1" }));
    expect(one).toEqual({ id: one.id, ...draft({ routeTo: "v1" }), createdAtMs: NOON_MS });
    expect(one.id).toMatch(/^[2-9a-z]{8}$/);
    expect(store.active).toEqual([one]);
    expect(opened(false).active).toEqual([one]);
    expect(await store.off(one.id, "ben")).toBe(true);
    expect(store.active).toEqual([]);
    expect(opened(false).active).toEqual([]);
    expect(await store.off(one.id, "ben")).toBe(false);
    expect(await store.off("nothing1", "ben")).toBe(false);
    expect(changes).toEqual([
      { kind: "on", killSwitch: one, by: "ana", propagationMs: 0 },
      { kind: "off", killSwitch: one, by: "ben", propagationMs: 0 },
    ]);
  });

  test("the array is the same until something changes", async () => {
    const store = opened();
    const before = store.active;
    expect(store.active).toBe(before);
    await store.on(draft());
    const after = store.active;
    expect(after).not.toBe(before);
    await store.on(draft({ scope: { tenant: "retail" } }));
    expect(after).toHaveLength(1);
    expect(store.active).toHaveLength(2);
  });

  test("what one process shuts is shut in another, and taken off there too, each told once", async () => {
    const [command, gateway] = [opened(false), opened()];
    const changes = changesOf(gateway);
    const one = await command.on(draft());
    await until("the other process sees it", () => gateway.active.length === 1);
    await command.off(one.id, "ben");
    await until("the other process sees that it is off", () => gateway.active.length === 0);
    expect(changes.map(({ kind, by }) => [kind, by])).toEqual([
      ["on", "ana"],
      ["off", "ben"],
    ]);
    expect(changes[0]?.propagationMs).toBe(0);
  });

  test("expiry ends it in time, and is noted once by all processes together", async () => {
    const [first, second] = [opened(), opened()];
    const changes = changesOf(second);
    const one = await first.on(draft({ expiresAtMs: NOON_MS + 1_000 }));
    await until("both know", () => second.active.length === 1);
    clock.advance(999);
    expect(first.active).toHaveLength(1);
    clock.advance(1);
    await until("both have ended it", () => first.active.length + second.active.length === 0);
    await until("it is noted", () => first.pendingEvents(10).length > 1);
    expect(changes.map(({ kind }) => kind)).toEqual(["on", "expired"]);
    await new Promise((done) => setTimeout(done, 150));
    expect(first.pendingEvents(10).map(({ event, by }) => [event, by])).toEqual([
      ["on", "ana"],
      ["expired", undefined],
    ]);
    expect(await first.off(one.id, "ben")).toBe(false);
  });

  test("a clock that jumps forward and back does not lose a switch", async () => {
    const store = opened();
    await store.on(draft({ expiresAtMs: NOON_MS + 60_000 }));
    clock.jump(3_600_000);
    await until("it looks expired", () => store.active.length === 0);
    clock.jump(-3_600_000);
    await until("it holds again", () => store.active.length === 1);
    expect(opened(false).active).toHaveLength(1);
  });

  test("events stay until they are confirmed, and are numbered on after that", async () => {
    const store = opened(false);
    const one = await store.on(draft());
    await store.off(one.id, "ben");
    const events = store.pendingEvents(10);
    expect(events).toEqual([
      {
        id: 1,
        event: "on",
        killSwitch: one,
        atMs: NOON_MS,
        by: "ana",
        propagationMs: undefined,
      },
      {
        id: 2,
        event: "off",
        killSwitch: one,
        atMs: NOON_MS,
        by: "ben",
        propagationMs: undefined,
      },
    ]);
    const again = opened(false);
    again.confirmEvents(2);
    expect(store.pendingEvents(10)).toEqual([]);
    await store.on(draft());
    expect(again.pendingEvents(10).map(({ id }) => id)).toEqual([3]);
  });

  test("what was heard from elsewhere is merged: off wins over on, whatever comes first", async () => {
    const [here, there] = [opened(false), openElsewhere()];
    const one = await there.on(draft());
    const onEntry = [...there.entries()][0];
    await there.off(one.id, "ben");
    const offEntry = [...there.entries()][0];
    if (!onEntry || !offEntry) throw new Error("no entries");
    here.merge([{ entry: onEntry, propagationMs: 120 }]);
    expect(here.active).toEqual([one]);
    here.merge([{ entry: offEntry, propagationMs: 80 }]);
    here.merge([{ entry: onEntry, propagationMs: 5 }]);
    expect(here.active).toEqual([]);
    expect(opened(false).active).toEqual([]);
    expect(
      here.pendingEvents(10).map(({ event, propagationMs }) => [event, propagationMs]),
    ).toEqual([
      ["on", 120],
      ["off", 80],
    ]);
  });

  test("off switches are remembered for long, and then forgotten without a number coming back", async () => {
    const store = opened();
    const one = await store.on(draft());
    await store.off(one.id, "ben");
    clock.advance(MEMORY_MS - 1);
    expect([...opened().entries()]).toHaveLength(1);
    clock.advance(2);
    const later = opened();
    expect([...later.entries()]).toHaveLength(0);
    await later.on(draft());
    await until(
      "the process that was there before sees the new one",
      () => store.active.length === 1,
    );
  });

  test("who takes it off has a name that can be shown", async () => {
    const store = opened(false);
    const { id } = await store.on(draft());
    for (const by of ["", "a\nb", "x".repeat(1_000)])
      await expect(store.off(id, by)).rejects.toThrow(KillRequestRefused);
    expect(store.active).toHaveLength(1);
  });

  test("what was heard from elsewhere holds though it cannot be written, and is written later", async () => {
    const store = opened();
    const changes = changesOf(store);
    const elsewhere = openElsewhere();
    const one = await elsewhere.on(draft());
    const heard = [...elsewhere.entries()].map((entry) => ({ entry, propagationMs: 7 }));
    const raw = new DatabaseSync(join(directory, "state.db"));
    raw.exec("BEGIN IMMEDIATE");
    expect(() => store.merge(heard)).toThrow(/locked/);
    expect(store.active).toEqual([one]);
    // Not tried each time it is heard: a try waits for the lock, and every request with it.
    expect(() => store.merge(heard)).toThrow(/a moment ago/);
    raw.exec("ROLLBACK");
    raw.close();
    expect(opened(false).active).toEqual([]);
    clock.advance(5_000);
    store.merge(heard);
    expect(opened(false).active).toEqual([one]);
    expect(changes).toEqual([{ kind: "on", killSwitch: one, by: "ana", propagationMs: 7 }]);
    expect(store.pendingEvents(10)).toHaveLength(1);
  });

  test("a file that is replaced under it is told, and what is known still holds", async () => {
    const said: string[] = [];
    const store = opened(true, (message) => said.push(message));
    await store.on(draft());
    rmSync(join(directory, "state.db"));
    await until("it is told", () => said.length > 0);
    expect(said).toHaveLength(1);
    expect(store.active).toHaveLength(1);
    await expect(store.on(draft())).rejects.toThrow(/replaced or removed/);
    clock.advance(10_001);
    await until("it says that it is blind", () => store.isBlind);
  });

  test("an entry that cannot be read is no silence", async () => {
    await opened(false).on(draft());
    const raw = new DatabaseSync(join(directory, "state.db"));
    raw.exec("UPDATE kill_switch SET entry = '{}'");
    raw.close();
    expect(() => opened()).toThrow(/cannot be read/);
  });

  test.each<[string, Partial<KillDraft>, RegExp]>([
    ["nothing", { scope: {} }, /at least one of/],
    ["a version without its model", { scope: { version: "v2" } }, /name the model/],
    ["an empty part", { scope: { caller: "" } }, /the caller is empty/],
    ["a blank that came with it", { scope: { caller: "a " } }, /blank/],
    ["a line break", { scope: { caller: "a\nb" } }, /cannot be printed/],
    ["no reason", { reason: "  " }, /the reason is empty/],
    ["a long reason", { reason: "x".repeat(MAX_REASON_LENGTH + 1) }, /more than 500/],
    ["no author", { author: "" }, /the author is empty/],
    ["an expiry that is over", { expiresAtMs: NOON_MS }, /past/],
    ["an expiry that no date can say", { expiresAtMs: 9e15 }, /year 9999/],
    ["itself as the other version", { routeTo: "v2" }, /own place/],
    [
      "another version for a tenant",
      { routeTo: "v1", scope: { model: "churn", version: "v2", tenant: "a" } },
      /these two and nothing else/,
    ],
  ])("%s is refused, and nothing is written", async (_, changes, message) => {
    const store = opened(false);
    const attempt = store.on(draft(changes));
    await expect(attempt).rejects.toThrow(KillRequestRefused);
    await expect(attempt).rejects.toThrow(message);
    expect(opened(false).active).toEqual([]);
  });

  test("a pack's hash is understood with its prefix and in capitals", async () => {
    const hash = "ab".repeat(32);
    for (const policy of [`b3:${hash}`, hash.toUpperCase(), `b3:${hash.toUpperCase()}`]) {
      const { scope } = await opened(false).on(draft({ scope: { policy } }));
      expect(scope).toEqual({ policy: hash });
    }
  });
});

/** A store of another machine. */
function openElsewhere(): EmbeddedKillSwitches {
  const store = openEmbeddedKillSwitches({ path: ":memory:", clock, isWatching: false });
  open.push(store);
  return store;
}

describe("an entry as text", () => {
  const entry = {
    killSwitch: { id: "abcdefgh", ...draft(), createdAtMs: 1 },
    changedAtMs: 2,
    off: { atMs: 2, by: "ben" },
  };

  test("is read as it was written", () => {
    expect(parseEntry(entryText(entry))).toEqual(entry);
  });

  const { killSwitch } = entry;

  test.each<[string, object]>([
    ["an id that no store makes", { killSwitch: { ...killSwitch, id: ":version" } }],
    ["a part that is not known", { killSwitch: { ...killSwitch, scope: { galaxy: "a" } } }],
    ["an empty scope", { killSwitch: { ...killSwitch, scope: {} } }],
    ["an expiry as text", { killSwitch: { ...killSwitch, expiresAtMs: "1" } }],
    ["another version that is no text", { killSwitch: { ...killSwitch, routeTo: 1 } }],
    ["no reason", { killSwitch: { ...killSwitch, reason: undefined } }],
    ["no time", { changedAtMs: undefined }],
    ["a time that no date can say", { changedAtMs: 9e15 }],
    ["a beginning that no date can say", { killSwitch: { ...killSwitch, createdAtMs: 9e15 } }],
    ["an expiry that no date can say", { killSwitch: { ...killSwitch, expiresAtMs: 9e15 } }],
    ["a reason without end", { killSwitch: { ...killSwitch, reason: "x".repeat(1e6) } }],
    ["a name without end", { killSwitch: { ...killSwitch, scope: { caller: "x".repeat(1e6) } } }],
    ["a line break in it", { killSwitch: { ...killSwitch, author: "a\nb" } }],
    ["an off by a name without end", { off: { atMs: 2, by: "x".repeat(1e6) } }],
    ["an off without a name", { off: { atMs: 2 } }],
  ])("with %s is not understood", (_, changes) => {
    expect(parseEntry(JSON.stringify({ ...entry, ...changes }))).toBeUndefined();
    expect(parseEntry("{")).toBeUndefined();
  });

  test("off is news to those who know it on, and never the other way round", () => {
    const on = { ...entry, off: undefined };
    expect(isNews(entry, on)).toBe(true);
    expect(isNews(on, entry)).toBe(false);
    expect(isNews(on, on)).toBe(false);
    expect(isNews(on, undefined)).toBe(true);
  });
});
