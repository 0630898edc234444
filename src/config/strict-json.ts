/**
 * JSON that means one thing to every reader: valid UTF-8, no member twice, no `__proto__`, bounded depth. For tokens, key
 * sets and operators' orders, which are small; RFC 8725 section 3.10 and RFC 7515 section 4 leave duplicates to the
 * reader, and attackers live on readers that differ.
 */
import { isUtf8 } from "node:buffer";

/** Deep enough for any real claim; more only buys an attacker recursion in whoever reads the claims next. */
const DEFAULT_JSON_DEPTH = 16;

export type StrictJson = { readonly value: unknown } | { readonly refused: string };

export function parseStrictJson(bytes: Buffer, maxDepth: number = DEFAULT_JSON_DEPTH): StrictJson {
  if (!isUtf8(bytes)) return { refused: "not UTF-8" };
  const text = bytes.toString("utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { refused: "not JSON" };
  }
  const refused = findAmbiguity(text, maxDepth);
  return refused === undefined ? { value } : { refused };
}

/** A JSON object's own members, or undefined for any other value. */
export function asObject(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/** Walks text that is known to be valid JSON; undefined when it is unambiguous. */
function findAmbiguity(text: string, maxDepth: number): string | undefined {
  /** The names seen in each open object; null for an open array. */
  const open: (Set<string> | null)[] = [];
  let isName = false;
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    switch (character) {
      case "{":
      case "[":
        if (open.length === maxDepth) return `nested deeper than ${maxDepth}`;
        isName = character === "{";
        open.push(isName ? new Set() : null);
        break;
      case "}":
      case "]":
        open.pop();
        isName = false;
        break;
      case ",":
        isName = open.at(-1) !== null;
        break;
      case '"': {
        const end = endOfString(text, i);
        const refused = isName ? findInName(text.slice(i, end + 1), open.at(-1)) : undefined;
        if (refused !== undefined) return refused;
        isName = false;
        i = end;
        break;
      }
    }
  }
  return undefined;
}

/** `literal` is the name with its quotes; names are compared decoded, since `"\u0061lg"` is `"alg"`. */
function findInName(literal: string, seen: Set<string> | null | undefined): string | undefined {
  const name = literal.includes("\\") ? (JSON.parse(literal) as string) : literal.slice(1, -1);
  if (name === "__proto__") return "a member named __proto__";
  if (seen?.has(name)) return "a member twice";
  seen?.add(name);
  return undefined;
}

/** Index of the closing quotation mark of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (text[i] !== '"') i += text[i] === "\\" ? 2 : 1;
  return i;
}
