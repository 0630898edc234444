/**
 * Finds the rules that match anything among the entries of a message, without running most of them; it must never miss
 * one, since the interpreter skips a rule on its word.
 */
import type { ByteString } from "../byte-string.ts";
import type { Entry } from "../collections/entry.ts";
import type { AutomatonTables } from "../literals/automaton-tables.ts";
import { LiteralFinder } from "../literals/literal-finder.ts";
import { buildChainTrie, ROOT, type ChainTrie } from "./chain-trie.ts";
import type { FilterRule } from "./filter-rule.ts";
import { conditionsOf, literalsOf } from "./rule-table.ts";
import { FilterSelection, type FilterBasis } from "./selection.ts";

export interface FilterOptions {
  /** In the order of their indexes, which count from 0. */
  readonly rules: readonly FilterRule[];
  /** By chain number: names of transformations in lower case. */
  readonly chains: readonly (readonly string[])[];
}

/** What is expensive to build, as plain data and typed arrays: to be kept on disk. */
export interface FilterTables {
  /** What the automaton was built from: tables of other rules are not taken. */
  readonly literals: readonly ByteString[];
  readonly automaton: AutomatonTables;
}

/** Built once for a rule set, immutable, shared by all policies. */
export class Filter {
  private readonly basis: FilterBasis;

  /** Throws RangeError for a chain that is none, and for tables of other rules. */
  constructor({ rules, chains }: FilterOptions, tables?: FilterTables) {
    if (rules.some(({ index }, at) => index !== at)) throw new RangeError("rules are out of order");
    const trie = buildChainTrie(chains);
    const ruleLiterals = literalsOf(rules);
    if (tables !== undefined && !isSame(tables.literals, ruleLiterals.literals)) {
      throw new RangeError("the tables belong to other rules");
    }
    this.basis = {
      rules,
      trie,
      ruleLiterals,
      finder: new LiteralFinder(ruleLiterals.literals, tables?.automaton),
      conditions: rules.map(conditionsOf),
      nodeOfRule: Int32Array.from(rules, ({ chain }) => nodeOf(trie, chain)),
      familyOf: familiesOf(rules),
    };
  }

  get tables(): FilterTables {
    const { finder, ruleLiterals } = this.basis;
    return { literals: ruleLiterals.literals, automaton: finder.tables };
  }

  /** Bytes of the tables, without the literals' own text and without what selections learn. */
  get memoryBytes(): number {
    const { finder, ruleLiterals } = this.basis;
    return finder.memoryBytes + ruleLiterals.starts.byteLength + ruleLiterals.lookups.byteLength;
  }

  /** `active`: by rule index, 1 for the rules to be looked for; others cost nothing. One for each policy or phase. */
  select(active: Uint8Array): FilterSelection {
    return new FilterSelection(this.basis, active);
  }

  /** What the chain makes of the entry's value. Kept with the entry, as are the chains on the way to it. */
  transform(entry: Entry, chain: number): ByteString {
    return transformed(entry, this.basis.trie, nodeOf(this.basis.trie, chain));
  }
}

function familiesOf(rules: readonly FilterRule[]): Int32Array {
  const first = new Map<object, number>();
  return Int32Array.from(rules, ({ family }, rule) => {
    if (family === undefined) return rule;
    if (!first.has(family)) first.set(family, rule);
    return first.get(family) ?? rule;
  });
}

function nodeOf(trie: ChainTrie, chain: number): number {
  const node = trie.nodeOf[chain];
  if (node === undefined) throw new RangeError("there is no such chain");
  return node;
}

function transformed(entry: Entry, trie: ChainTrie, node: number): ByteString {
  const step = trie.nodes[node];
  if (node === ROOT || step === undefined) return entry.value;
  for (let known = entry.variants; known !== undefined; known = known.next)
    if (known.node === node) return known.value;
  const value = step.transformation(transformed(entry, trie, step.parent));
  entry.variants = { node, value, next: entry.variants };
  return value;
}

function isSame(one: readonly ByteString[], other: readonly ByteString[]): boolean {
  return one.length === other.length && one.every((literal, at) => literal === other[at]);
}
