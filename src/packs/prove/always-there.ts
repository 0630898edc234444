/** What every request has. A proof that left it out would show requests that nobody can make. */
import type { FieldValues } from "../fields.ts";
import type { NumberName } from "./comparison.ts";

/** What stands in an example or a case for the fields that every request has, where nothing is said of them. */
export const ORDINARY_REQUEST: FieldValues = Object.freeze({
  "context.req.path": "/",
  "context.req.method": "GET",
  "system.panic_mode": false,
});

export function isAlwaysThere(name: NumberName): boolean {
  return name === "now()" || ORDINARY_REQUEST[name] !== undefined;
}
