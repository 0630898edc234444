/**
 * Cuts bytes into SQL tokens the way the databases do between them, starting in code or inside a quoted string; it must
 * never fail, and never read a byte more often than a fixed number of times.
 */
import { COMPARISONS, FUNCTIONS, mayMeanSomething, type SqlKind, WORDS } from "./sql-words.ts";

/** Where in a statement the value is taken to land, and whose comments hold there. */
export interface SqlContext {
  /** The quote the value stands in; empty for none. */
  readonly quote: "" | "'" | '"';
  readonly comments: "ansi" | "mysql";
}

const SINGLE_QUOTE = 0x27;
const DOUBLE_QUOTE = 0x22;
const BACK_QUOTE = 0x60;
const DOT = 0x2e;
const BACKSLASH = 0x5c;
const AT = 0x40;
const UNDERSCORE = 0x5f;
const DELETE = 0x7f;
const NO_BREAK_SPACE = 0xa0;

const NUMBER = /0x[\da-f]+|0b[01]+(?!\w)|(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|\\n(?!\w)/iuy;
const VARIABLE = /@{1,2}[\w$.]+/uy;
const OPERATOR = /\|\||&&|<=>|<>|<=|>=|!=|==|:=|\^=|!<|!>|<<|>>|[=<>!+\-*/%^~|&:]/uy;

/** Bytes that go on in a word. */
const IS_IN_WORD = Uint8Array.from({ length: 256 }, (_, code) =>
  /[\w$.\x80-\x9f\xa1-\xff]/u.test(String.fromCharCode(code)) ? 1 : 0,
);
/** Bytes that are an operator alone, and those that can follow in a longer one. */
const IS_OPERATOR = bytesIn("=<>!+-*/%^~|&:");
const IS_SECOND_OF_OPERATOR = bytesIn("=<>|&");
/** After digits: more of the same number may follow. */
const IS_AFTER_DIGITS = bytesIn(".eExXbB");

function bytesIn(text: string): Uint8Array {
  const table = new Uint8Array(256);
  for (let at = 0; at < text.length; at++) table[text.charCodeAt(at)] = 1;
  return table;
}

/** The `word` of a name in back quotes: one nobody writes by accident. */
export const TICKED = "`";

/** A comment of so few bytes ("-- -", "--+") says nothing. */
const LITTLE_COMMENT_LENGTH = 4;

/**
 * Call `next` until it gives undefined; `word` is the text of an operator, in lower case that of a word that may mean
 * something, or "".
 */
export class SqlTokenizer {
  word = "";
  /** Whether the last comment held next to nothing: it was there to cut, not to say something. */
  isLittleComment = false;
  readonly #text: string;
  readonly #comments: SqlContext["comments"];
  #at = 0;
  #openQuote: string;

  constructor(text: string, context: SqlContext) {
    this.#text = text;
    this.#comments = context.comments;
    this.#openQuote = context.quote;
  }

  next(): SqlKind | undefined {
    if (this.#openQuote !== "") {
      const quote = this.#openQuote;
      this.#openQuote = "";
      return this.#restOfString(quote);
    }
    const before = this.#at;
    this.#skipBlanks();
    if (this.#at >= this.#text.length) return undefined;
    this.word = "";
    // One look at the byte decides what can begin here: most values are prose, and prose is words.
    const code = this.#text.charCodeAt(this.#at);
    if (isWordStart(code)) return this.#prefixedString(code) ?? this.#wordToken();
    if (code === SINGLE_QUOTE || code === DOUBLE_QUOTE) return this.#string();
    if (code === BACK_QUOTE) return this.#tickedName();
    if (isDigit(code)) return this.#digits() ?? this.#plain(NUMBER, "1");
    if (code === DOT || code === BACKSLASH) return this.#plain(NUMBER, "1");
    if (code === AT) return this.#plain(VARIABLE, "v");
    return this.#comment(this.#at > before) ?? this.#operator();
  }

  #skipBlanks(): void {
    while (this.#at < this.#text.length && isBlank(this.#text.charCodeAt(this.#at))) this.#at++;
  }

  // Moves behind the pattern when it stands here.
  #matches(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.#text)) return false;
    this.#at = pattern.lastIndex;
    return true;
  }

  #plain(pattern: RegExp, kind: SqlKind): SqlKind {
    return this.#matches(pattern) ? kind : this.#text.charAt(this.#at++);
  }

  #comment(isAfterBlank: boolean): SqlKind | undefined {
    const first = this.#text[this.#at];
    const second = this.#text[this.#at + 1];
    if (first === "/" && second === "*") return this.#blockComment();
    const isDashes = first === "-" && second === "-" && this.#areDashesComment();
    const isHash =
      first === "#" &&
      this.#comments === "mysql" &&
      !(isAfterBlank && isDigit(this.#text.charCodeAt(this.#at + 1)));
    if (!isDashes && !isHash) return undefined;
    const start = this.#at;
    const close = this.#text.indexOf("\n", start);
    this.#at = close === -1 ? this.#text.length : close;
    this.isLittleComment = this.#at - start <= LITTLE_COMMENT_LENGTH;
    return "c";
  }

  // MySQL wants a blank after the dashes; all others take them as they are.
  #areDashesComment(): boolean {
    return this.#comments === "ansi" || !(this.#text.charCodeAt(this.#at + 2) > 0x20);
  }

  #blockComment(): SqlKind {
    const start = this.#at;
    const close = this.#text.indexOf("*/", start + 2);
    this.#at = close === -1 ? this.#text.length : close + 2;
    this.isLittleComment = close === -1;
    // MySQL runs what stands in such a comment; a banner ("/*! jquery") has a blank there.
    const isCode = this.#text[start + 2] === "!" && /\w/u.test(this.#text.charAt(start + 3));
    // To some databases the inner comment opens another level, to others none: nobody writes that but to use the difference.
    const inner = this.#text.indexOf("/*", start + 2);
    const isNested = inner !== -1 && inner <= close;
    return isCode || isNested ? "X" : "c";
  }

  // b'..', e'..', n'..' and x'..' are strings of one dialect or another.
  #prefixedString(code: number): SqlKind | undefined {
    if (this.#text.charCodeAt(this.#at + 1) !== SINGLE_QUOTE) return undefined;
    if (!"bexn".includes(String.fromCharCode(code | 0x20))) return undefined;
    this.#at++;
    return this.#string();
  }

  // A string left open counts: the statement behind the value closes it.
  #string(): SqlKind {
    const quote = this.#text.charAt(this.#at++);
    this.#restOfString(quote);
    return "s";
  }

  // Undefined ends the reading: a value that never leaves the quotes around it is no injection.
  #restOfString(quote: string): SqlKind | undefined {
    const text = this.#text;
    for (let at = text.indexOf(quote, this.#at); at !== -1; at = text.indexOf(quote, at + 1)) {
      if (this.#isEscaped(at)) continue;
      if (text[at + 1] !== quote) {
        this.#at = at + 1;
        return "s";
      }
      at++;
    }
    this.#at = text.length;
    return undefined;
  }

  #isEscaped(at: number): boolean {
    let slashes = 0;
    while (at - slashes > this.#at && this.#text[at - slashes - 1] === "\\") slashes++;
    return slashes % 2 === 1;
  }

  #tickedName(): SqlKind {
    const close = this.#text.indexOf("`", this.#at + 1);
    this.#at = close === -1 ? this.#text.length : close + 1;
    this.word = TICKED;
    return "n";
  }

  // Plain digits without a call; undefined when something follows that may belong to them.
  #digits(): SqlKind | undefined {
    let at = this.#at + 1;
    while (isDigit(this.#text.charCodeAt(at))) at++;
    if (IS_AFTER_DIGITS[this.#text.charCodeAt(at)] === 1) return undefined;
    this.#at = at;
    return "1";
  }

  // WHY the loop: a value may be nothing but words of one letter, and a pattern or a slice for each is dear.
  #wordToken(): SqlKind {
    const text = this.#text;
    const start = this.#at;
    let end = start + 1;
    let dot = -1;
    for (; IS_IN_WORD[text.charCodeAt(end)] === 1; end++)
      if (dot === -1 && text.charCodeAt(end) === DOT) dot = end;
    this.#at = end;
    if (this.#isBeforeParenthesis()) {
      const found = text.slice(start, end).toLowerCase();
      this.word = found;
      const known = FUNCTIONS.get(found);
      if (known !== undefined) return known;
    }
    const headEnd = dot === -1 ? end : dot;
    if (!mayMeanSomething(text.charCodeAt(start), headEnd - start)) return "n";
    const head = text.slice(start, headEnd).toLowerCase();
    const kind = WORDS.get(head);
    if (dot === -1) this.word = head;
    if (kind === undefined) return "n";
    // "or.1": a keyword ends at the dot, a name does not.
    this.word = head;
    this.#at = headEnd;
    return kind;
  }

  #isBeforeParenthesis(): boolean {
    return this.#text[this.#at] === "(" || this.#text.startsWith("/**/(", this.#at);
  }

  #operator(): SqlKind {
    const start = this.#at;
    const code = this.#text.charCodeAt(start);
    const byte = this.#text.charAt(start);
    this.#at = start + 1;
    if (IS_OPERATOR[code] !== 1) return byte;
    this.word = byte;
    if (IS_SECOND_OF_OPERATOR[this.#text.charCodeAt(start + 1)] !== 1) return "o";
    this.#at = start;
    this.#matches(OPERATOR);
    this.word = this.#text.slice(start, this.#at);
    return this.word === "||" || this.word === "&&" ? "&" : "o";
  }
}

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;

const isBlank = (code: number): boolean =>
  code <= 0x20 || code === DELETE || code === NO_BREAK_SPACE;

const isWordStart = (code: number): boolean => {
  const lower = code | 0x20;
  return (
    (lower >= 0x61 && lower <= 0x7a) ||
    code === UNDERSCORE ||
    (code > DELETE && code !== NO_BREAK_SPACE)
  );
};

/** Whether the operator gives true or false. */
export const isComparison = (operator: string): boolean => COMPARISONS.has(operator);
