/**
 * Bits and wires as one graph of numbered nodes, asked on demand. A decision asks of a node only whether it is true, or
 * only whether it is false; what was found is kept until the next request, and nothing of the request itself is.
 */
import type { PackContext } from "../fields.ts";
import type { Bit, Member, Pack, Structure } from "../pack.ts";
import { compileExpression } from "./compile-expression.ts";
import { Patterns } from "./patterns.ts";
import { FALSE, TRUE, UNDEFINED, type Rule, type Trit } from "./truth.ts";

/** A wire, or a structure within one. */
interface Junction {
  /** The wire's; undefined for a structure within one. */
  readonly id: string | undefined;
  readonly isAll: boolean;
  /** Numbers of nodes. */
  readonly members: readonly number[];
}

// What is known about a junction: two answers, each known or not.
const IS_TRUE = 1;
const IS_NOT_TRUE = 2;
const IS_FALSE = 4;
const IS_NOT_FALSE = 8;

export class RuleGraph {
  readonly bits: readonly Bit[];
  /** Nodes from 0 on are bits, then come wires in order, then structures within wires. */
  readonly #numbers: ReadonlyMap<string, number>;
  readonly #rules: readonly Rule[];
  readonly #junctions: Junction[] = [];
  /** 0 where a bit was not asked for yet. */
  readonly #trits: Uint8Array;
  readonly #known: Uint8Array;

  constructor({ bits, wires }: Pack) {
    const patterns = new Patterns();
    this.bits = bits;
    this.#rules = bits.map(({ expression }) => compileExpression(expression, patterns));
    this.#numbers = new Map([...bits, ...wires].map(({ id }, node) => [id, node]));
    // Room for the wires first: their numbers are known before what is in them.
    this.#junctions.length = wires.length;
    for (const [index, { id, structure }] of wires.entries())
      this.#junctions[index] = this.#junction(id, structure);
    this.#trits = new Uint8Array(bits.length);
    this.#known = new Uint8Array(this.#junctions.length);
  }

  #junction(id: string | undefined, { kind, members }: Structure): Junction {
    return {
      id,
      isAll: kind === "all",
      members: members.map((member) => this.#memberNode(member)),
    };
  }

  #memberNode(member: Member): number {
    if (member.kind !== "structure") return this.nodeOf(member.id);
    const junction = this.#junction(undefined, member.structure);
    return this.bits.length + this.#junctions.push(junction) - 1;
  }

  /** The number of a bit or wire; references were checked when the pack was read. */
  nodeOf(id: string): number {
    const node = this.#numbers.get(id);
    if (node === undefined) throw new TypeError(`no bit or wire ${id}`);
    return node;
  }

  /** The id of a bit or a wire; undefined for a structure within a wire. */
  idOf(node: number): string | undefined {
    return this.bits[node]?.id ?? this.#junctions[node - this.bits.length]?.id;
  }

  isBit(node: number): boolean {
    return node < this.bits.length;
  }

  membersOf(node: number): readonly number[] {
    return this.#junctions[node - this.bits.length]?.members ?? [];
  }

  /** Forgets what was found out for the last request. */
  forget(): void {
    this.#trits.fill(0);
    this.#known.fill(0);
  }

  isTrue(node: number, context: PackContext, nowSeconds: number): boolean {
    const bits = this.#trits.length;
    if (node < bits) return this.bit(node, context, nowSeconds) === TRUE;
    const known = this.#known[node - bits] as number;
    if ((known & (IS_TRUE | IS_NOT_TRUE)) !== 0) return (known & IS_TRUE) !== 0;
    const { isAll, members } = this.#junctions[node - bits] as Junction;
    let result = isAll;
    for (let index = 0; index < members.length; index++) {
      const member = members[index] as number;
      // Bits are asked here and not by way of this function: calling it for each costs as much as the bits.
      const isTrue =
        member < bits
          ? this.bit(member, context, nowSeconds) === TRUE
          : this.isTrue(member, context, nowSeconds);
      if (isTrue === isAll) continue;
      result = !isAll;
      break;
    }
    this.#known[node - bits] = known | (result ? IS_TRUE : IS_NOT_TRUE);
    return result;
  }

  /** Not the opposite of `isTrue`: what is undefined is neither. */
  isFalse(node: number, context: PackContext, nowSeconds: number): boolean {
    const bits = this.#trits.length;
    if (node < bits) return this.bit(node, context, nowSeconds) === FALSE;
    const known = this.#known[node - bits] as number;
    if ((known & (IS_FALSE | IS_NOT_FALSE)) !== 0) return (known & IS_FALSE) !== 0;
    const { isAll, members } = this.#junctions[node - bits] as Junction;
    let result = !isAll;
    for (let index = 0; index < members.length; index++) {
      const member = members[index] as number;
      const isFalse =
        member < bits
          ? this.bit(member, context, nowSeconds) === FALSE
          : this.isFalse(member, context, nowSeconds);
      if (isFalse !== isAll) continue;
      result = isAll;
      break;
    }
    this.#known[node - bits] = known | (result ? IS_FALSE : IS_NOT_FALSE);
    return result;
  }

  /** The value of any node. */
  valueOf(node: number, context: PackContext, nowSeconds: number): Trit {
    if (this.isTrue(node, context, nowSeconds)) return TRUE;
    return this.isFalse(node, context, nowSeconds) ? FALSE : UNDEFINED;
  }

  bit(node: number, context: PackContext, nowSeconds: number): Trit {
    const known = this.#trits[node] as Trit | 0;
    if (known !== 0) return known;
    const trit = (this.#rules[node] as Rule)(context, nowSeconds);
    this.#trits[node] = trit;
    return trit;
  }

  /**
   * The place among a junction's members of the one to name for its value: of one that holds, the first true member where
   * one is enough, or the only one; of one that does not, the first that is not true. -1 when there is none, and for bits.
   */
  tellingMember(node: number, isHeld: boolean, context: PackContext, nowSeconds: number): number {
    const junction = this.#junctions[node - this.#trits.length];
    if (!junction || (isHeld && junction.isAll && junction.members.length > 1)) return -1;
    return junction.members.findIndex(
      (member) => this.isTrue(member, context, nowSeconds) === isHeld,
    );
  }
}
