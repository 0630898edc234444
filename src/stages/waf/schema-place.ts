/**
 * Walks a JSON Schema along the names that the engine gives to the fields of a body (`json.items.0.sku`). It must never
 * take a place that the schema leaves open for one that it declares.
 */

export type SchemaObject = Readonly<Record<string, unknown>>;

/** What a schema says of one place in a body. */
export interface Place {
  /** Every subschema that speaks of it. */
  readonly schemas: readonly SchemaObject[];
  /** Whether something the schema says nothing about may stand there as well. */
  readonly isOpen: boolean;
}

/** Any member or element. */
export const ANY = "*";

/** References that lead to references: a schema may lead in circles, and each step is one. */
const FOLLOWED_LIMIT = 64;
const INDEX = /^\d{1,9}$/;

export const isSchemaObject = (value: unknown): value is SchemaObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export class SchemaPlaces {
  readonly #root: SchemaObject;

  constructor(root: SchemaObject) {
    this.#root = root;
  }

  get root(): Place {
    return { schemas: this.#expand([this.#root]), isOpen: false };
  }

  /** Names of members anywhere in the schema; those with dots in their parts. */
  names(): Set<string> {
    const names = new Set<string>();
    const open: unknown[] = [this.#root];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (Array.isArray(next)) open.push(...next);
      if (!isSchemaObject(next)) continue;
      const { properties } = next;
      if (isSchemaObject(properties))
        for (const name of Object.keys(properties))
          for (const part of name.split(".")) names.add(part);
      open.push(...Object.values(next));
    }
    return names;
  }

  /** One step down. Keys that hold dots are found too: then more than one part is used up. */
  below({ schemas, isOpen }: Place, parts: readonly string[]): { place: Place; used: number } {
    for (let used = 1; used <= parts.length; used++) {
      const key = parts.slice(0, used).join(".");
      const declared = schemas.flatMap((schema) => declaredBelow(schema, key));
      if (declared.length > 0) return { place: { schemas: this.#expand(declared), isOpen }, used };
    }
    const isAny = isOpen || schemas.some((schema) => isOpenFor(schema, parts[0] ?? ANY));
    const others = schemas.flatMap((schema) => othersBelow(schema));
    return { place: { schemas: this.#expand(others), isOpen: isAny }, used: 1 };
  }

  /** The schemas themselves and all that they are made of: references, alternatives and conditions. */
  #expand(schemas: readonly SchemaObject[]): SchemaObject[] {
    const seen = new Set<SchemaObject>();
    const open = [...schemas];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (seen.has(next) || seen.size > FOLLOWED_LIMIT) continue;
      seen.add(next);
      const target = this.#target(next["$ref"]);
      if (target) open.push(target);
      for (const keyword of ["allOf", "anyOf", "oneOf"]) {
        const list = next[keyword];
        if (Array.isArray(list)) open.push(...list.filter(isSchemaObject));
      }
      for (const keyword of ["then", "else"])
        if (isSchemaObject(next[keyword])) open.push(next[keyword]);
    }
    return [...seen];
  }

  /** `#` and `#/$defs/name`; anchors and other documents lead nowhere here, and leave the place undeclared. */
  #target(reference: unknown): SchemaObject | undefined {
    if (typeof reference !== "string" || !reference.startsWith("#")) return undefined;
    let at: unknown = this.#root;
    for (const token of reference.slice(1).split("/").slice(1)) {
      const name = decodeURIComponent(token).replaceAll("~1", "/").replaceAll("~0", "~");
      at = isSchemaObject(at) && Object.hasOwn(at, name) ? at[name] : undefined;
    }
    return isSchemaObject(at) ? at : undefined;
  }
}

function declaredBelow(schema: SchemaObject, key: string): SchemaObject[] {
  const found: unknown[] = [];
  const { properties, prefixItems, items } = schema;
  if (isSchemaObject(properties)) {
    if (key === ANY) found.push(...Object.values(properties));
    else if (Object.hasOwn(properties, key)) found.push(properties[key]);
  }
  if (key === ANY || INDEX.test(key)) {
    const tuple = Array.isArray(prefixItems) ? prefixItems : [];
    if (key === ANY) found.push(...tuple, items);
    else found.push(tuple[Number(key)] ?? items);
  }
  return found.filter(isSchemaObject);
}

/** Members that are declared by a pattern or as "all others". */
function othersBelow({ additionalProperties, patternProperties }: SchemaObject): SchemaObject[] {
  const byPattern = isSchemaObject(patternProperties) ? Object.values(patternProperties) : [];
  return [additionalProperties, ...byPattern].filter(isSchemaObject);
}

/** Whether the schema lets anything stand below it under this name. */
function isOpenFor(schema: SchemaObject, key: string): boolean {
  const { type, properties, items, additionalProperties, unevaluatedProperties } = schema;
  const types: readonly unknown[] =
    type === undefined ? guessed(schema) : Array.isArray(type) ? type : [type];
  const isObjectOpen =
    types.includes("object") &&
    additionalProperties !== false &&
    unevaluatedProperties !== false &&
    !isSchemaObject(additionalProperties) &&
    !(isSchemaObject(properties) && Object.hasOwn(properties, key));
  const isArrayOpen =
    types.includes("array") && (key === ANY || INDEX.test(key)) && (items ?? true) === true;
  return isObjectOpen || isArrayOpen;
}

const OBJECT_WORDS = ["properties", "required", "additionalProperties", "patternProperties"];
const ARRAY_WORDS = ["items", "prefixItems", "contains"];
/** Keywords that speak of no kind of value by themselves: a schema of these alone says nothing. */
const COMBINING = ["$ref", "allOf", "anyOf", "oneOf", "enum", "const"];

/** What a schema without `type` is about. One that only combines others is as open as those are. */
function guessed(schema: SchemaObject): readonly unknown[] {
  const has = (words: readonly string[]): boolean => words.some((word) => word in schema);
  const types: string[] = [];
  if (has(OBJECT_WORDS)) types.push("object");
  if (has(ARRAY_WORDS)) types.push("array");
  if (types.length === 0 && !has(COMBINING) && !isStringSchema(schema))
    types.push("object", "array");
  return types;
}

const isStringSchema = (schema: SchemaObject): boolean =>
  ["pattern", "format", "minLength", "maxLength"].some((word) => word in schema);
