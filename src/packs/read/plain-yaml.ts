/**
 * Reads packs that are written in the plain part of YAML, in a tenth of the library's time: a pack is read while requests
 * wait. It must never read anything otherwise than the library would: what it is not made for it leaves, all of the file.
 *
 * Made for: one document of mappings and lists by indentation, keys that are words, values on one line (plain text,
 * quotes with no escapes but those of quotes and backslashes, short whole numbers, lists of words or quotes in brackets).
 */
import type { Origin } from "../../config/diagnostic.ts";
import type { Entry, SourceNode } from "../../config/source-node.ts";
import { UNPRINTABLE, type SourceText } from "../../config/source-text.ts";
import { linesOf, type Line } from "./plain-lines.ts";
import { readPlainValue, type PlainValue } from "./plain-value.ts";

/** Collections inside collections; a real pack has 6. */
const DEPTH_LIMIT = 16;
const KEY = /([A-Za-z_][A-Za-z0-9_]{0,63}):(?= |$)/my;
/** Words that YAML's core schema reads as something else than text. */
const NOT_TEXT = /^(?:null|true|false)$/i;

/** The tree, or undefined for a text that is not in the plain part. It finds no faults: the library does. */
export function readPlainYaml(source: SourceText): SourceNode | undefined {
  const { text } = source;
  if (UNPRINTABLE.test(text.replaceAll("\n", "")) || !text.isWellFormed()) return undefined;
  const lines = linesOf(text);
  if (lines?.[0]?.indent !== 0 || lines[0].isItem) return undefined;
  try {
    return new PlainReader(source, lines).read();
  } catch (error) {
    if (error === NOT_PLAIN) return undefined;
    throw error;
  }
}

/** Thrown where the text leaves the plain part. */
const NOT_PLAIN = new Error("not in the plain part of YAML");

function leave(): never {
  throw NOT_PLAIN;
}

class PlainReader {
  readonly #source: SourceText;
  readonly #lines: readonly Line[];
  #next = 0;
  #depth = 0;

  constructor(source: SourceText, lines: readonly Line[]) {
    this.#source = source;
    this.#lines = lines;
  }

  read(): SourceNode {
    const root = this.#block();
    return this.#next === this.#lines.length ? root : leave();
  }

  /** The mapping or list that begins with the next line. */
  #block(): SourceNode {
    const line = this.#lines[this.#next];
    if (!line || ++this.#depth > DEPTH_LIMIT) return leave();
    const node = line.isItem ? this.#list(line) : this.#mapping(line.at, line.indent);
    this.#depth--;
    return node;
  }

  #list({ at, indent }: Line): SourceNode {
    const items: SourceNode[] = [];
    for (let line = this.#lineAt(indent); line?.isItem; line = this.#lineAt(indent)) {
      const from = this.#textAfter(line.at + 1, line);
      if (from === undefined) return leave();
      items.push(
        this.#isKey(from) ? this.#mapping(from, indent + from - line.at) : this.#value(from),
      );
    }
    return { kind: "list", origin: this.#origin(at, at + 1), items };
  }

  /** Its first key stands at `first`, the others at the same column of the lines that follow. */
  #mapping(first: number, indent: number): SourceNode {
    const entries = new Map<string, Entry>();
    let at: number | undefined = first;
    while (at !== undefined) {
      const key = this.#keyAt(at);
      if (key === undefined || NOT_TEXT.test(key) || key === "__proto__" || entries.has(key))
        return leave();
      const node = this.#valueOfKey(at + key.length + 1, indent);
      entries.set(key, { keyOrigin: this.#origin(at, at + key.length), node });
      const line = this.#lineAt(indent);
      if (line?.isItem) return leave();
      at = line?.at;
    }
    return { kind: "map", origin: this.#origin(first, first + 1), entries };
  }

  /** What stands behind a colon, or below it. */
  #valueOfKey(afterColon: number, indent: number): SourceNode {
    const from = this.#textAfter(afterColon, this.#lines[this.#next] as Line);
    if (from !== undefined) return this.#value(from);
    this.#next++;
    const below = this.#lines[this.#next];
    const isBelow = below && (below.indent > indent || (below.indent === indent && below.isItem));
    return isBelow ? this.#block() : leave();
  }

  /** The value that fills the rest of the current line. */
  #value(from: number): SourceNode {
    const { end } = this.#lines[this.#next] as Line;
    const value = readPlainValue(this.#source.text, from, end) ?? leave();
    this.#next++;
    return this.#nodeOf(value);
  }

  #nodeOf({ start, end, content }: PlainValue): SourceNode {
    const origin = this.#origin(start, end);
    if (!Array.isArray(content))
      return { kind: "scalar", origin, value: content as string | number };
    return { kind: "list", origin, items: content.map((item: PlainValue) => this.#nodeOf(item)) };
  }

  /** The next line where it belongs to a block of this indentation; one that is indented more belongs nowhere. */
  #lineAt(indent: number): Line | undefined {
    const line = this.#lines[this.#next];
    if (!line || line.indent < indent) return undefined;
    return line.indent === indent ? line : leave();
  }

  /** Where text begins in the line, past spaces; undefined when nothing or a comment is left. */
  #textAfter(at: number, line: Line): number | undefined {
    let from = at;
    while (from < line.end && this.#source.text[from] === " ") from++;
    return from === line.end || this.#source.text[from] === "#" ? undefined : from;
  }

  #isKey(at: number): boolean {
    return this.#keyAt(at) !== undefined;
  }

  #keyAt(at: number): string | undefined {
    KEY.lastIndex = at;
    return KEY.exec(this.#source.text)?.[1];
  }

  #origin(start: number, end: number): Origin {
    return { kind: "file", source: this.#source, start, end };
  }
}
