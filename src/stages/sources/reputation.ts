/** Which reputation lists hold an address. A list that nobody is on costs a request next to nothing. */
import type { SourceList } from "./config.ts";

const NONE: readonly SourceList[] = [];

export class Reputation {
  readonly #denying: readonly SourceList[];
  readonly #others: readonly SourceList[];

  constructor(lists: readonly SourceList[]) {
    const held = lists.filter(({ networks }) => networks.size > 0);
    this.#denying = held.filter(({ action }) => action === "deny");
    this.#others = held.filter(({ action }) => action !== "deny");
  }

  /** The first list that denies the address. */
  denierOf(address: string): SourceList | undefined {
    return this.#denying.find(({ networks }) => networks.has(address));
  }

  /** The lists that hold the address and let it call. */
  listsOf(address: string): readonly SourceList[] {
    if (this.#others.length === 0) return NONE;
    return this.#others.filter(({ networks }) => networks.has(address));
  }
}
