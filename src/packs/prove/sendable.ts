/** Which texts a request can have where the gateway lets only some through: an example must not show what nobody can send. */
import type { FieldName } from "../fields.ts";

/** A canonical path: segments of plain characters (RFC 3986 section 3.3), none empty but the last, no dot segment. */
const PATH = /^(?=\/)(?:\/(?!\.\.?(?:[/;]|$))[A-Za-z0-9._~!$&'()*+,;=:@-]+)*\/?$/;
/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

export function isSendable(field: FieldName, text: string): boolean {
  if (field === "context.req.path") return PATH.test(text);
  return field !== "context.req.method" || TOKEN.test(text);
}
