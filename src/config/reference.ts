/** The reference of all settings as Markdown, made from the one schema; it never says what the schema does not. */
import type { z } from "zod";
import { toAnnotatedSchema, type JsonSchema } from "./json-schema.ts";

/** One setting. */
export interface Setting {
  /** `limits.rate`, `listeners[].bind`, `upstreams.<name>.targets`. */
  readonly path: string;
  readonly type: string;
  /** As it would be written; "required" when there is none and there must be a value. */
  readonly default: string;
  readonly description: string;
}

/** Every setting, in the order of the schema. */
export function settingsOf(schema: z.ZodType): Setting[] {
  return [...walk(toAnnotatedSchema(schema), { path: "", isRequired: true, prefix: "" })];
}

/** A Markdown table for each top-level key. */
export function renderReference(schema: z.ZodType, title: string): string {
  const sections = Map.groupBy(settingsOf(schema), ({ path }) => path.split(/[.[]/)[0] ?? "");
  const blocks = Array.from(sections, ([key, settings]) => {
    const rows = settings.map((setting) => {
      const cells = [`\`${setting.path}\``, setting.type, setting.default, setting.description];
      return `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
    });
    return [
      `## \`${key}\``,
      "",
      "| Key | Type | Default | Meaning |",
      "|---|---|---|---|",
      ...rows,
    ].join("\n");
  });
  return `${[`# ${title}`, ...blocks].join("\n\n")}\n`;
}

interface Place {
  readonly path: string;
  readonly isRequired: boolean;
  /** Which option of a union this is: "kind: redis". */
  readonly prefix: string;
}

function* walk(schema: JsonSchema, place: Place): Generator<Setting> {
  if (place.path !== "") yield toSetting(schema, place);
  yield* walkInside(schema, place);
}

function* walkInside(schema: JsonSchema, place: Place): Generator<Setting> {
  const { path, prefix } = place;
  const required = new Set(Array.isArray(schema["required"]) ? schema["required"] : []);
  for (const [key, field] of Object.entries(asSchema(schema["properties"]) ?? {})) {
    if (prefix !== "" && "const" in (asSchema(field) ?? {})) continue;
    const inner = path === "" ? key : `${path}.${key}`;
    yield* walk(asSchema(field) ?? {}, { path: inner, isRequired: required.has(key), prefix });
  }
  const named = asSchema(schema["additionalProperties"]);
  if (named) yield* walk(named, { path: `${path}.<name>`, isRequired: false, prefix });
  const item = asSchema(schema["items"]);
  // A list of plain values is told by its type; a list of mappings has keys to tell.
  if (item) yield* walkInside(item, { ...place, path: `${path}[]` });
  for (const option of optionsOf(schema))
    yield* walkInside(option, { ...place, prefix: labelOf(option) ?? prefix });
}

function toSetting(schema: JsonSchema, { path, isRequired, prefix }: Place): Setting {
  const description = typeof schema["description"] === "string" ? schema["description"] : "";
  const absent = isRequired ? "required" : "";
  return {
    path,
    type: typeOf(schema),
    default: "default" in schema ? `\`${JSON.stringify(schema["default"])}\`` : absent,
    description: prefix === "" ? description : `(${prefix}) ${description}`.trim(),
  };
}

function typeOf(schema: JsonSchema): string {
  if (typeof schema["unit"] === "string") return schema["unit"].replace(/^an? /, "");
  if ("const" in schema) return `\`${JSON.stringify(schema["const"])}\``;
  if (Array.isArray(schema["enum"]))
    return schema["enum"].map((value) => `\`${String(value)}\``).join(", ");
  if (typeof schema["$ref"] === "string") return "as above";
  const options = optionsOf(schema);
  if (options.length > 0)
    return [...new Set(options.map((option) => labelOf(option) ?? typeOf(option)))].join(" or ");
  switch (schema["type"]) {
    case "array":
      return `list of ${typeOf(asSchema(schema["items"]) ?? {})}`;
    case "object":
      return asSchema(schema["additionalProperties"]) ? "mapping by name" : "mapping";
    case "string":
      return "text";
    case "integer":
      return `whole number${boundsOf(schema)}`;
    case "number":
      return `number${boundsOf(schema)}`;
    case "boolean":
      return "`true`, `false`";
    default:
      return "any";
  }
}

function boundsOf({ minimum, maximum }: JsonSchema): string {
  const isBounded = (bound: unknown): bound is number =>
    typeof bound === "number" && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  if (isBounded(minimum) && isBounded(maximum)) return ` from ${minimum} to ${maximum}`;
  if (isBounded(minimum)) return ` from ${minimum}`;
  return isBounded(maximum) ? ` to ${maximum}` : "";
}

function optionsOf(schema: JsonSchema): JsonSchema[] {
  const options = schema["anyOf"] ?? schema["oneOf"];
  return Array.isArray(options) ? options.map((option) => asSchema(option) ?? {}) : [];
}

/** "kind: redis" for an option that a constant key tells apart. */
function labelOf(option: JsonSchema): string | undefined {
  for (const [key, field] of Object.entries(asSchema(option["properties"]) ?? {})) {
    const constant = asSchema(field)?.["const"];
    if (typeof constant === "string" || typeof constant === "boolean") return `${key}: ${constant}`;
  }
  return undefined;
}

function asSchema(value: unknown): JsonSchema | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as JsonSchema)
    : undefined;
}
