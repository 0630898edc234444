/**
 * A secret as a type that cannot be printed, serialised, compared or interpolated into a log by accident. Its value
 * comes out only through `reveal()`, so that every use can be found by searching for that word.
 */
import { timingSafeEqual } from "node:crypto";
import { inspect } from "node:util";

/** What stands wherever a secret would have been printed. */
const SECRET_TEXT = "[secret]";

export class Secret {
  // A true private field: not reachable by JSON.stringify, Object.entries, util.inspect or a structured log.
  readonly #bytes: Buffer;

  private constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Wraps a text; UTF-8. */
  static fromText(text: string): Secret {
    return new Secret(Buffer.from(text, "utf8"));
  }

  /** Wraps a copy of the bytes. */
  static fromBytes(bytes: Uint8Array): Secret {
    return new Secret(Buffer.from(bytes));
  }

  /** The value as text (UTF-8). */
  reveal(): string {
    return this.#bytes.toString("utf8");
  }

  /** A copy of the value's bytes. */
  revealBytes(): Buffer {
    return Buffer.from(this.#bytes);
  }

  /** Length in bytes: what a check of strength needs without revealing the value. */
  get byteLength(): number {
    return this.#bytes.length;
  }

  /** Compares in a time that depends on the lengths only. */
  equals(other: Secret): boolean {
    return this.#bytes.length === other.#bytes.length && timingSafeEqual(this.#bytes, other.#bytes);
  }

  toString(): string {
    return SECRET_TEXT;
  }

  toJSON(): string {
    return SECRET_TEXT;
  }

  [Symbol.toPrimitive](): string {
    return SECRET_TEXT;
  }

  get [Symbol.toStringTag](): string {
    return "Secret";
  }

  [inspect.custom](): string {
    return SECRET_TEXT;
  }
}
