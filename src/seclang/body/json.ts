/**
 * JSON and NDJSON bodies to fields, one per leaf, under names such as `json.items.0.sku`. It must never use JSON.parse
 * (duplicates vanish, numbers change, `__proto__` is special), never recurse, and never take a byte RFC 8259 does not.
 *
 * Choices: duplicates are all kept; numbers and true/false are their raw text; null and empty containers are fields with
 * an empty value (their range tells which); a scalar at the root is named `json`; a lone `\u` surrogate becomes its
 * three-byte form, since truncated emoji are common in chat traffic and the value must stay inspectable.
 */
import type { ByteString } from "../byte-string.ts";
import {
  endOfNumber,
  endOfPlainString,
  endOfString,
  skipSpace,
  unescapeString,
} from "./json-tokens.ts";
import { BodyFields, type BodyLimits, type ParsedBody } from "./parsed-body.ts";

const ROOT = "json";

interface Container {
  /** What the names of its members begin with: its own name and a dot. */
  readonly prefix: ByteString;
  /** Index of the element being read; -1 in an object. */
  index: number;
}

/** A line of NDJSON, or a whole text, or a text inside a string: where its names and its offsets begin. */
interface JsonOrigin {
  readonly root: ByteString;
  readonly base: number;
}

const LITERALS = ["true", "false", "null"] as const;

class JsonReader {
  readonly #text: ByteString;
  readonly #origin: JsonOrigin;
  readonly #out: BodyFields;
  readonly #stack: Container[] = [];
  #at = 0;
  #name: ByteString;

  constructor(text: ByteString, origin: JsonOrigin, out: BodyFields) {
    this.#text = text;
    this.#origin = origin;
    this.#out = out;
    this.#name = origin.root;
  }

  /** Reads exactly one JSON text; false after a fault. */
  read(): boolean {
    do {
      if (!this.#value()) return false;
      if (!this.#leaveOrNext()) return false;
    } while (this.#stack.length > 0);
    this.#at = skipSpace(this.#text, this.#at);
    return (
      this.#at === this.#text.length ||
      this.#out.fail("body.trailing", "data after the JSON text", this.#origin.base + this.#at)
    );
  }

  /** Reads a leaf or an empty container, or opens containers until one of these is found. */
  #value(): boolean {
    for (;;) {
      const at = skipSpace(this.#text, this.#at);
      this.#at = at;
      const code = this.#text.charCodeAt(at);
      if (code === 0x22) return this.#string(at + 1);
      if (code === 0x7b || code === 0x5b) {
        const closer = skipSpace(this.#text, at + 1);
        if (this.#stack.length >= this.#out.limits.depth) return this.#deep();
        // 0x7b + 2 is "}", 0x5b + 2 is "]".
        if (this.#text.charCodeAt(closer) === code + 2) return this.#leaf(at, closer + 1, "");
        this.#at = closer;
        if (!this.#open(code === 0x5b)) return false;
      } else if (code === 0x2d || (code >= 0x30 && code <= 0x39)) return this.#number(at);
      else return this.#literal(at);
    }
  }

  #deep(): false {
    const at = this.#origin.base + this.#at;
    return this.#out.fail("body.depth", "containers nested deeper than allowed", at);
  }

  #open(isArray: boolean): boolean {
    const prefix = `${this.#name}.`;
    this.#stack.push({ prefix, index: isArray ? 0 : -1 });
    if (!isArray) return this.#key(prefix);
    this.#name = `${prefix}0`;
    return true;
  }

  #key(prefix: ByteString): boolean {
    const quote = skipSpace(this.#text, this.#at);
    if (this.#text.charCodeAt(quote) !== 0x22) return this.#unexpected(quote, "a name expected");
    const plainEnd = endOfPlainString(this.#text, quote + 1);
    const end = plainEnd >= 0 ? plainEnd : endOfString(this.#text, quote + 1);
    if (end < 0) return this.#badString(~end);
    const raw = this.#text.slice(quote + 1, end);
    this.#name = prefix + (plainEnd >= 0 ? raw : unescapeString(raw));
    // Checked here too, because a name of containers only would otherwise grow with the depth.
    if (this.#name.length > this.#out.limits.nameBytes) {
      const at = this.#origin.base + quote;
      return this.#out.fail("body.name", "a name longer than allowed", at);
    }
    const colon = skipSpace(this.#text, end + 1);
    if (this.#text.charCodeAt(colon) !== 0x3a) return this.#unexpected(colon, "a colon expected");
    this.#at = colon + 1;
    return true;
  }

  #string(start: number): boolean {
    const plainEnd = endOfPlainString(this.#text, start);
    const end = plainEnd >= 0 ? plainEnd : endOfString(this.#text, start);
    if (end < 0) return this.#badString(~end);
    const raw = this.#text.slice(start, end);
    const isAdded = this.#leaf(start, end, plainEnd >= 0 ? raw : unescapeString(raw));
    this.#at = end + 1;
    return isAdded;
  }

  #number(start: number): boolean {
    const end = endOfNumber(this.#text, start);
    if (end < 0) return this.#unexpected(~end, "a digit expected");
    return this.#leaf(start, end, this.#text.slice(start, end));
  }

  #literal(start: number): boolean {
    const word = LITERALS.find((literal) => this.#text.startsWith(literal, start));
    if (word === undefined) return this.#unexpected(start, "a value expected");
    return this.#leaf(start, start + word.length, word === "null" ? "" : word);
  }

  #leaf(start: number, end: number, value: ByteString): boolean {
    this.#at = end;
    const { base } = this.#origin;
    return this.#out.add({ name: this.#name, value, start: base + start, end: base + end });
  }

  /** After a value: closes what closes here, then stands before the next value or at the end of the root. */
  #leaveOrNext(): boolean {
    for (;;) {
      const container = this.#stack.at(-1);
      if (container === undefined) return true;
      const isArray = container.index >= 0;
      const at = skipSpace(this.#text, this.#at);
      const code = this.#text.charCodeAt(at);
      this.#at = at + 1;
      if (code === 0x2c) return this.#next(container);
      if (code !== (isArray ? 0x5d : 0x7d)) {
        return this.#unexpected(at, "a comma or the end of the container expected");
      }
      this.#stack.pop();
    }
  }

  #next(container: Container): boolean {
    if (container.index < 0) return this.#key(container.prefix);
    container.index += 1;
    this.#name = container.prefix + container.index;
    return true;
  }

  #badString(at: number): false {
    const code = this.#text.charCodeAt(at);
    const offset = this.#origin.base + at;
    if (code < 0x20) return this.#out.fail("body.control", "a control byte in a string", offset);
    if (code >= 0x80) return this.#out.fail("body.encoding", "a string is not UTF-8", offset);
    return this.#unexpected(at, "a broken escape");
  }

  #unexpected(at: number, message: string): false {
    const offset = this.#origin.base + at;
    return at >= this.#text.length
      ? this.#out.fail("body.truncated", "the text ends too early", offset)
      : this.#out.fail("body.syntax", message, offset);
  }
}

/** Reads one JSON text; names begin with `json`. */
export function parseJson(body: ByteString, limits: Partial<BodyLimits> = {}): ParsedBody {
  return parseJsonAs(body, ROOT, limits);
}

/** Reads one JSON text whose names begin with `root`. */
export function parseJsonAs(
  body: ByteString,
  root: ByteString,
  limits: Partial<BodyLimits>,
): ParsedBody {
  const out = new BodyFields(limits);
  new JsonReader(body, { root, base: 0 }, out).read();
  return out.result();
}

/**
 * Reads one JSON text a line. Texts are numbered as if they were the elements of one array (`json.0.sku`); lines of white
 * space only are skipped and not numbered. A broken line ends the reading: a backend may stop or skip there.
 */
export function parseNdjson(body: ByteString, limits: Partial<BodyLimits> = {}): ParsedBody {
  const out = new BodyFields(limits);
  let texts = 0;
  for (let base = 0; base < body.length;) {
    const newline = body.indexOf("\n", base);
    const end = newline === -1 ? body.length : newline;
    const line = body.slice(base, end);
    if (skipSpace(line, 0) < line.length) {
      if (!new JsonReader(line, { root: `${ROOT}.${texts}`, base }, out).read()) break;
      texts += 1;
    }
    base = end + 1;
  }
  return out.result();
}
