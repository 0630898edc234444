/** Variables with one value, worked out one at a time: a request has dozens, and its rules ask for two or three. */
import type { ByteString } from "../byte-string.ts";
import type { Variables } from "./parts.ts";

/** How each variable follows from what was read, by upper-case name. */
export type VariableReaders<Source> = ReadonlyMap<string, (source: Source) => ByteString>;

export class VariableTable<Source> implements Variables {
  readonly #readers: VariableReaders<Source>;
  readonly #source: Source;

  constructor(readers: VariableReaders<Source>, source: Source) {
    this.#readers = readers;
    this.#source = source;
  }

  get size(): number {
    return this.#readers.size;
  }

  get(name: string): ByteString | undefined {
    return this.#readers.get(name)?.(this.#source);
  }

  keys(): Iterable<string> {
    return this.#readers.keys();
  }

  *[Symbol.iterator](): Iterator<readonly [string, ByteString]> {
    for (const [name, read] of this.#readers) yield [name, read(this.#source)];
  }
}
