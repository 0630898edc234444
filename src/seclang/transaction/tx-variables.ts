/**
 * The TX collection of one transaction. Names that rules spell out have a slot each, so that a transaction starts with one
 * copy of an array; names made at run time go into a map, bounded, so that no caller can fill the memory with them.
 */
import type { ByteString } from "../byte-string.ts";

/** Names made by macros in one transaction; raised, a body of many fields buys that much memory and scanning. */
const LIMIT_MADE_NAMES = 4_096;
/** TX:0 to TX:9 hold what a pattern captured. */
const CAPTURES = 10;
const CAPTURE_NAME = /^\d$/;

/** Which name has which slot; grows while rules are compiled, and is shared by all transactions of a rule set. */
export class TxLayout {
  readonly #slots = new Map<ByteString, number>();
  readonly names: ByteString[] = [];

  /** The slot of a lower-case name, a new one if need be. */
  slotOf(name: ByteString): number {
    const known = this.#slots.get(name);
    if (known !== undefined) return known;
    const slot = this.names.length;
    this.names.push(name);
    this.#slots.set(name, slot);
    return slot;
  }

  find(name: ByteString): number | undefined {
    return this.#slots.get(name);
  }
}

/** Whether the name is one of those that `capture` writes. */
export function isCaptureName(name: ByteString): boolean {
  return CAPTURE_NAME.test(name);
}

/** Names are in lower case throughout. */
export class TxVariables {
  readonly #layout: TxLayout;
  readonly #slots: (ByteString | undefined)[];
  #captures: readonly (ByteString | undefined)[] = [];
  #made: Map<ByteString, ByteString> | undefined;

  constructor(layout: TxLayout, initial: readonly (ByteString | undefined)[]) {
    this.#layout = layout;
    this.#slots = initial.slice();
  }

  atSlot(slot: number): ByteString | undefined {
    return this.#slots[slot];
  }

  get(name: ByteString): ByteString | undefined {
    if (isCaptureName(name)) return this.#captures[Number(name)];
    const slot = this.#layout.find(name);
    return slot === undefined ? this.#made?.get(name) : this.#slots[slot];
  }

  set(name: ByteString, value: ByteString | undefined): void {
    const slot = this.#layout.find(name);
    if (slot !== undefined) this.#slots[slot] = value;
    else if (value === undefined) this.#made?.delete(name);
    else this.#setMade(name, value);
  }

  #setMade(name: ByteString, value: ByteString): void {
    this.#made ??= new Map();
    if (this.#made.size < LIMIT_MADE_NAMES || this.#made.has(name)) this.#made.set(name, value);
  }

  /** Stores what a pattern captured; what was captured before is gone. */
  capture(groups: readonly (ByteString | undefined)[]): void {
    this.#captures = groups.length > CAPTURES ? groups.slice(0, CAPTURES) : groups;
  }

  /** Every variable that is set, captures first. */
  *members(): IterableIterator<{ readonly name: ByteString; readonly value: ByteString }> {
    for (const [index, value] of this.#captures.entries())
      if (value !== undefined) yield { name: String(index), value };
    for (const [slot, value] of this.#slots.entries())
      if (value !== undefined) yield { name: this.#layout.names[slot] ?? "", value };
    for (const [name, value] of this.#made ?? []) yield { name, value };
  }
}
