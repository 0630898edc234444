/**
 * The TX collection of one transaction. Names that rules spell out have a slot each, so that a transaction starts with one
 * copy of an array; names made at run time go into a map, bounded, so that no caller can fill the memory with them.
 */
import type { ByteString } from "../byte-string.ts";

/** Names made by macros in one transaction; raised, a body of many fields buys that much memory and scanning. */
const LIMIT_MADE_NAMES = 4_096;
/** TX:0 to TX:9 hold what a pattern captured. */
const CAPTURES = 10;
const DIGIT_0 = 0x30;

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
  if (name.length !== 1) return false;
  const digit = name.charCodeAt(0) - DIGIT_0;
  return digit >= 0 && digit < CAPTURES;
}

const NO_NAMES: ReadonlyMap<ByteString, ByteString> = new Map();

interface TxMember {
  readonly name: ByteString;
  readonly value: ByteString;
}

/** The slots whose names a selector accepts, found once: rules that name variables by a pattern ask for them in every request. */
export class SlotChoice {
  readonly #layout: TxLayout;
  readonly accepts: (name: ByteString) => boolean;
  readonly #slots: number[] = [];
  #seen = 0;

  constructor(layout: TxLayout, accepts: (name: ByteString) => boolean) {
    this.#layout = layout;
    this.accepts = accepts;
  }

  /** Also of names that joined the layout since. */
  get slots(): readonly number[] {
    const { names } = this.#layout;
    for (; this.#seen < names.length; this.#seen++)
      if (this.accepts(names[this.#seen] ?? "")) this.#slots.push(this.#seen);
    return this.#slots;
  }
}

/** Names are in lower case throughout. */
export class TxVariables {
  readonly #layout: TxLayout;
  readonly #slots: (ByteString | undefined)[];
  #captures: readonly (ByteString | undefined)[] = [];
  #findCaptures: (() => readonly (ByteString | undefined)[]) | undefined;
  #made: Map<ByteString, ByteString> | undefined;

  constructor(layout: TxLayout, initial: readonly (ByteString | undefined)[]) {
    this.#layout = layout;
    this.#slots = initial.slice();
  }

  atSlot(slot: number): ByteString | undefined {
    return this.#slots[slot];
  }

  setSlot(slot: number, value: ByteString | undefined): void {
    this.#slots[slot] = value;
  }

  /** The slot of a name that rules spell out; those that `capture` writes have none. */
  slotOf(name: ByteString): number | undefined {
    return isCaptureName(name) ? undefined : this.#layout.find(name);
  }

  get(name: ByteString): ByteString | undefined {
    if (isCaptureName(name)) return this.#captured()[Number(name)];
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

  /**
   * What a pattern captured; what was captured before is gone. WHY a function: groups cost more than the match, and of
   * most matches nobody reads them.
   */
  capture(find: () => readonly (ByteString | undefined)[]): void {
    this.#findCaptures = find;
  }

  #captured(): readonly (ByteString | undefined)[] {
    const find = this.#findCaptures;
    if (find === undefined) return this.#captures;
    this.#findCaptures = undefined;
    const found = find();
    return (this.#captures = found.length > CAPTURES ? found.slice(0, CAPTURES) : found);
  }

  /**
   * The variables that are set now and that the choice accepts, captures first. A list of its own: rules that read it
   * may write to TX on the way.
   */
  chosen(choice: SlotChoice): readonly TxMember[] {
    const found: TxMember[] = [];
    const captures = this.#captured();
    for (let index = 0; index < captures.length; index++) {
      const [name, value] = [String(index), captures[index]];
      if (value !== undefined && choice.accepts(name)) found.push({ name, value });
    }
    for (const slot of choice.slots) {
      const value = this.#slots[slot];
      if (value !== undefined) found.push({ name: this.#layout.names[slot] ?? "", value });
    }
    for (const [name, value] of this.#made ?? NO_NAMES)
      if (choice.accepts(name)) found.push({ name, value });
    return found;
  }

  /** Every variable that is set, captures first. */
  *members(): IterableIterator<TxMember> {
    for (const [index, value] of this.#captured().entries())
      if (value !== undefined) yield { name: String(index), value };
    for (const [slot, value] of this.#slots.entries())
      if (value !== undefined) yield { name: this.#layout.names[slot] ?? "", value };
    for (const [name, value] of this.#made ?? []) yield { name, value };
  }
}
