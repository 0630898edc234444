/**
 * JSON Schema 2020-12 of what an operator writes, for editors, made from the one zod schema. It describes; the loader
 * alone decides.
 */
import { z } from "zod";
import { inputDefaultOf, metaOf } from "./schema-walk.ts";

/** A JSON Schema object. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

export interface JsonSchemaOptions {
  readonly title: string;
  /** The `$id`; left out when undefined. */
  readonly id?: string;
}

/** The schema of the input: quantities as text with pattern and examples, defaults as they would be written. */
export function toJsonSchema(schema: z.ZodType, { title, id }: JsonSchemaOptions): JsonSchema {
  const { $schema, ...rest } = convert(schema, { keepsUnits: false });
  return { $schema, ...(id === undefined ? {} : { $id: id }), title, ...rest };
}

/** The same with the keyword `unit` on every quantity, for documents. */
export function toAnnotatedSchema(schema: z.ZodType): JsonSchema {
  return convert(schema, { keepsUnits: true });
}

function convert(schema: z.ZodType, { keepsUnits }: { keepsUnits: boolean }): JsonSchema {
  return z.toJSONSchema(schema, {
    target: "draft-2020-12",
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      // Zod leaves out defaults and examples of whatever is transformed, because it knows no way back; units do.
      const { examples } = metaOf(zodSchema);
      if (Array.isArray(examples)) jsonSchema.examples = examples;
      const found = inputDefaultOf(zodSchema);
      if (found) jsonSchema.default = found.value;
      else delete jsonSchema.default;
      delete jsonSchema["isSensitive"];
      if (!keepsUnits) delete jsonSchema["unit"];
    },
  });
}
