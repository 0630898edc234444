/**
 * Asks a zod schema about its shape: which keys may stand at a path, what is described there, what may be secret. It
 * reads schemas only; it never validates.
 */
import type { z } from "zod";
import type { ConfigPath } from "./diagnostic.ts";
import { printUnit } from "./unit.ts";

type AnySchema = z.core.$ZodType;

const WRAPPERS = new Set([
  "optional",
  "nullable",
  "default",
  "prefault",
  "nonoptional",
  "readonly",
  "catch",
  "success",
  "promise",
]);

/** The schemas that an input may meet there: wrappers removed, unions as all their options. */
export function unwrap(schema: AnySchema): AnySchema[] {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (WRAPPERS.has(def.type))
    return unwrap((def as { innerType: AnySchema } & typeof def).innerType);
  if (def.type === "union") return def.options.flatMap((option) => unwrap(option));
  if (def.type === "intersection") return [...unwrap(def.left), ...unwrap(def.right)];
  if (def.type === "lazy") return unwrap(def.getter());
  if (def.type !== "pipe") return [schema];
  // A preprocess step takes anything: its shape is that of what follows.
  const isPreprocess = (def.in as z.core.$ZodTypes)._zod.def.type === "transform";
  return unwrap(isPreprocess ? def.out : def.in);
}

/** The schemas of the value under `part`, before unwrapping. */
export function childrenAt(schema: AnySchema, part: string | number): AnySchema[] {
  return unwrap(schema).flatMap((each) => {
    const child = childOf((each as z.core.$ZodTypes)._zod.def, part);
    return child ? [child] : [];
  });
}

function childOf(
  def: z.core.$ZodTypes["_zod"]["def"],
  part: string | number,
): AnySchema | null | undefined {
  if (def.type === "object")
    return Object.hasOwn(def.shape, part) ? def.shape[String(part)] : def.catchall;
  if (def.type === "record") return def.valueType;
  if (def.type === "array") return def.element;
  return def.type === "tuple" ? (def.items[Number(part)] ?? def.rest) : undefined;
}

/** The schemas at a path; several below a union, none when the path leads out of the schema. */
export function schemasAt(schema: AnySchema, path: ConfigPath): AnySchema[] {
  return path.reduce<AnySchema[]>(
    (current, part) => current.flatMap((each) => childrenAt(each, part)),
    [schema],
  );
}

/** The keys that the schema names at a path. */
export function keysAt(schema: AnySchema, path: ConfigPath): string[] {
  const keys = schemasAt(schema, path)
    .flatMap(unwrap)
    .flatMap((each) => {
      const { def } = (each as z.core.$ZodTypes)._zod;
      return def.type === "object" ? Object.keys(def.shape) : [];
    });
  return [...new Set(keys)];
}

/** The metadata of a schema: its own, else that of what it wraps. */
export function metaOf(schema: AnySchema): Readonly<Record<string, unknown>> {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  const own = (schema as z.ZodType).meta?.() ?? {};
  if (WRAPPERS.has(def.type))
    return { ...metaOf((def as { innerType: AnySchema } & typeof def).innerType), ...own };
  return own;
}

/** Whether a value at this path may be a secret written in the wrong place, so that it must not be shown. */
export function isSensitiveAt(schema: AnySchema, path: ConfigPath): boolean {
  return schemasAt(schema, path).some((each) => isSensitive(each));
}

function isSensitive(schema: AnySchema): boolean {
  if (metaOf(schema)["isSensitive"] === true) return true;
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (WRAPPERS.has(def.type))
    return isSensitive((def as { innerType: AnySchema } & typeof def).innerType);
  return def.type === "union" && def.options.some((option) => isSensitive(option));
}

/**
 * The default as an operator would write it; undefined when there is none or it cannot be written. A `default` stands
 * behind the parsing of a unit and is printed back; a `prefault` stands before it.
 */
export function inputDefaultOf(schema: AnySchema): { readonly value: unknown } | undefined {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === "prefault") return { value: def.defaultValue };
  if (def.type === "default") {
    const value = toInput(def.innerType, def.defaultValue);
    return isPlain(value) ? { value } : undefined;
  }
  if (def.type === "pipe") return inputDefaultOf(def.in);
  const isTransparent =
    def.type === "optional" || def.type === "nullable" || def.type === "readonly";
  return isTransparent ? inputDefaultOf(def.innerType) : undefined;
}

/** A parsed value as it would be written: quantities at any depth as text. */
function toInput(schema: AnySchema, value: unknown): unknown {
  const { unit } = metaOf(schema);
  if (typeof unit === "string") return printUnit(unit, value);
  const partOf = (item: unknown, part: string | number): unknown => {
    const [child] = childrenAt(schema, part);
    return child ? toInput(child, item) : item;
  };
  if (Array.isArray(value)) return value.map(partOf);
  if (typeof value !== "object" || value === null || !isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, partOf(item, key)]));
}

function isPlain(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return typeof value !== "function";
  if (Array.isArray(value)) return value.every(isPlain);
  return Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every(isPlain);
}
