/**
 * A rule's text to syntax, by recursive descent: OR < AND < NOT < comparison. Depth and length are bounded, so that no
 * text can exhaust the stack.
 */
import { nearest } from "../../config/nearest.ts";
import { FIELD_NAMES } from "../fields.ts";
import { LogicRefused, type LogicFaultCode } from "./logic-fault.ts";
import { fieldEndingIn } from "./operand-type.ts";
import { COMPARISON_OPERATORS, RESERVED_WORDS } from "./operators.ts";
import { quoted } from "./quoted.ts";
import type { OperandSyntax, Syntax } from "./syntax.ts";
import { tokenize, type Token } from "./tokens.ts";

/**
 * Characters of one rule: a list of some two thousand names. Rules are parsed at every load; longer ones would hold it up
 * and nobody could review them.
 */
const LENGTH_LIMIT = 65_536;
/** Parentheses and NOTs inside one another. The parser and the evaluator are recursive: raised, a rule can end the process. */
const DEPTH_LIMIT = 32;

/** Throws `LogicRefused`. */
export function parseLogic(text: string): Syntax {
  if (text.length > LENGTH_LIMIT) {
    const message = `the rule has ${text.length} characters; ${LENGTH_LIMIT} are allowed`;
    const hint = "divide it into several bits, joined by a wire";
    throw new LogicRefused({ code: "pack.logic_too_long", message, hint, at: 0 });
  }
  return new LogicParser(tokenize(text)).parse();
}

class LogicParser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parse(): Syntax {
    const syntax = this.#or();
    const rest = this.#peek();
    if (rest.kind !== "end") this.#refuseUnexpected(rest, "the end of the rule, AND or OR");
    return syntax;
  }

  #or(): Syntax {
    return this.#joined("OR", () => this.#joined("AND", () => this.#not()));
  }

  #joined(word: "AND" | "OR", side: () => Syntax): Syntax {
    const first = side();
    const sides = [first];
    while (this.#takes("word", word)) sides.push(side());
    if (sides.length === 1) return first;
    return { kind: word === "AND" ? "and" : "or", of: sides, at: first.at };
  }

  #not(): Syntax {
    const { at } = this.#peek();
    if (!this.#takes("word", "NOT")) return this.#comparison();
    return this.#deeper(() => ({ kind: "not", of: this.#not(), at }));
  }

  #comparison(): Syntax {
    const { at } = this.#peek();
    if (this.#takes("sign", "(")) return this.#rest(this.#deeper(() => this.#or()));
    const left = this.#operand();
    const operator = this.#takeOperator();
    if (operator === undefined) return { kind: "operand", operand: left, at };
    const right = this.#operand();
    const chained = this.#peek();
    if (this.#takeOperator() !== undefined) {
      const message = "a comparison has two sides";
      const hint = "join two comparisons with AND";
      refuse("pack.logic_chained_comparison", message, { at: chained.at, hint });
    }
    return { kind: "compare", operator, left, right, at };
  }

  /** What follows an opening parenthesis and its content. */
  #rest(inner: Syntax): Syntax {
    const closing = this.#peek();
    if (!this.#takes("sign", ")")) this.#refuseUnexpected(closing, '")", AND or OR');
    const { at } = this.#peek();
    if (this.#takeOperator() !== undefined) {
      const message = "what stands in parentheses is true or false and is not compared";
      const hint = "for its opposite write NOT before it";
      refuse("pack.logic_chained_comparison", message, { at, hint });
    }
    return inner;
  }

  #operand(): OperandSyntax {
    const token = this.#peek();
    if (token.kind === "number" || token.kind === "text") {
      this.#next++;
      return { kind: "literal", value: token.value, at: token.at };
    }
    if (this.#takes("sign", "[")) return { kind: "list", items: this.#listItems(), at: token.at };
    if (token.kind === "word" && !RESERVED_WORDS.includes(token.text)) return this.#name(token);
    return this.#refuseUnexpected(token, "a field, a value or a list");
  }

  #name({ text, at }: Token & { kind: "word" }): OperandSyntax {
    this.#next++;
    if (text === "true" || text === "false") return { kind: "literal", value: text === "true", at };
    if (text === "now") {
      const opening = this.#peek();
      if (!this.#takes("sign", "(") || !this.#takes("sign", ")"))
        this.#refuseUnexpected(opening, '"now()"');
      return { kind: "now", at };
    }
    if (text.includes(".") || fieldEndingIn(text) !== undefined)
      return { kind: "field", name: text, at };
    return refuseWord(text, at);
  }

  #listItems(): OperandSyntax[] {
    const items: OperandSyntax[] = [];
    if (this.#takes("sign", "]")) return items;
    do {
      const token = this.#peek();
      if (token.kind === "sign") this.#refuseUnexpected(token, "an item of the list");
      items.push(this.#operand());
    } while (this.#takes("sign", ","));
    const closing = this.#peek();
    if (!this.#takes("sign", "]")) this.#refuseUnexpected(closing, '"," or "]"');
    return items;
  }

  #takeOperator(): string | undefined {
    const token = this.#peek();
    if (token.kind !== "word" && token.kind !== "sign") return undefined;
    if (COMPARISON_OPERATORS.has(token.text)) {
      this.#next++;
      return token.text;
    }
    return undefined;
  }

  #deeper(inner: () => Syntax): Syntax {
    const { at } = this.#peek();
    if (++this.#depth > DEPTH_LIMIT) {
      const message = `parentheses and NOTs more than ${DEPTH_LIMIT} deep`;
      refuse("pack.logic_too_deep", message, { at, hint: "divide the rule into several bits" });
    }
    const syntax = inner();
    this.#depth--;
    return syntax;
  }

  #peek(): Token {
    return this.#tokens[this.#next] as Token;
  }

  #takes(kind: "word" | "sign", text: string): boolean {
    const token = this.#peek();
    const isThere = token.kind === kind && token.text === text;
    if (isThere) this.#next++;
    return isThere;
  }

  #refuseUnexpected(token: Token, expected: string): never {
    const { at } = token;
    if (token.kind === "end") {
      const message = `the rule ends where ${expected} is expected`;
      return refuse("pack.logic_unexpected_end", message, { at });
    }
    const isKnown = token.kind !== "word" || RESERVED_WORDS.includes(token.text);
    if (!isKnown && !token.text.includes(".")) return refuseWord(token.text, at);
    const found = token.kind === "word" || token.kind === "sign" ? token.text : String(token.value);
    const message = `${quoted(found)} where ${expected} is expected`;
    return refuse("pack.logic_unexpected", message, { at });
  }
}

const KNOWN_WORDS = [...RESERVED_WORDS, "true", "false", "now", ...FIELD_NAMES];

function refuseWord(word: string, at: number): never {
  const capital = word.toUpperCase();
  const near = RESERVED_WORDS.includes(capital) ? capital : nearest(word, KNOWN_WORDS);
  const hint = near === undefined ? "text needs quotes" : `did you mean ${near}?`;
  const message = `${quoted(word)} is no word of the language`;
  return refuse("pack.logic_unknown_word", message, { at, hint });
}

function refuse(
  code: LogicFaultCode,
  message: string,
  where: { readonly at: number; readonly hint?: string },
): never {
  throw new LogicRefused({ code, message, ...where });
}
