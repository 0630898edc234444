/**
 * A small JSON object that means one thing to every reader: UTF-8 without a mark, no member twice, exactly the members
 * that are meant. Signatures are read with it; a reader that differs here would see another pack than was signed.
 */
import { isUtf8 } from "node:buffer";
import type { PackErrorCode } from "../pack-error.ts";
import { refusal } from "./refusal.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

const BYTE_ORDER_MARK = "\uFEFF";

/**
 * The object in the bytes. Its members must then be checked with `requireMembers`, and the whole with
 * `requireNothingTwice`.
 */
export function readObject(bytes: Uint8Array, limitBytes: number): JsonObject {
  requireSize(bytes, limitBytes);
  if (!isUtf8(bytes)) throw refusal("pack.not_utf8", "the signature is not UTF-8");
  const text = Buffer.from(bytes).toString("utf8");
  if (text.startsWith(BYTE_ORDER_MARK)) {
    throw refusal("pack.byte_order_mark", "the signature begins with a byte order mark");
  }
  if (/^\s*[^\s{]/.test(text)) {
    throw refusal(
      "pack.unsigned",
      "this is not a signature: it may be the pack itself, which nobody signed",
      "sign it with `portcullis pack sign`",
    );
  }
  return asObject(parse(text)) ?? notJson();
}

/** Throws a PackRefused, `pack.signature_too_large`. */
export function requireSize(bytes: Uint8Array, limitBytes: number): void {
  if (bytes.length <= limitBytes) return;
  throw refusal("pack.signature_too_large", `such a signature has at most ${limitBytes} bytes`);
}

/** The value, if it is an object. */
export function asObject(value: unknown): JsonObject | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : undefined;
}

/** Refuses members that are not meant, and misses those that are. */
export function requireMembers(
  object: JsonObject,
  required: readonly string[],
  optional: readonly string[] = [],
): void {
  const missing = required.find((name) => !Object.hasOwn(object, name));
  if (missing !== undefined) {
    throw refusal("pack.missing_member", `the signature has no member "${missing}"`);
  }
  const known = new Set([...required, ...optional]);
  if (!Object.keys(object).every((name) => known.has(name))) {
    throw refusal(
      "pack.unknown_member",
      `the signature has a member beside ${[...known].map((name) => `"${name}"`).join(", ")}`,
    );
  }
}

/**
 * Refuses a text in which a member stood twice: `JSON.parse` drops the first, whose strings are then missing. Only for
 * objects whose members were checked, so that nothing is nested deeply.
 */
export function requireNothingTwice(bytes: Uint8Array, object: JsonObject): void {
  const written = countStrings(Buffer.from(bytes).toString("utf8"));
  if (written !== countStrings(JSON.stringify(object))) {
    throw refusal("pack.duplicate_member", "the signature has a member twice");
  }
}

/** The text of a member, or the refusal `code`. */
export function textMember(object: JsonObject, name: string, code: PackErrorCode): string {
  const value = object[name];
  if (typeof value === "string") return value;
  throw refusal(code, `the member "${name}" of the signature is not a text`);
}

/** Names among them, plus one. Escapes are taken out, for they hold quotes that end nothing. */
function countStrings(json: string): number {
  return json.replaceAll(/\\./g, "").split('"').length;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return notJson();
  }
}

function notJson(): never {
  throw refusal("pack.signature_not_json", "the signature is not one whole JSON object");
}
