/** What a replica takes from others: every key that a store makes, and no other. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { earlierEnd, isNews, type KeyEnd } from "./key-end.ts";
import { keyText, MAX_ENTRY_BYTES, parseKeyEntry } from "./key-entry.ts";
import { openEmbeddedKeyStore } from "./embedded-key-store.ts";
import type { KeyDraft, StoredKey } from "./key-store.ts";

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2027, 0, 1);
const clock = { nowMs: () => NOW_MS, monotonicMs: () => 0 };
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

/** As a store makes them: a key of this draft, and the one that replaces it. */
function made(draft: KeyDraft = DRAFT): { old: StoredKey; fresh: StoredKey } {
  const store = openEmbeddedKeyStore({ path: ":memory:", clock, isWatching: false });
  const { id } = store.create(draft).record;
  const successor = store.rotate(id).record.id;
  store.revoke(id);
  const [old, fresh] = [store.find(id), store.find(successor)];
  store.close();
  if (!old || !fresh) throw new Error("no keys");
  return { old, fresh };
}

const key = made().old;
const text = keyText(key);
const members = JSON.parse(text) as Record<string, unknown>;

describe("a key as text", () => {
  test.each<[string, KeyDraft]>([
    ["with everything", DRAFT],
    ["with nothing", { name: "n", owner: "o" }],
    ["that begins later", { ...DRAFT, notBeforeMs: NOW_MS + 30 * DAY_MS }],
    ["of the longest lifetime", { ...DRAFT, lifetimeMs: 3_650 * DAY_MS }],
    [
      "as large as can be",
      {
        name: "\u{1f511}".repeat(64),
        owner: "é".repeat(128),
        ...Object.fromEntries(
          ["scopes", "permissions", "groups", "roles"].map((list) => [
            list,
            Array.from({ length: 256 }, (_, at) => String(at).padStart(128, "x")),
          ]),
        ),
        addresses: Array.from(
          { length: 256 },
          (_, at) => `2001:db8:aaaa:bbbb:cccc:dddd:eeee:${at.toString(16)}/128`,
        ),
      },
    ],
  ])("%s is read as it was written", (_, draft) => {
    const { old, fresh } = made(draft);
    for (const one of [old, fresh])
      expect(parseKeyEntry(keyText(one), one.record, NOW_MS)).toEqual(one);
    expect(old.record.revokedAtMs).toBe(NOW_MS);
  });

  test.each<[string, object]>([
    ["an id that no store makes", { id: "../../key1" }],
    ["an id that is too long", { id: "00000000000", principal: "00000000000" }],
    ["a principal of its own without a predecessor", { principal: "0000000000" }],
    ["itself as its predecessor", { rotatedFrom: key.record.id }],
    ["a predecessor that is no id", { rotatedFrom: "x" }],
    ["a hash that is short", { secretSha256: "ab" }],
    ["a hash that is none", { secretSha256: "z".repeat(64) }],
    ["no hash", { secretSha256: undefined }],
    ["a name with a line break", { name: "a\nb" }],
    ["a name that is no text", { name: 7 }],
    ["a long owner", { owner: "x".repeat(129) }],
    ["an owner with a bidirectional override", { owner: "a\u202eb" }],
    ["a tenant that is a list", { tenant: ["retail"] }],
    ["a tenant that is null", { tenant: null }],
    ["an empty tier", { tier: "" }],
    ["scopes as text", { scopes: "predict:churn" }],
    ["a scope with a space", { scopes: ["a b"] }],
    ["the same scope twice", { scopes: ["a", "a"] }],
    ["too many groups", { groups: Array.from({ length: 257 }, (_, at) => `g${at}`) }],
    ["a role that is no text", { roles: [1] }],
    ["a network that is none", { addresses: ["10.0.0.0/33"] }],
    ["no networks at all", { addresses: undefined }],
    ["a time that is text", { createdAtMs: "1" }],
    ["a time that is no whole number", { createdAtMs: 1.5 }],
    ["a time before time", { createdAtMs: -1 }],
    ["a time far ahead", { createdAtMs: NOW_MS + 2 * DAY_MS }],
    ["a beginning that is text", { notBeforeMs: "1" }],
    ["a member of a later release", { onlyOnSundays: true }],
  ])("with %s is not taken", (_, changes) => {
    const changed = JSON.stringify({ ...members, ...changes });
    expect(parseKeyEntry(text, key.record, NOW_MS)).toEqual(key);
    expect(parseKeyEntry(changed, key.record, NOW_MS)).toBeUndefined();
  });

  test.each<[string, Partial<KeyEnd>]>([
    ["longer than a key may live", { expiresAtMs: NOW_MS + 3_651 * DAY_MS }],
    ["beyond exact numbers", { expiresAtMs: 2 ** 53 }],
    ["revoked beyond exact numbers", { revokedAtMs: 2 ** 53 }],
  ])("with an end %s is not taken", (_, end) => {
    expect(parseKeyEntry(text, { ...key.record, ...end }, NOW_MS)).toBeUndefined();
  });

  test.each(["", "{", "null", "[]", "7", '"key"', " ".repeat(MAX_ENTRY_BYTES) + text])(
    "%.20j is none",
    (nonsense) => {
      expect(parseKeyEntry(nonsense, key.record, NOW_MS)).toBeUndefined();
    },
  );
});

describe("ends that are heard", () => {
  const end = fc.record({
    expiresAtMs: fc.nat(100),
    revokedAtMs: fc.option(fc.nat(100), { nil: undefined }),
  });
  const merged = (ends: readonly KeyEnd[]): KeyEnd => ends.reduce(earlierEnd);

  test("come to the same in any order and however often, and never later than any of them", () => {
    const heard = fc
      .array(end, { minLength: 1, maxLength: 6 })
      .chain((ends) =>
        fc.tuple(fc.constant(ends), fc.shuffledSubarray([...ends, ...ends], { minLength: 0 })),
      );
    fc.assert(
      fc.property(heard, ([ends, more]) => {
        const all = merged(ends);
        expect(merged([...more, ...ends.toReversed()])).toEqual(all);
        for (const one of ends) {
          expect(all.expiresAtMs).toBeLessThanOrEqual(one.expiresAtMs);
          expect(all.revokedAtMs ?? Infinity).toBeLessThanOrEqual(one.revokedAtMs ?? Infinity);
          expect(isNews(one, all)).toBe(false);
        }
      }),
    );
  });

  test("are news when they are earlier, or of a key that nobody knows", () => {
    const known = { expiresAtMs: 10, revokedAtMs: undefined };
    expect(isNews(known, undefined)).toBe(true);
    expect(isNews({ expiresAtMs: 9, revokedAtMs: undefined }, known)).toBe(true);
    expect(isNews({ expiresAtMs: 11, revokedAtMs: undefined }, known)).toBe(false);
    expect(isNews({ expiresAtMs: 11, revokedAtMs: 20 }, known)).toBe(true);
    expect(isNews(known, { expiresAtMs: 10, revokedAtMs: 20 })).toBe(false);
  });
});
