/** Objects on their way into the log: secrets out by name and by look, bounded in depth and width, never followed in circles. */
import { isSecretField, redact } from "./redaction.ts";

/** Bounds of one object in the log: what lies deeper or behind is replaced by a note. */
const DEPTH_LIMIT = 6;
const MEMBERS_LIMIT = 100;
const NAME_LIMIT_CHARS = 128;

/** A copy fit for JSON: secret fields replaced, all text redacted, bounded in depth and width, free of cycles. */
export function redactFields(fields: object): Record<string, unknown> {
  return redactMembers(Object.entries(fields), 0);
}

function redactMembers(
  members: readonly (readonly [string, unknown])[],
  depth: number,
): Record<string, unknown> {
  // No prototype: a field named `__proto__` is a field.
  const result = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of members.slice(0, MEMBERS_LIMIT)) {
    const isSecret = isSecretField(name) && value !== undefined && value !== null;
    result[redact(name).slice(0, NAME_LIMIT_CHARS)] = isSecret ? "[secret]" : scrub(value, depth);
  }
  if (members.length > MEMBERS_LIMIT) result["cut"] = members.length - MEMBERS_LIMIT;
  return result;
}

function scrub(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case "string":
      return redact(value);
    case "number":
    case "boolean":
    case "undefined":
      return value;
    case "object":
      return value === null ? null : scrubObject(value, depth + 1);
    case "bigint":
      return String(value);
    case "symbol":
    case "function":
      return `[${typeof value}]`;
  }
}

function scrubObject(value: object, depth: number): unknown {
  if (depth > DEPTH_LIMIT) return "[too deep]";
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer)
    return `[${value.byteLength} bytes]`;
  if (value instanceof Error) return scrubError(value, depth);
  if (Array.isArray(value))
    return value.slice(0, MEMBERS_LIMIT).map((item: unknown) => scrub(item, depth));
  // Dates, URLs and secrets know how they want to be seen.
  if ("toJSON" in value && typeof value.toJSON === "function")
    return scrub((value as { toJSON(): unknown }).toJSON(), depth);
  if (value instanceof Map) return redactMembers(textKeys([...value]), depth);
  if (value instanceof Set) return scrub([...value], depth);
  return redactMembers(Object.entries(value), depth);
}

const textKeys = (entries: readonly (readonly [unknown, unknown])[]): [string, unknown][] =>
  entries.map(([key, value]) => [String(key), value]);

function scrubError(error: Error, depth: number): Record<string, unknown> {
  return redactMembers(
    [
      ["type", error.name],
      ["message", error.message],
      ["code", (error as { code?: unknown }).code],
      ["stack", error.stack],
      ["cause", error.cause],
    ],
    depth,
  );
}
