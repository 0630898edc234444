/**
 * A key as replicas tell each other of it: as text, without its end, which stands beside it. What is read is trusted with
 * nothing: whoever can write there can make keys, but none that could not be listed, compared or logged safely, and none
 * without an end. It never holds a key's text, only the SHA-256 of its secret.
 */
import { MAX_LIFETIME_MS, requireSoundDraft } from "./key-draft.ts";
import type { KeyEnd } from "./key-end.ts";
import type { KeyRecord, StoredKey } from "./key-store.ts";

/** Above the largest that a draft allows, 1,280 items of 128 characters. Higher lets a forger fill memory faster. */
export const MAX_ENTRY_BYTES = 262_144;
/** How far the clocks of two machines may differ. Higher lets a forger make keys that outlive the longest lifetime. */
const MAX_AHEAD_MS = 86_400_000;

const ID = /^[0-9A-Za-z]{10}$/;
const SHA256_HEX = /^[0-9a-f]{64}$/;
const LISTS = ["scopes", "permissions", "groups", "roles", "addresses"] as const;
const OPTIONAL_TEXTS = ["tenant", "tier"] as const;
const MEMBERS: ReadonlySet<string> = new Set([
  "id",
  "principal",
  "name",
  "owner",
  ...OPTIONAL_TEXTS,
  ...LISTS,
  "createdAtMs",
  "notBeforeMs",
  "rotatedFrom",
  "secretSha256",
]);

/** The same text for the same key, whatever its end. */
export function keyText({ record, secretSha256 }: StoredKey): string {
  return JSON.stringify({
    id: record.id,
    principal: record.principal,
    name: record.name,
    owner: record.owner,
    tenant: record.tenant,
    scopes: record.scopes,
    permissions: record.permissions,
    groups: record.groups,
    roles: record.roles,
    tier: record.tier,
    addresses: record.addresses,
    createdAtMs: record.createdAtMs,
    notBeforeMs: record.notBeforeMs,
    rotatedFrom: record.rotatedFrom,
    secretSha256: secretSha256.toString("hex"),
  });
}

/** Undefined when it is not a key that a store of this release could have made by now. */
export function parseKeyEntry(text: string, end: KeyEnd, nowMs: number): StoredKey | undefined {
  if (Buffer.byteLength(text) > MAX_ENTRY_BYTES) return undefined;
  try {
    const key = keyOf(JSON.parse(text) as unknown, end);
    return key !== undefined && isSound(key.record, nowMs) ? key : undefined;
  } catch {
    return undefined;
  }
}

function keyOf(value: unknown, end: KeyEnd): StoredKey | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const members = value as Readonly<Record<string, unknown>>;
  // A member of a later release may limit the key: without it the key would be worth more here.
  if (!Object.keys(members).every((name) => MEMBERS.has(name))) return undefined;
  const { id, principal, rotatedFrom, secretSha256, name, owner } = members;
  const { createdAtMs, notBeforeMs } = members;
  if (!isId(id) || !isId(principal) || !(rotatedFrom === undefined || isId(rotatedFrom)))
    return undefined;
  if (typeof secretSha256 !== "string" || !SHA256_HEX.test(secretSha256)) return undefined;
  if (typeof name !== "string" || typeof owner !== "string") return undefined;
  if (!OPTIONAL_TEXTS.every((one) => isOptionalText(members[one]))) return undefined;
  if (!LISTS.every((one) => isTextList(members[one]))) return undefined;
  if (!isMoment(createdAtMs) || !(notBeforeMs === undefined || isMoment(notBeforeMs)))
    return undefined;
  const lists = Object.fromEntries(
    LISTS.map((one) => [one, Object.freeze([...(members[one] as string[])])]),
  ) as unknown as Pick<KeyRecord, (typeof LISTS)[number]>;
  const record: KeyRecord = Object.freeze({
    id,
    principal,
    name,
    owner,
    tenant: members["tenant"] as string | undefined,
    tier: members["tier"] as string | undefined,
    ...lists,
    createdAtMs,
    notBeforeMs,
    expiresAtMs: end.expiresAtMs,
    revokedAtMs: end.revokedAtMs,
    rotatedFrom,
  });
  return Object.freeze({ record, secretSha256: Buffer.from(secretSha256, "hex") });
}

/** Throws or is false for what no draft gives. */
function isSound(record: KeyRecord, nowMs: number): boolean {
  const { id, principal, rotatedFrom, createdAtMs, notBeforeMs, expiresAtMs, revokedAtMs } = record;
  const sound = requireSoundDraft({ ...record, lifetimeMs: undefined }, createdAtMs);
  if (LISTS.some((one) => sound[one].length !== record[one].length)) return false;
  if ((rotatedFrom === undefined) !== (principal === id) || rotatedFrom === id) return false;
  if (!isMoment(expiresAtMs) || !(revokedAtMs === undefined || isMoment(revokedAtMs))) return false;
  if (createdAtMs > nowMs + MAX_AHEAD_MS) return false;
  return expiresAtMs - Math.max(createdAtMs, notBeforeMs ?? 0) <= MAX_LIFETIME_MS;
}

const isId = (value: unknown): value is string => typeof value === "string" && ID.test(value);
const isOptionalText = (value: unknown): boolean =>
  value === undefined || typeof value === "string";
const isTextList = (value: unknown): boolean =>
  Array.isArray(value) && value.every((item) => typeof item === "string");
const isMoment = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;
