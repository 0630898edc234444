/**
 * XML bodies to the two things rules ask for: all text as one value (`XML:/*`) and every attribute value (`XML://@*`). It
 * must never read a DTD or an entity declaration, never recurse, and never go on past markup it does not understand.
 *
 * Text joins without a gap, CDATA included, comments and processing instructions left out, as the XPath string value has
 * it. Namespace declarations count as attributes: a backend may show them.
 */
import type { ByteString } from "../byte-string.ts";
import { BodyFields, type BodyLimits, type ParsedBody } from "./parsed-body.ts";
import { firstInvalidUtf8 } from "./utf8.ts";
import { readXmlDeclaration } from "./xml-declaration.ts";
import { decodeReferences } from "./xml-references.ts";

/** Name of the field that holds all text. */
export const XML_TEXT = "/*";
/** Name of each field that holds an attribute value. */
export const XML_ATTRIBUTE = "//@*";

const NAME = /[A-Za-z_:\x80-\xff][\w:.\x80-\xff-]*/y;
const SPACE = /[ \t\r\n]*/y;
const BLANK = /^[ \t\r\n]*$/;
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\0-\x08\x0b\x0c\x0e-\x1f]/;

class XmlReader {
  readonly #body: ByteString;
  readonly #out: BodyFields;
  readonly #open: ByteString[] = [];
  #at = 0;
  #content = "";
  #rootStart = -1;

  constructor(body: ByteString, out: BodyFields) {
    this.#body = body;
    this.#out = out;
  }

  read(): void {
    this.#checkBytes();
    if (this.#declaration()) this.#markup();
    // Also after a fault: what was read is inspected. Attributes leave a place for it.
    if (this.#rootStart === -1) return;
    const [start, end] = [this.#rootStart, this.#at];
    this.#out.add({ name: XML_TEXT, value: this.#content, start, end });
  }

  /** Faults that concern single bytes; reading goes on, so that rules see as much as a lenient backend. */
  #checkBytes(): void {
    const invalid = firstInvalidUtf8(this.#body);
    if (invalid >= 0) this.#out.fail("body.encoding", "the body is not UTF-8", invalid);
    const control = this.#body.search(CONTROL);
    if (control >= 0) this.#out.fail("body.control", "a control byte", control);
  }

  #declaration(): boolean {
    // XML 1.0 appendix F: a UTF-8 byte order mark is no part of the document.
    if (this.#body.startsWith("\xef\xbb\xbf")) this.#at = 3;
    if (!/^<\?xml[ \t\r\n]/.test(this.#body.slice(this.#at, this.#at + 6))) return true;
    const declaration = readXmlDeclaration(this.#body, this.#at);
    if (declaration === undefined) return this.#syntax(this.#at, "a malformed XML declaration");
    if (!declaration.isUtf8) {
      return this.#out.fail("body.encoding", "an encoding other than UTF-8", this.#at);
    }
    this.#at += declaration.length;
    return true;
  }

  #markup(): boolean {
    while (this.#at < this.#body.length) {
      const isRead = this.#body[this.#at] === "<" ? this.#tag() : this.#text();
      if (!isRead) return false;
    }
    const isWhole = this.#rootStart >= 0 && this.#open.length === 0;
    return isWhole || this.#out.fail("body.truncated", "the document ends too early", this.#at);
  }

  #tag(): boolean {
    const starts = (prefix: string) => this.#body.startsWith(prefix, this.#at);
    if (starts("</")) return this.#endTag();
    if (starts("<?")) return this.#instruction();
    if (starts("<!--")) return this.#comment();
    if (starts("<![CDATA[")) return this.#cdata();
    if (starts("<!")) {
      return this.#out.fail("body.doctype", "a document type or declaration", this.#at);
    }
    return this.#startTag();
  }

  /** Offset behind the next `closer` at or behind `from`, or -1 after a fault. */
  #behind(closer: string, from: number): number {
    const at = this.#body.indexOf(closer, from);
    if (at >= 0) return at + closer.length;
    this.#out.fail("body.truncated", "markup without an end", this.#body.length);
    return -1;
  }

  #instruction(): boolean {
    const end = this.#behind("?>", this.#at + 2);
    if (end === -1) return false;
    const target = this.#match(NAME, this.#at + 2);
    if (target === "" || target.toLowerCase() === "xml") {
      return this.#syntax(this.#at, "a malformed processing instruction");
    }
    this.#at = end;
    return true;
  }

  #comment(): boolean {
    const end = this.#behind("--", this.#at + 4);
    if (end === -1) return false;
    if (this.#body[end] !== ">") return this.#syntax(end - 2, "two hyphens in a comment");
    this.#at = end + 1;
    return true;
  }

  #cdata(): boolean {
    const start = this.#at + "<![CDATA[".length;
    const end = this.#behind("]]>", start);
    if (end === -1) return false;
    if (this.#open.length === 0) return this.#outside(this.#at);
    return this.#append(this.#body.slice(start, end - 3), end);
  }

  #text(): boolean {
    const next = this.#body.indexOf("<", this.#at);
    const end = next === -1 ? this.#body.length : next;
    const raw = this.#body.slice(this.#at, end);
    if (this.#open.length === 0) {
      if (!BLANK.test(raw)) return this.#outside(this.#at);
      this.#at = end;
      return true;
    }
    const stray = raw.indexOf("]]>");
    if (stray >= 0) return this.#syntax(this.#at + stray, "the end of a CDATA section in text");
    const text = this.#decode(raw, this.#at);
    return this.#append(text ?? raw, end) && text !== undefined;
  }

  #append(text: ByteString, end: number): boolean {
    if (this.#content.length + text.length > this.#out.limits.valueBytes) {
      return this.#out.fail("body.value", "more text than allowed", this.#at);
    }
    this.#content += text;
    this.#at = end;
    return true;
  }

  #startTag(): boolean {
    const start = this.#at;
    const name = this.#match(NAME, start + 1);
    if (name === "") return this.#syntax(start + 1, "a tag name expected");
    if (this.#open.length === 0 && this.#rootStart >= 0) return this.#outside(start);
    if (this.#open.length >= this.#out.limits.depth) {
      return this.#out.fail("body.depth", "elements nested deeper than allowed", start);
    }
    if (name.length > this.#out.limits.nameBytes) {
      return this.#out.fail("body.name", "a name longer than allowed", start);
    }
    if (this.#rootStart === -1) this.#rootStart = start;
    this.#at = start + 1 + name.length;
    if (!this.#attributes()) return false;
    if (this.#body[this.#at] === "/") this.#at += 1;
    else this.#open.push(name);
    if (this.#body[this.#at] !== ">") return this.#syntax(this.#at, "the end of a tag expected");
    this.#at += 1;
    return true;
  }

  #attributes(): boolean {
    const names = new Set<ByteString>();
    for (;;) {
      const space = this.#match(SPACE, this.#at);
      this.#at += space.length;
      const byte = this.#body[this.#at];
      if (byte === ">" || byte === "/") return true;
      const name = this.#match(NAME, this.#at);
      if (space === "" || name === "" || names.has(name)) {
        return this.#syntax(this.#at, "a malformed or doubled attribute");
      }
      names.add(name);
      this.#at += name.length;
      if (!this.#attribute()) return false;
    }
  }

  #attribute(): boolean {
    const equals = this.#at + this.#match(SPACE, this.#at).length;
    if (this.#body[equals] !== "=") return this.#syntax(equals, "an equals sign expected");
    const quoteAt = equals + 1 + this.#match(SPACE, equals + 1).length;
    const quote = this.#body[quoteAt];
    if (quote !== '"' && quote !== "'") return this.#syntax(quoteAt, "a quote expected");
    const behind = this.#behind(quote, quoteAt + 1);
    if (behind === -1) return false;
    const [start, end] = [quoteAt + 1, behind - 1];
    const raw = this.#body.slice(start, end);
    const value = this.#decode(raw, start);
    if (this.#out.count >= this.#out.limits.fields - 1) {
      return this.#out.fail("body.fields", "more attributes than allowed", start);
    }
    this.#at = behind;
    if (!this.#out.add({ name: XML_ATTRIBUTE, value: value ?? raw, start, end })) return false;
    if (value === undefined) return false;
    return !raw.includes("<") || this.#syntax(start, "a tag inside an attribute");
  }

  #endTag(): boolean {
    const name = this.#match(NAME, this.#at + 2);
    const behind = this.#at + 2 + name.length;
    const end = behind + this.#match(SPACE, behind).length;
    if (name === "" || this.#open.at(-1) !== name || this.#body[end] !== ">") {
      return this.#syntax(end, "an end tag that does not fit");
    }
    this.#open.pop();
    this.#at = end + 1;
    return true;
  }

  /** Undefined after a fault; the caller then keeps the raw text, which a lenient backend may read. */
  #decode(raw: ByteString, start: number): ByteString | undefined {
    const decoded = decodeReferences(raw);
    if (typeof decoded === "string") return decoded;
    this.#out.fail(decoded.code, "a reference that is not predefined", start + decoded.at);
    return undefined;
  }

  #match(pattern: RegExp, at: number): ByteString {
    pattern.lastIndex = at;
    return pattern.exec(this.#body)?.[0] ?? "";
  }

  #outside(at: number): false {
    return this.#rootStart === -1
      ? this.#out.fail("body.syntax", "text before the root element", at)
      : this.#out.fail("body.trailing", "data after the root element", at);
  }

  #syntax(at: number, message: string): false {
    const isAtEnd = at >= this.#body.length;
    return this.#out.fail(isAtEnd ? "body.truncated" : "body.syntax", message, at);
  }
}

/** Reads one XML document: attribute values in order, then all text as the last field. */
export function parseXml(body: ByteString, limits: Partial<BodyLimits> = {}): ParsedBody {
  const out = new BodyFields(limits);
  new XmlReader(body, out).read();
  return out.result();
}
