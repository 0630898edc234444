/** All that a transaction knows while it runs: what was read of the messages, what rules wrote, what `ctl` changed. */
import type { ByteString } from "../byte-string.ts";
import type { Entry } from "../collections/entry.ts";
import type { Member, Parts } from "../collections/parts.ts";
import type { NameTest } from "../compile/selector.ts";
import type { HeadRule } from "../compile/rule.ts";
import type { CollectionStore, StoredVariables } from "./stored-collections.ts";
import { TxVariables, type TxLayout } from "./tx-variables.ts";

/** What `SecRuleEngine`, the policy or `ctl:ruleEngine` said last. */
export type EngineMode = "on" | "detectionOnly" | "off";

/** Targets that `ctl:ruleRemoveTargetBy...` or a policy took from a rule: by variable name, and member where one is named. */
export interface RemovedTarget {
  readonly variable: string;
  readonly member: NameTest | undefined;
}

/** What `ctl` may change of a transaction. */
export interface Controls {
  engine: EngineMode;
  /** Undefined: chosen by the media type. */
  processor: string | undefined;
  isBodyVariableForced: boolean;
  hasRequestBodyAccess: boolean;
  hasResponseBodyAccess: boolean;
  requestBodyLimitBytes: number;
  responseBodyLimitBytes: number;
}

interface LoadedCollection {
  readonly key: ByteString;
  readonly variables: StoredVariables;
  isChanged: boolean;
}

/** What a transaction begins with. */
export interface StateOptions {
  readonly layout: TxLayout;
  readonly initialTx: readonly (ByteString | undefined)[];
  readonly controls: Controls;
  readonly store: CollectionStore;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
  readonly ruleCount: number;
}

const NO_ENTRIES: readonly Entry[] = [];
const PART_COUNT = 28;
/** Copied for each transaction, which is several times faster than making it. */
const NO_PARTS: readonly (Entry[] | undefined)[] = Array.from({ length: PART_COUNT });
const NO_MEMBERS: readonly Member[] = [];
/** MATCHED_VARS kept of one chain; more say nothing new and would make rules over them quadratic. */
const LIMIT_MATCHED_VARS = 512;
const LEAST_SEVERE = 255;

export class TransactionState {
  readonly tx: TxVariables;
  readonly controls: Controls;
  readonly nowMs: number;
  readonly stored = new Map<string, LoadedCollection>();
  readonly environment = new Map<ByteString, ByteString>();
  matchedVariable: ByteString = "";
  matchedName: ByteString = "";
  matchedVariables: Member[] = [];
  rule: HeadRule | undefined;
  highestSeverity = LEAST_SEVERE;
  /** By rule index: 1 where `ctl` removed the rule. Made when first needed. */
  removedRules: Uint8Array | undefined;
  removedTargets: Map<number, RemovedTarget[]> | undefined;
  /** What the chain being run added to scores, by lower-case TX name. */
  readonly chainScores = new Map<ByteString, number>();
  /** Every score that was written, by lower-case TX name. */
  readonly scoreNames = new Set<ByteString>();
  readonly #store: CollectionStore;
  readonly #ruleCount: number;
  readonly #entries: (Entry[] | undefined)[] = NO_PARTS.slice();
  readonly #expanded = new Set<Entry>();
  /** The latest first. */
  readonly #parts: Parts[] = [];

  constructor({ layout, initialTx, controls, store, nowMs, ruleCount }: StateOptions) {
    this.tx = new TxVariables(layout, initialTx);
    this.controls = controls;
    this.#store = store;
    this.#ruleCount = ruleCount;
    this.nowMs = nowMs;
  }

  /** Adds what was read of the next part of the message. */
  addParts(parts: Parts): void {
    this.#parts.unshift(parts);
    const { entries, expandedFrom } = parts;
    for (let at = 0; at < entries.length; at++) {
      const entry = entries[at];
      if (entry === undefined) continue;
      const bit = bitOf(entry.part);
      const list = this.#entries[bit];
      if (list === undefined) this.#entries[bit] = [entry];
      else list.push(entry);
      if (at >= expandedFrom) this.#expanded.add(entry);
    }
  }

  /** Puts an entry in the place of all others of its part. */
  replaceEntries(entry: Entry): void {
    this.#entries[bitOf(entry.part)] = [entry];
  }

  /** Takes a rule out of what is left of the transaction. */
  removeRule(index: number): void {
    this.removedRules ??= new Uint8Array(this.#ruleCount);
    this.removedRules[index] = 1;
  }

  /** The entries of one part, by the number of its bit. */
  entriesAt(bit: number): readonly Entry[] {
    return this.#entries[bit] ?? NO_ENTRIES;
  }

  /** Whether the entry was sent as such, and not found inside another value: only those are counted. */
  isSent(entry: Entry): boolean {
    return this.#expanded.size === 0 || !this.#expanded.has(entry);
  }

  /** A variable with one value; what was read last of the message speaks first. */
  variable(name: string): ByteString | undefined {
    for (const { variables } of this.#parts) {
      const value = variables.get(name);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  membersOf(collection: string): readonly Member[] {
    for (const { members } of this.#parts) {
      const found = members.get(collection);
      if (found !== undefined) return found;
    }
    return NO_MEMBERS;
  }

  /** Remembers a match for MATCHED_VAR and its like. */
  matched(name: ByteString, value: ByteString): void {
    this.matchedName = name;
    this.matchedVariable = value;
    if (this.matchedVariables.length < LIMIT_MATCHED_VARS)
      this.matchedVariables.push({ name, value });
  }

  /** A new chain begins: nothing has matched yet. */
  forgetMatches(): void {
    if (this.matchedVariables.length > 0) this.matchedVariables = [];
    if (this.chainScores.size > 0) this.chainScores.clear();
  }

  /** Notes points that a rule gave. */
  scored(name: ByteString, points: number): void {
    this.scoreNames.add(name);
    this.chainScores.set(name, (this.chainScores.get(name) ?? 0) + points);
  }

  /** The scores as they stand, without those that are 0. */
  scores(): Record<string, number> {
    const scores: Record<string, number> = {};
    for (const name of this.scoreNames) {
      const score = Number(this.tx.get(name) ?? 0);
      if (score !== 0) scores[name] = score;
    }
    return scores;
  }

  /** Makes a stored collection readable and writable in this transaction. */
  openCollection(collection: string, key: ByteString): void {
    if (this.stored.has(collection)) return;
    const variables = this.#store.load(collection, key, this.nowMs);
    this.stored.set(collection, { key, variables, isChanged: false });
  }

  saveCollections(): void {
    for (const [collection, { key, variables, isChanged }] of this.stored)
      if (isChanged) this.#store.save(collection, key, variables, this.nowMs);
  }

  readStored(collection: string, name: ByteString): ByteString | undefined {
    return this.stored.get(collection)?.variables.get(name)?.value;
  }

  /** Writes into an opened collection; without `initcol` there is none, and nothing is kept. */
  writeStored(collection: string, name: ByteString, value: ByteString | undefined): void {
    const opened = this.stored.get(collection);
    if (opened === undefined) return;
    opened.isChanged = true;
    if (value === undefined) opened.variables.delete(name);
    else {
      const expiresAtMs = opened.variables.get(name)?.expiresAtMs ?? Infinity;
      opened.variables.set(name, { value, expiresAtMs });
    }
  }

  expireStored(collection: string, name: ByteString, seconds: number): void {
    const opened = this.stored.get(collection);
    const known = opened?.variables.get(name);
    if (opened === undefined || known === undefined) return;
    opened.isChanged = true;
    const expiresAtMs = this.nowMs + seconds * 1_000;
    opened.variables.set(name, { value: known.value, expiresAtMs });
  }
}

/** The number of the one bit of a part. */
export function bitOf(part: number): number {
  return 31 - Math.clz32(part);
}
