/** The collections that outlive a transaction (IP, GLOBAL, SESSION, USER, RESOURCE); bounded, so that many addresses cannot fill the memory. */
import type { ByteString } from "../byte-string.ts";

/** Seconds a collection is kept after its last change; SecCollectionTimeout says otherwise. */
const DEFAULT_TIMEOUT_SECONDS = 3_600;
/** Collections kept; an attacker with many addresses pushes out the oldest and no more. */
const LIMIT_COLLECTIONS = 100_000;

/** A value and when it ends, in milliseconds since the epoch. */
export interface StoredValue {
  readonly value: ByteString;
  readonly expiresAtMs: number;
}

/** The variables of one collection, by lower-case name. */
export type StoredVariables = Map<ByteString, StoredValue>;

/** Where collections live between transactions. An embedding program may bring its own, shared between processes. */
export interface CollectionStore {
  /** The collection as it is now; an empty one if there is none. The caller may write into it and hands it to `save`. */
  load(collection: string, key: ByteString, nowMs: number): StoredVariables;
  save(collection: string, key: ByteString, variables: StoredVariables, nowMs: number): void;
}

/** In this process's memory, lost with it. */
export class MemoryCollections implements CollectionStore {
  readonly #byKey = new Map<string, { readonly variables: StoredVariables; endsAtMs: number }>();
  readonly #timeoutMs: number;

  constructor(timeoutSeconds: number = DEFAULT_TIMEOUT_SECONDS) {
    this.#timeoutMs = timeoutSeconds * 1_000;
  }

  load(collection: string, key: ByteString, nowMs: number): StoredVariables {
    const id = `${collection}\0${key}`;
    const found = this.#byKey.get(id);
    if (found === undefined) return new Map();
    if (found.endsAtMs <= nowMs) {
      this.#byKey.delete(id);
      return new Map();
    }
    for (const [name, { expiresAtMs }] of found.variables)
      if (expiresAtMs <= nowMs) found.variables.delete(name);
    return found.variables;
  }

  save(collection: string, key: ByteString, variables: StoredVariables, nowMs: number): void {
    const id = `${collection}\0${key}`;
    this.#byKey.delete(id);
    if (variables.size === 0) return;
    this.#byKey.set(id, { variables, endsAtMs: nowMs + this.#timeoutMs });
    if (this.#byKey.size <= LIMIT_COLLECTIONS) return;
    const [oldest] = this.#byKey.keys();
    if (oldest !== undefined) this.#byKey.delete(oldest);
  }
}
