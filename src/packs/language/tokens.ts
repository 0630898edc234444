/** A rule's text to tokens, in one pass from left to right. It decides nothing about what the words mean. */
import { LogicRefused } from "./logic-fault.ts";
import { quoted } from "./quoted.ts";

export type Token =
  | { readonly kind: "word"; readonly text: string; readonly at: number }
  | { readonly kind: "number"; readonly value: number; readonly at: number }
  | { readonly kind: "text"; readonly value: string; readonly at: number }
  | { readonly kind: "sign"; readonly text: string; readonly at: number }
  | { readonly kind: "end"; readonly at: number };

const SPACE = /[ \t\r\n]+/y;
const WORD = /[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*/y;
const NUMBER = /-?[0-9]+(?:\.[0-9]+)?/y;
const NUMBER_IN_FULL = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$/;
const SIGN = /==|!=|<=|>=|[<>()[\],]/y;
/** A decimal fraction of so many digits is still told apart from its neighbours (IEEE 754, binary64). */
const EXACT_DIGITS = 15;

/** What other languages write, and what is written here. */
const FOREIGN_SIGNS: readonly (readonly [sign: string, hint: string])[] = [
  ["&&", 'write "AND"'],
  ["||", 'write "OR"'],
  ["!", 'write "NOT"'],
  ["=", 'write "=="'],
  ["{", 'a list is written in "[" and "]"'],
];

/** All tokens and an `end`. Throws `LogicRefused`. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    at += takeAt(SPACE, text, at).length;
    if (at >= text.length) break;
    const { token, end } = tokenAt(text, at);
    tokens.push(token);
    at = end;
  }
  tokens.push({ kind: "end", at: text.length });
  return tokens;
}

interface Taken {
  readonly token: Token;
  readonly end: number;
}

function tokenAt(text: string, at: number): Taken {
  const first = text[at] as string;
  if (first === "'" || first === '"') return textAt(text, at);
  const word = takeAt(WORD, text, at);
  if (word !== "") return { token: { kind: "word", text: word, at }, end: at + word.length };
  const digits = takeAt(NUMBER, text, at);
  if (digits !== "") return numberAt(text, at, digits);
  const sign = takeAt(SIGN, text, at);
  if (sign !== "") return { token: { kind: "sign", text: sign, at }, end: at + sign.length };
  const foreign = FOREIGN_SIGNS.find(([start]) => text.startsWith(start, at));
  const character = foreign?.[0] ?? String.fromCodePoint(text.codePointAt(at) as number);
  throw new LogicRefused({
    code: "pack.logic_bad_character",
    message: `${quoted(character)} means nothing here`,
    hint: foreign?.[1] ?? "text needs quotes",
    at,
  });
}

function numberAt(text: string, at: number, digits: string): Taken {
  const end = at + digits.length;
  const follows = text[end] ?? "";
  if (!NUMBER_IN_FULL.test(digits) || /[A-Za-z0-9_.]/.test(follows)) {
    throw new LogicRefused({
      code: "pack.logic_bad_number",
      message: `${quoted(digits + follows)} does not begin a number`,
      hint: "numbers are decimal, without leading zeros, exponents or units",
      at,
    });
  }
  const value = Number(digits);
  const isExact = !digits.includes(".") || digits.replace(/^-?0?\.?0*/, "").length <= EXACT_DIGITS;
  if (Math.abs(value) > Number.MAX_SAFE_INTEGER || !isExact) {
    throw new LogicRefused({
      code: "pack.logic_number_out_of_range",
      message: "a number that cannot be kept exactly",
      hint: `whole numbers up to ${Number.MAX_SAFE_INTEGER}, fractions up to ${EXACT_DIGITS} digits`,
      at,
    });
  }
  // -0 is 0 to every comparison: one value, one way to hold it.
  return { token: { kind: "number", value: value === 0 ? 0 : value, at }, end };
}

function textAt(text: string, at: number): Taken {
  const quote = text[at];
  let value = "";
  for (let next = at + 1; next < text.length; next++) {
    const character = text[next] as string;
    if (character === quote) return { token: { kind: "text", value, at }, end: next + 1 };
    if (character === "\n" || character === "\r") break;
    if (character !== "\\") {
      value += character;
      continue;
    }
    next++;
    const escaped = text[next] ?? "";
    if (escaped !== "'" && escaped !== '"' && escaped !== "\\") {
      throw new LogicRefused({
        code: "pack.logic_bad_escape",
        message: "a backslash stands before a quote or a backslash only",
        hint: String.raw`for a backslash itself write "\\"; within YAML's double quotes each of them twice`,
        at: next - 1,
      });
    }
    value += escaped;
  }
  throw new LogicRefused({
    code: "pack.logic_unterminated_text",
    message: "the text has no closing quote in its line",
    hint: `close it with ${quote}`,
    at,
  });
}

function takeAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? "";
}
