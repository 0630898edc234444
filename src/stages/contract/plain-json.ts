/**
 * The common JSON body, read by the engine's own parser: no escapes, nothing long, nothing deep. What it accepts is exactly
 * what `StrictJson` accepts; everything it is not sure of it leaves to that reader, flaws above all.
 */
import { isUtf8 } from "node:buffer";
import type { JsonLimits, JsonValue } from "./strict-json.ts";

const QUOTE = 0x22;

export class PlainJson {
  readonly #limits: JsonLimits;
  /** No string, key or number can be longer than the widest gap between two quotes. */
  readonly #gapBytes: number;
  readonly #forbidden: ReadonlySet<string>;
  #members = 0;
  #strings = 0;

  constructor(limits: JsonLimits) {
    this.#limits = limits;
    this.#gapBytes = Math.min(limits.stringBytes, limits.keyBytes, limits.numberBytes);
    this.#forbidden = new Set(limits.forbiddenKeys);
  }

  /** The text's value; undefined when the strict reader has to look. Never throws. */
  read(body: Buffer): JsonValue | undefined {
    if (!isUtf8(body)) return undefined;
    const text = body.toString("utf8");
    if (text.includes("\\")) return undefined;
    const quotes = countQuotes(body, this.#gapBytes);
    if (quotes < 0) return undefined;
    const json = parse(text);
    if (json === undefined) return undefined;
    this.#members = 0;
    this.#strings = 0;
    if (!this.#count(json, 0) || this.#members > this.#limits.members) return undefined;
    // Without escapes every string has two quotes and holds none. The parser drops repeated keys: then quotes are left over.
    if (this.#limits.duplicateKeys === "refuse" && quotes !== 2 * this.#strings) return undefined;
    return { kind: "value", json, members: this.#members };
  }

  /**
   * Counts members and strings; false when a key is forbidden, or a value is not finite or lies too deep. Recursion ends
   * at the depth limit.
   */
  #count(value: unknown, depth: number): boolean {
    if (typeof value === "string") {
      this.#strings++;
      return true;
    }
    if (typeof value === "number") return Number.isFinite(value);
    if (typeof value !== "object" || value === null) return true;
    if (depth === this.#limits.depth) return false;
    if (Array.isArray(value)) {
      this.#members += value.length;
      for (const element of value) if (!this.#count(element, depth + 1)) return false;
      return true;
    }
    for (const key in value) {
      this.#members++;
      this.#strings++;
      if (this.#forbidden.has(key)) return false;
      if (!this.#count((value as Record<string, unknown>)[key], depth + 1)) return false;
    }
    return true;
  }
}

/** How many quotes there are; -1 when two of them, or an end and the next one, lie further apart than `gapBytes`. */
function countQuotes(body: Buffer, gapBytes: number): number {
  let quotes = 0;
  let last = -1;
  for (let at = 0; at < body.length; at++) {
    if (body[at] !== QUOTE) continue;
    if (at - last - 1 > gapBytes) return -1;
    last = at;
    quotes++;
  }
  return body.length - last - 1 > gapBytes ? -1 : quotes;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
