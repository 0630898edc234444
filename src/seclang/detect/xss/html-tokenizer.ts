/**
 * Cuts bytes into HTML tokens as a lenient browser would, starting in text or inside an attribute value; it must never
 * need more than one pass and never fail: whatever is left open at the end still counts as a token.
 */

/** Where in a page the value is taken to land. */
export type HtmlContext = "text" | "unquoted" | "single" | "double" | "back";

type HtmlTokenKind = "end" | "text" | "tag" | "attribute" | "value" | "comment" | "doctype";

const TAB = 0x09;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const BANG = 0x21;
const PERCENT = 0x25;
const SLASH = 0x2f;
const EQUALS = 0x3d;
const GREATER = 0x3e;
const QUESTION = 0x3f;

const QUOTES: ReadonlyMap<HtmlContext, string> = new Map([
  ["single", "'"],
  ["double", '"'],
  ["back", "`"],
]);

// NUL and vertical tab separate attributes in old browsers only; a value that relies on it is no less an attack.
const isBlank = (byte: number): boolean =>
  byte === SPACE || (byte >= TAB && byte <= CARRIAGE_RETURN) || byte === 0;

const isLetter = (byte: number): boolean => (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;

/** Call `next` until it says "end"; `start` and `limit` bound the bytes of the token. */
export class HtmlTokenizer {
  start = 0;
  limit = 0;
  /** Whether the tag being read was opened inside the value itself. */
  isInOwnTag = false;
  readonly #text: string;
  #position = 0;
  #state: "text" | "attributes" | "beforeValue" | "quoted";
  #quote: string;

  constructor(text: string, context: HtmlContext) {
    this.#text = text;
    this.#quote = QUOTES.get(context) ?? "";
    if (this.#quote !== "") this.#state = "quoted";
    else this.#state = context === "text" ? "text" : "attributes";
  }

  next(): HtmlTokenKind {
    if (this.#state === "quoted") return this.#quotedValue();
    if (this.#state === "beforeValue") {
      const kind = this.#value();
      if (kind !== undefined) return kind;
    }
    if (this.#state === "attributes") {
      const kind = this.#attribute();
      if (kind !== undefined) return kind;
    }
    return this.#position >= this.#text.length ? "end" : this.#markupOrText();
  }

  #token(kind: HtmlTokenKind, start: number, limit: number): HtmlTokenKind {
    this.start = start;
    this.limit = limit;
    return kind;
  }

  #markupOrText(): HtmlTokenKind {
    const start = this.#position;
    const open = this.#text.indexOf("<", start);
    if (open === -1) {
      this.#position = this.#text.length;
      return this.#token("text", start, this.#position);
    }
    if (open > start) {
      this.#position = open;
      return this.#token("text", start, open);
    }
    return this.#markup(open);
  }

  #markup(open: number): HtmlTokenKind {
    const inside = open + 1;
    const byte = this.#text.charCodeAt(inside);
    if (isLetter(byte) || byte === 0) return this.#tag(inside);
    if (byte === BANG) return this.#declaration(inside + 1);
    if (byte === QUESTION) return this.#comment(inside + 1, ">");
    if (byte === PERCENT) return this.#comment(inside + 1, "%>");
    if (byte === SLASH) {
      const after = this.#text.charCodeAt(inside + 1);
      if (isLetter(after)) return this.#closingTag(inside + 1);
      return this.#comment(inside + 1, ">");
    }
    this.#position = inside;
    return this.#token("text", open, inside);
  }

  #tag(start: number): HtmlTokenKind {
    const limit = this.#endOfTagName(start);
    this.#position = limit;
    this.#state = "attributes";
    this.isInOwnTag = true;
    return this.#token("tag", start, limit);
  }

  // Browsers drop the attributes of a closing tag, but filters before us disagree on what closes a tag: read them.
  #closingTag(start: number): HtmlTokenKind {
    this.#tag(start);
    return "text";
  }

  #endOfTagName(start: number): number {
    let at = start;
    for (; at < this.#text.length; at++) {
      const byte = this.#text.charCodeAt(at);
      // A NUL belongs to the name: it hides "script" from whoever does not drop it, as some browsers did.
      if (byte === SLASH || byte === GREATER || (byte !== 0 && isBlank(byte))) break;
    }
    return at;
  }

  #declaration(start: number): HtmlTokenKind {
    if (this.#text.startsWith("--", start)) return this.#dashedComment(start + 2);
    const head = this.#text.slice(start, start + 7).toLowerCase();
    if (head === "doctype") {
      const close = this.#text.indexOf(">", start);
      this.#position = close === -1 ? this.#text.length : close + 1;
      return this.#token("doctype", start, this.#position);
    }
    // In HTML a CDATA section is none, so its content is live: only the opener is passed over.
    if (head === "[cdata[") {
      this.#position = start + 7;
      return this.#token("text", start, this.#position);
    }
    return this.#comment(start, ">");
  }

  #comment(start: number, closer: string): HtmlTokenKind {
    const close = this.#text.indexOf(closer, start);
    const limit = close === -1 ? this.#text.length : close;
    this.#position = close === -1 ? limit : close + closer.length;
    return this.#token("comment", start, limit);
  }

  // HTML Standard section 13.2.5.43 and following: ends at "-->", "--!>", and for an empty one at ">" or "->".
  #dashedComment(start: number): HtmlTokenKind {
    const text = this.#text;
    for (let at = text.indexOf(">", start); at !== -1; at = text.indexOf(">", at + 1)) {
      const size = at - start;
      const isEmpty = size === 0 || (size === 1 && text[start] === "-");
      const isClosed = size >= 2 && text.startsWith("--", at - 2);
      if (isEmpty || isClosed || (size >= 3 && text.startsWith("--!", at - 3))) {
        this.#position = at + 1;
        return this.#token("comment", start, at);
      }
    }
    this.#position = text.length;
    return this.#token("comment", start, text.length);
  }

  #attribute(): HtmlTokenKind | undefined {
    const text = this.#text;
    let at = this.#position;
    for (; at < text.length; at++) {
      const byte = text.charCodeAt(at);
      if (byte !== SLASH && !isBlank(byte)) break;
    }
    if (at >= text.length || text.charCodeAt(at) === GREATER) {
      this.#position = at + 1;
      this.#state = "text";
      this.isInOwnTag = false;
      return undefined;
    }
    return this.#attributeName(at);
  }

  #attributeName(start: number): HtmlTokenKind {
    const text = this.#text;
    // The first byte always belongs to the name, even "=": HTML Standard section 13.2.5.32.
    let limit = start + 1;
    for (; limit < text.length; limit++) {
      const byte = text.charCodeAt(limit);
      if (byte === EQUALS || byte === SLASH || byte === GREATER) break;
      if (byte !== 0 && isBlank(byte)) break;
    }
    const after = this.#skipBlanks(limit);
    const hasValue = text.charCodeAt(after) === EQUALS;
    this.#position = hasValue ? after + 1 : limit;
    if (hasValue) this.#state = "beforeValue";
    return this.#token("attribute", start, limit);
  }

  #value(): HtmlTokenKind | undefined {
    const start = this.#skipBlanks(this.#position);
    const first = this.#text[start];
    this.#position = start;
    if (first === '"' || first === "'" || first === "`") {
      this.#quote = first;
      this.#position = start + 1;
      return this.#quotedValue();
    }
    this.#state = "attributes";
    if (first === undefined || first === ">") return undefined;
    let limit = start;
    for (; limit < this.#text.length; limit++) {
      const byte = this.#text.charCodeAt(limit);
      if (byte === GREATER || (byte !== 0 && isBlank(byte))) break;
    }
    this.#position = limit;
    return this.#token("value", start, limit);
  }

  #quotedValue(): HtmlTokenKind {
    const start = this.#position;
    const close = this.#text.indexOf(this.#quote, start);
    const limit = close === -1 ? this.#text.length : close;
    this.#position = limit + 1;
    this.#state = "attributes";
    return this.#token("value", start, limit);
  }

  #skipBlanks(from: number): number {
    let at = from;
    while (at < this.#text.length && isBlank(this.#text.charCodeAt(at))) at++;
    return at;
  }
}
