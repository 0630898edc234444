/**
 * What is remembered of sources and of callers' inputs. One for the process, as it outlives configurations: a reload hands
 * nobody a fresh allowance and ends no block. It is never shared between processes, nor kept over a restart.
 */
import { AddressTable } from "./address-table.ts";
import { BlockTable } from "./block-table.ts";
import { ProfileTable } from "./extraction/profile-table.ts";

export class SourceMemory {
  /** Requests by source. */
  readonly rates: AddressTable = new AddressTable();
  /** Failed authentications by source. */
  readonly failures: AddressTable = new AddressTable();
  readonly blocks: BlockTable = new BlockTable();
  /** What callers ask of models, for the detection of extraction. */
  readonly profiles: ProfileTable = new ProfileTable();
  /** Requests refused by a list, by the list's name. */
  readonly refusalsByList: Map<string, number> = new Map();
  readonly #throttles = new Map<string, AddressTable>();

  /** Requests by source on one throttled list. */
  throttleOf(list: string): AddressTable {
    let table = this.#throttles.get(list);
    if (!table) this.#throttles.set(list, (table = new AddressTable()));
    return table;
  }

  countListRefusal(list: string): void {
    this.refusalsByList.set(list, (this.refusalsByList.get(list) ?? 0) + 1);
  }
}
