/**
 * Splits `head; name=value; …` as lenient backends would and says where they would differ. It must never settle a doubt
 * silently: every spelling outside RFC 7231's grammar raises one of the marks.
 */
import type { ByteString } from "../byte-string.ts";

export interface HeaderParameter {
  /** In lower case. */
  readonly name: ByteString;
  /** Without quotes; `\"` and `\\` undone, other backslashes kept. */
  readonly value: ByteString;
  readonly quote: "" | '"' | "'";
  /** A backslash stood in the quoted value before a quote or another backslash. */
  readonly hasEscape: boolean;
  /** White space around the `=` or behind the value. */
  readonly hasSpace: boolean;
}

export interface HeaderParameters {
  /** What stands before the parameters, in lower case. */
  readonly head: ByteString;
  readonly parameters: readonly HeaderParameter[];
  readonly missingSemicolon: boolean;
  readonly invalidQuoting: boolean;
  /** White space around an `=`, an empty parameter or a name that is no token. */
  readonly isOdd: boolean;
  /** Reading stopped early: a parameter without `=` or a quote that never closes. */
  readonly isBroken: boolean;
}

interface Value {
  readonly value: ByteString;
  readonly end: number;
  readonly quote: "" | '"' | "'";
  readonly hasEscape: boolean;
  readonly isOpen: boolean;
}

const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/;

class ParameterReader {
  readonly #text: ByteString;
  #at = 0;
  readonly #parameters: HeaderParameter[] = [];
  #missingSemicolon = false;
  #invalidQuoting = false;
  #isOdd = false;
  #isBroken = false;

  constructor(text: ByteString) {
    this.#text = text;
  }

  read(): HeaderParameters {
    this.#skipSpace();
    const head = this.#until(/[; \t]/g).toLowerCase();
    this.#separator();
    while (this.#at < this.#text.length && !this.#isBroken) {
      if (this.#text[this.#at] === ";") this.#isOdd = true;
      else this.#parameter();
      this.#separator();
    }
    return {
      head,
      parameters: this.#parameters,
      missingSemicolon: this.#missingSemicolon,
      invalidQuoting: this.#invalidQuoting,
      isOdd: this.#isOdd,
      isBroken: this.#isBroken,
    };
  }

  #skipSpace(): boolean {
    const start = this.#at;
    while (this.#text[this.#at] === " " || this.#text[this.#at] === "\t") this.#at += 1;
    return this.#at > start;
  }

  #until(stop: RegExp): ByteString {
    const start = this.#at;
    stop.lastIndex = start;
    this.#at = stop.exec(this.#text)?.index ?? this.#text.length;
    return this.#text.slice(start, this.#at);
  }

  #separator(): void {
    this.#skipSpace();
    if (this.#at >= this.#text.length) return;
    if (this.#text[this.#at] !== ";") {
      this.#missingSemicolon = true;
      return;
    }
    this.#at += 1;
    this.#skipSpace();
  }

  #parameter(): void {
    const name = this.#until(/[=; \t]/g).toLowerCase();
    const hasSpaceBefore = this.#skipSpace();
    if (this.#text[this.#at] !== "=") {
      this.#isBroken = true;
      return;
    }
    this.#at += 1;
    const hasSpaceAtEquals = this.#skipSpace() || hasSpaceBefore;
    const { value, end, quote, hasEscape, isOpen } = this.#value(name);
    this.#at = end;
    if (isOpen) this.#isBroken = true;
    if (hasSpaceAtEquals || !TOKEN.test(name)) this.#isOdd = true;
    const hasSpace = this.#skipSpace() || hasSpaceAtEquals;
    this.#parameters.push({ name, value, quote, hasEscape, hasSpace });
  }

  #value(name: ByteString): Value {
    const quote = this.#text[this.#at];
    if (quote === '"' || quote === "'") {
      const value = this.#quoted(quote);
      if (quote === "'" || value.isOpen) this.#invalidQuoting = true;
      return value;
    }
    const value = this.#until(/[; \t]/g);
    // RFC 8187: an extended value (`filename*=UTF-8''x`) holds single quotes by its grammar.
    if (value.includes('"') || (value.includes("'") && !name.endsWith("*"))) {
      this.#invalidQuoting = true;
    }
    return { value, end: this.#at, quote: "", hasEscape: false, isOpen: false };
  }

  #quoted(quote: '"' | "'"): Value {
    let value = "";
    let hasEscape = false;
    for (let at = this.#at + 1; at < this.#text.length; at += 1) {
      const byte = this.#text[at] ?? "";
      if (byte === quote) return { value, end: at + 1, quote, hasEscape, isOpen: false };
      const next = this.#text[at + 1];
      if (byte === "\\" && (next === quote || next === "\\")) {
        hasEscape = true;
        value += next;
        at += 1;
      } else value += byte;
    }
    return { value, end: this.#text.length, quote, hasEscape, isOpen: true };
  }
}

/** Reads the value of a Content-Type or Content-Disposition header. */
export function parseHeaderParameters(text: ByteString): HeaderParameters {
  return new ParameterReader(text).read();
}
