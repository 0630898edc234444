/**
 * Cuts masked values out of a JSON text and leaves every other byte as it was: numbers, order, spacing and escapes are
 * the upstream's. It must never read text that `JSON.parse` has not accepted, and never recurse.
 */
import { buildMaskTree, type MaskNode, nodesBelow } from "./mask-tree.ts";
import type { MaskRules } from "./config.ts";

/** Masks a text; undefined when it is not JSON. The text itself comes back when there is nothing to mask. */
export type Masker = (text: string) => string | undefined;

export function compileMasker(rules: MaskRules): Masker {
  const root = [buildMaskTree(rules.pointers)];
  const fields: ReadonlySet<string> = new Set(rules.fields);
  const replacement = rules.action === "replace" ? JSON.stringify(rules.replacement) : undefined;
  return (text) => {
    if (!isJson(text)) return undefined;
    return new MaskPass(text, { root, fields, replacement }).run();
  };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const BACKSLASH = 0x5c;

interface Compiled {
  readonly root: readonly MaskNode[];
  readonly fields: ReadonlySet<string>;
  /** JSON text put in place of a masked value; undefined when its member or element is left out. */
  readonly replacement: string | undefined;
}

/** An object or array being walked. */
interface Open {
  readonly isObject: boolean;
  readonly nodes: readonly MaskNode[];
  /** Members or elements met so far. */
  index: number;
  /** Those of them that stay. */
  kept: number;
  /** Offset of the comma in front of the current member; of the opening bracket for the first. */
  before: number;
}

class MaskPass {
  readonly #text: string;
  readonly #compiled: Compiled;
  readonly #open: Open[] = [];
  readonly #pieces: string[] = [];
  /** How far the text has been copied or cut. */
  #copied = 0;

  constructor(text: string, compiled: Compiled) {
    this.#text = text;
    this.#compiled = compiled;
  }

  run(): string {
    const end = this.#text.length;
    let at = this.#value(this.#skipSpace(0), this.#compiled.root);
    while (at < end) {
      const container = this.#open.at(-1);
      if (!container) break;
      at = this.#next(container, this.#skipSpace(at));
    }
    if (this.#pieces.length === 0) return this.#text;
    this.#pieces.push(this.#text.slice(this.#copied));
    return this.#pieces.join("");
  }

  /** At a value that stays: enters a container, or gives the offset behind a scalar. */
  #value(at: number, nodes: readonly MaskNode[]): number {
    const first = this.#text[at];
    if (first !== "{" && first !== "[") return this.#endOfScalar(at);
    this.#open.push({ isObject: first === "{", nodes, index: 0, kept: 0, before: at });
    return at + 1;
  }

  /** Inside a container, behind its opening or behind a member: the next member, or the end. */
  #next(container: Open, at: number): number {
    const mark = this.#text[at];
    if (mark === "}" || mark === "]") {
      this.#open.pop();
      return at + 1;
    }
    if (mark !== ",") return this.#member(container, at);
    container.before = at;
    return this.#member(container, this.#skipSpace(at + 1));
  }

  #member(container: Open, at: number): number {
    let token: string;
    let valueAt = at;
    if (container.isObject) {
      const keyEnd = this.#endOfString(at);
      token = this.#textOf(at, keyEnd);
      valueAt = this.#skipSpace(this.#skipSpace(keyEnd) + 1);
    } else {
      token = String(container.index);
    }
    container.index++;
    const nodes = nodesBelow(container.nodes, token);
    const isMasked =
      nodes.some((node) => node.isMasked) ||
      (container.isObject && this.#compiled.fields.has(token));
    if (isMasked) return this.#mask(container, { at, valueAt });
    container.kept++;
    return this.#value(valueAt, nodes);
  }

  #mask(container: Open, { at, valueAt }: { at: number; valueAt: number }): number {
    const end = this.#endOfValue(valueAt);
    if (this.#compiled.replacement !== undefined) {
      container.kept++;
      this.#splice(valueAt, end, this.#compiled.replacement);
      return end;
    }
    // One comma goes with what is left out: the one in front, or, while nothing has stayed yet, the one behind.
    if (container.kept > 0) {
      this.#splice(container.before, end, "");
      return end;
    }
    const behind = this.#skipSpace(end);
    if (this.#text[behind] !== ",") {
      this.#splice(at, end, "");
      return end;
    }
    const next = this.#skipSpace(behind + 1);
    this.#splice(at, next, "");
    return next;
  }

  #splice(from: number, to: number, put: string): void {
    this.#pieces.push(this.#text.slice(this.#copied, from), put);
    this.#copied = to;
  }

  /** Offset behind a value of any kind, whatever is in it. */
  #endOfValue(from: number): number {
    let depth = 0;
    let at = from;
    do {
      const mark = this.#text[at];
      if (mark === '"') at = this.#endOfString(at);
      else if (mark === "{" || mark === "[") {
        depth++;
        at++;
      } else if (mark === "}" || mark === "]") {
        depth--;
        at++;
      } else if (depth === 0) at = this.#endOfScalar(at);
      else at++;
    } while (depth > 0);
    return at;
  }

  #endOfScalar(from: number): number {
    if (this.#text[from] === '"') return this.#endOfString(from);
    let at = from;
    while (at < this.#text.length && !isDelimiter(this.#text.charCodeAt(at))) at++;
    return at;
  }

  #endOfString(from: number): number {
    let quote = this.#text.indexOf('"', from + 1);
    while (this.#isEscaped(quote)) quote = this.#text.indexOf('"', quote + 1);
    return quote + 1;
  }

  /** Whether an odd number of backslashes stands in front. They are looked at once for each quote, so this is linear. */
  #isEscaped(quote: number): boolean {
    let at = quote - 1;
    while (this.#text.charCodeAt(at) === BACKSLASH) at--;
    return (quote - at) % 2 === 0;
  }

  /** A key's text, unescaped. */
  #textOf(from: number, to: number): string {
    const inner = this.#text.slice(from + 1, to - 1);
    return inner.includes("\\") ? (JSON.parse(this.#text.slice(from, to)) as string) : inner;
  }

  #skipSpace(from: number): number {
    let at = from;
    while (isSpace(this.#text.charCodeAt(at))) at++;
    return at;
  }
}

function isSpace(unit: number): boolean {
  return unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09;
}

/** What ends a number or a literal: white space, a comma, or a closing bracket. */
function isDelimiter(unit: number): boolean {
  return unit === 0x2c || unit === 0x5d || unit === 0x7d || isSpace(unit);
}
