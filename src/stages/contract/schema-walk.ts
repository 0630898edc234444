/**
 * Visits every subschema of a JSON Schema 2020-12 document with its JSON pointer. It must never mistake data for schema:
 * what stands under `enum`, `const`, `default` or `examples` is not visited.
 */
import { escapeToken } from "./json-finding.ts";

export type SchemaObject = Readonly<Record<string, unknown>>;

export interface Subschema {
  readonly pointer: string;
  readonly schema: SchemaObject;
}

/** Keywords whose value is a schema, a list of schemas, or a map of names to schemas. */
const ONE = [
  "additionalProperties",
  "contains",
  "else",
  "if",
  "items",
  "not",
  "propertyNames",
  "then",
  "unevaluatedItems",
  "unevaluatedProperties",
];
const LIST = ["allOf", "anyOf", "oneOf", "prefixItems"];
const MAP = ["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"];

export function isSchemaObject(value: unknown): value is SchemaObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The direct subschemas of a schema. */
export function childrenOf({ pointer, schema }: Subschema): Subschema[] {
  const found: Subschema[] = [];
  const add = (at: string, value: unknown): void => {
    if (isSchemaObject(value)) found.push({ pointer: at, schema: value });
  };
  for (const keyword of ONE) add(`${pointer}/${keyword}`, schema[keyword]);
  for (const keyword of LIST) {
    const list = schema[keyword];
    if (!Array.isArray(list)) continue;
    for (const [index, item] of list.entries()) add(`${pointer}/${keyword}/${index}`, item);
  }
  for (const keyword of MAP) {
    const map = schema[keyword];
    if (!isSchemaObject(map)) continue;
    for (const [name, item] of Object.entries(map)) {
      add(`${pointer}/${keyword}/${escapeToken(name)}`, item);
    }
  }
  return found;
}

/** The schema itself and every subschema below it, outer before inner. */
export function* everySubschema(root: Subschema): Generator<Subschema> {
  const open = [root];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    yield next;
    open.push(...childrenOf(next).reverse());
  }
}
