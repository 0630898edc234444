/**
 * What an API key is to the rest of the house: who may use it, for what, until when. The contract between the operator's
 * commands (which write) and the identity stage (which finds); no part of it ever holds a key's text or secret.
 */
import type { KeyEventOutbox } from "./key-event.ts";

/** 90 days: a leaked key that nobody noticed dies by itself. Raising it lengthens every undiscovered theft. */
export const DEFAULT_KEY_LIFETIME_MS: number = 90 * 86_400_000;
/** A day to change every deployment over after a rotation. Raising it lets the old, perhaps leaked, secret live on. */
export const DEFAULT_ROTATION_GRACE_MS: number = 86_400_000;

/** Everything about a key but its secret. */
export interface KeyRecord {
  /** Public id: names this credential in lists and records. */
  readonly id: string;
  /** Whom limits and budgets belong to; a rotation keeps it. It is the first key's id. */
  readonly principal: string;
  /** What people call it, such as "nightly scoring". */
  readonly name: string;
  /** The caller it stands for, compared by grants. */
  readonly owner: string;
  readonly tenant: string | undefined;
  readonly scopes: readonly string[];
  readonly permissions: readonly string[];
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  readonly tier: string | undefined;
  /** Networks (CIDR) it may be used from; empty means anywhere. */
  readonly addresses: readonly string[];
  readonly createdAtMs: number;
  readonly notBeforeMs: number | undefined;
  readonly expiresAtMs: number;
  readonly revokedAtMs: number | undefined;
  /** The id of the key it replaces. */
  readonly rotatedFrom: string | undefined;
}

/** A record with what changes at every use; coarse by a minute, and lost for up to that long by a crash. */
export interface ListedKey extends KeyRecord {
  readonly lastUsedAtMs: number | undefined;
}

/** What the stage checks a presented secret against. The same object until the key changes, so it can key a memo. */
export interface StoredKey {
  readonly record: KeyRecord;
  readonly secretSha256: Buffer;
}

/** What an operator says about a new key. */
export interface KeyDraft {
  readonly name: string;
  readonly owner: string;
  readonly tenant?: string | undefined;
  readonly scopes?: readonly string[];
  readonly permissions?: readonly string[];
  readonly groups?: readonly string[];
  readonly roles?: readonly string[];
  readonly tier?: string | undefined;
  readonly addresses?: readonly string[];
  readonly notBeforeMs?: number | undefined;
  /** From now, or from `notBeforeMs`. Default 90 days. */
  readonly lifetimeMs?: number | undefined;
}

/** A new key. The text can be had here and never again; a method, so that no logger or JSON.stringify shows it. */
export interface IssuedKey {
  readonly record: KeyRecord;
  reveal(): string;
}

export interface RotationOptions {
  /** How long the old secret stays valid, but never beyond its own expiry. Default 1 day; 0 ends it at once. */
  readonly graceMs?: number | undefined;
  /** Lifetime of the new key. Default 90 days. */
  readonly lifetimeMs?: number | undefined;
}

/** An operator asked for something that cannot be done; the text is for them. */
export class KeyRequestRefused extends Error {
  override readonly name = "KeyRequestRefused";
}

export interface KeyStore extends KeyEventOutbox {
  /** Throws `KeyRequestRefused` when the draft is unsound. Durable when it returns, as are `revoke` and `rotate`. */
  create(draft: KeyDraft): IssuedKey;
  /** All keys, revoked and expired ones too, oldest first. */
  list(): readonly ListedKey[];
  /** Ends a key for good; revoking a revoked key changes nothing. Other processes notice within a second. */
  revoke(id: string): KeyRecord;
  /** A new secret under the same principal with the same rights; the old one lives on for the grace period. */
  rotate(id: string, options?: RotationOptions): IssuedKey;
  /** From memory, at once. Throws a `Fault` once changes by other processes can no longer be seen. */
  find(id: string): StoredKey | undefined;
  /** Notes a use, in memory; it is written down lazily. */
  touch(id: string, nowMs: number): void;
  close(): void;
}
