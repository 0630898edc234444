/** `portcullis config effective | routes`: what the gateway would go by, and where each value comes from. */
import type { Command } from "commander";
import { renderDiagnostics } from "../config/diagnostic.ts";
import { effectiveValues, renderEffective } from "../config/effective.ts";
import { readConfiguration, type Configuration } from "../gateway/configuration.ts";
import { rootSchema } from "../gateway/schema.ts";
import { sourceOf, withSource, type SourceOptions } from "./source.ts";

export function addConfig(program: Command): void {
  const config = program
    .command("config")
    .description("Show the configuration as the gateway sees it.");
  withSource(
    config.command("effective").description("Every value with its origin; secrets never."),
  ).action(async (options: SourceOptions) => {
    const configuration = await readOrExit(options);
    if (configuration)
      console.log(renderEffective(effectiveValues(rootSchema, configuration.loaded.origins)));
  });
  withSource(config.command("routes").description("The route table.")).action(
    async (options: SourceOptions) => {
      const configuration = await readOrExit(options);
      if (configuration) console.log(renderRoutes(configuration));
    },
  );
}

async function readOrExit(options: SourceOptions): Promise<Configuration | undefined> {
  const configuration = await readConfiguration(sourceOf(options));
  if (configuration.ok) return configuration;
  console.error(renderDiagnostics(configuration.diagnostics, { color: process.stderr.isTTY }));
  process.exitCode = 1;
  return undefined;
}

function renderRoutes({ routes }: Configuration): string {
  const rows = [
    ["METHODS", "PATH", "ROUTE", "UPSTREAM", "IDENTITY", "SCOPES", "STATUS"],
    ...routes.map(({ route, settings }) => [
      route.methods.join(","),
      route.template,
      route.id,
      route.upstream ?? "",
      settings.identity,
      settings.scopes.join(" ") || "-",
      settings.status,
    ]),
  ];
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
