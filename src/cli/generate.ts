/** `portcullis generate`: writes what is made from the code: JSON Schema, settings, variables and refusals. CI compares. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { renderEnvironmentTable } from "../config/environment.ts";
import { toJsonSchema } from "../config/json-schema.ts";
import { renderReference } from "../config/reference.ts";
import { ENVIRONMENT_TABLE } from "../gateway/environment-table.ts";
import { rootSchema } from "../gateway/schema.ts";
import { CATALOGUE, rejection, type RejectionCode } from "../pipeline/rejection.ts";
import { SCHEMA_OPTIONS } from "./schema.ts";

export function addGenerate(program: Command): void {
  program
    .command("generate", { hidden: true })
    .description("Write the generated reference.")
    .argument("[folder]", "where to", "docs/reference")
    .action((folder: string) => {
      mkdirSync(folder, { recursive: true });
      for (const [file, text] of Object.entries(generatedFiles()))
        writeFileSync(join(folder, file), text);
    });
}

/** Generated file names and their contents; deterministic. */
export function generatedFiles(): Record<string, string> {
  return {
    "portcullis.schema.json": `${JSON.stringify(toJsonSchema(rootSchema, SCHEMA_OPTIONS), null, 2)}\n`,
    "configuration.md": `${renderReference(rootSchema, "Configuration").trimEnd()}\n`,
    "environment.md": `# Environment variables\n\nThey go before the files and behind the flags.\n\n${renderEnvironmentTable(ENVIRONMENT_TABLE)}`,
    "refusals.md": renderRefusals(),
  };
}

function renderRefusals(): string {
  const rows = (Object.keys(CATALOGUE) as RejectionCode[]).map((code) => {
    const { status, family, reason, message } = rejection(code);
    return `| \`${code}\` | ${status} | \`${family}\` | ${reason === code ? "" : `\`${reason}\``} | ${message} |`;
  });
  return [
    "# Refusals",
    "",
    "Every no the gateway can say. `error.code` is the family, `error.details.reason` the code; where a reason would tell an",
    "attacker too much, callers are shown another one and the log has the real one.",
    "",
    "| code | status | family | shown to callers as | message |",
    "|---|--:|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}
