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

/** What one `ctl` takes, and from which rules, by index. */
export interface TargetRemoval {
  readonly rules: ReadonlySet<number>;
  readonly targets: readonly RemovedTarget[];
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

/** A collection that a rule opened; it is fetched when it is read or written first. */
interface OpenedCollection {
  readonly key: ByteString;
  variables: StoredVariables | undefined;
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
  readonly environment = new Map<ByteString, ByteString>();
  matchedVariable: ByteString = "";
  matchedName: ByteString = "";
  matchedVariables: Member[] = [];
  rule: HeadRule | undefined;
  highestSeverity = LEAST_SEVERE;
  /** By rule index: 1 where `ctl` removed the rule. Made when first needed. */
  removedRules: Uint8Array | undefined;
  /** What `ctl` took; made when first needed. */
  #removals: Set<TargetRemoval> | undefined;
  /** What the chain being run added to scores, by lower-case TX name. */
  readonly chainScores = new Map<ByteString, number>();
  /** Every score that was written, by lower-case TX name. */
  readonly scoreNames = new Set<ByteString>();
  readonly #store: CollectionStore;
  readonly #opened = new Map<string, OpenedCollection>();
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

  /** Takes targets out of rules. The same removal counts once, however often its rule matches. */
  removeTargets(removal: TargetRemoval): void {
    this.#removals ??= new Set();
    this.#removals.add(removal);
  }

  /** What `ctl` took from a rule; undefined, as nearly always, when nothing. */
  removedTargetsOf(index: number): readonly RemovedTarget[] | undefined {
    if (this.#removals === undefined) return undefined;
    let removed: readonly RemovedTarget[] | undefined;
    for (const { rules, targets } of this.#removals)
      if (rules.has(index)) removed = removed === undefined ? targets : [...removed, ...targets];
    return removed;
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
    if (this.#opened.has(collection)) return;
    this.#opened.set(collection, { key, variables: undefined, isChanged: false });
  }

  saveCollections(): void {
    for (const [collection, { key, variables, isChanged }] of this.#opened)
      if (isChanged && variables !== undefined)
        this.#store.save(collection, key, variables, this.nowMs);
  }

  /** The variables of an opened collection; without `initcol` there are none. */
  storedVariables(collection: string): StoredVariables | undefined {
    const opened = this.#opened.get(collection);
    return opened && (opened.variables ??= this.#store.load(collection, opened.key, this.nowMs));
  }

  readStored(collection: string, name: ByteString): ByteString | undefined {
    return this.storedVariables(collection)?.get(name)?.value;
  }

  /** Writes into an opened collection; without `initcol` there is none, and nothing is kept. */
  writeStored(collection: string, name: ByteString, value: ByteString | undefined): void {
    const variables = this.storedVariables(collection);
    if (variables === undefined) return;
    this.#changed(collection);
    if (value === undefined) variables.delete(name);
    else {
      const expiresAtMs = variables.get(name)?.expiresAtMs ?? Infinity;
      variables.set(name, { value, expiresAtMs });
    }
  }

  expireStored(collection: string, name: ByteString, seconds: number): void {
    const variables = this.storedVariables(collection);
    const known = variables?.get(name);
    if (variables === undefined || known === undefined) return;
    this.#changed(collection);
    const expiresAtMs = this.nowMs + seconds * 1_000;
    variables.set(name, { value: known.value, expiresAtMs });
  }

  #changed(collection: string): void {
    const opened = this.#opened.get(collection);
    if (opened !== undefined) opened.isChanged = true;
  }
}

/** The number of the one bit of a part. */
export function bitOf(part: number): number {
  return 31 - Math.clz32(part);
}
