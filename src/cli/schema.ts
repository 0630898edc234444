/** `portcullis schema`: the JSON Schema of the configuration, for editors. */
import type { Command } from "commander";
import { toJsonSchema } from "../config/json-schema.ts";
import { rootSchema } from "../gateway/schema.ts";

export const SCHEMA_OPTIONS = {
  title: "Portcullis configuration",
  id: "https://portcullis.dev/schemas/portcullis.json",
};

export function addSchema(program: Command): void {
  program
    .command("schema")
    .description("Print the JSON Schema of the configuration.")
    .action(() => console.log(JSON.stringify(toJsonSchema(rootSchema, SCHEMA_OPTIONS), null, 2)));
}
