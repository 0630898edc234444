/** Reads a YAML tree of texts, lists and maps by name; it must never pass over a key that nobody asked for. */
import { Buffer } from "node:buffer";
import { fromBytes, type ByteString } from "../byte-string.ts";

/** What a YAML document is when every scalar stays text, so that `1.0` and `007` keep their spelling. */
export type TextTree = string | null | readonly TextTree[] | { readonly [key: string]: TextTree };

/** Thrown with the path inside the document; whoever knows the file says it. */
export class NodeFault extends Error {
  override readonly name = "NodeFault";
}

/** A place in the document: its value, and the path that faults name. */
export class StrictNode {
  readonly path: string;
  readonly #value: TextTree;

  constructor(value: TextTree, path = "") {
    this.path = path;
    this.#value = value;
  }

  fail(problem: string): never {
    throw new NodeFault(`${this.path === "" ? "the document" : this.path}: ${problem}`);
  }

  /** The members of a map, of which all must be known. Those that are not given are left out. */
  members(known: readonly string[]): Map<string, StrictNode> {
    const entries = this.entries();
    for (const [name] of entries) {
      if (!known.includes(name)) this.fail(`unknown key "${name}"`);
    }
    return new Map(entries);
  }

  /** The members of a map with any names, in order. */
  entries(): [name: string, value: StrictNode][] {
    const value = this.#value;
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return this.fail("must be a map");
    }
    return Object.entries(value).map(([name, member]) => [
      name,
      new StrictNode(member, this.path === "" ? name : `${this.path}.${name}`),
    ]);
  }

  items(): StrictNode[] {
    if (!isList(this.#value)) return this.fail("must be a list");
    return this.#value.map((item, index) => new StrictNode(item, `${this.path}[${index}]`));
  }

  isList(): boolean {
    return isList(this.#value);
  }

  isEmpty(): boolean {
    return this.#value === null || this.#value === "";
  }

  text(): string {
    if (this.#value === null) return "";
    if (typeof this.#value !== "string") return this.fail("must be text");
    return this.#value;
  }

  /** The text as it goes over the wire, in UTF-8. */
  bytes(): ByteString {
    return fromBytes(Buffer.from(this.text(), "utf8"));
  }

  flag(): boolean {
    const text = this.text();
    if (text !== "true" && text !== "false") return this.fail("must be true or false");
    return text === "true";
  }

  count(): number {
    const text = this.text();
    if (!/^\d{1,9}$/.test(text)) return this.fail("must be a whole number");
    return Number(text);
  }
}

function isList(value: TextTree): value is readonly TextTree[] {
  return Array.isArray(value);
}
