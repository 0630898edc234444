/** The options that every command which reads a configuration has, and what they stand for. */
import type { Command } from "commander";
import type { FlagValue } from "../config/environment.ts";
import type { ConfigurationSource } from "../gateway/configuration.ts";

export interface SourceOptions {
  readonly config: string;
  readonly environment?: string;
  readonly logLevel?: string;
}

/** Adds `--config`, and a flag for each setting that is worth one. */
export function withSource(command: Command): Command {
  return command
    .option("-c, --config <file>", "the configuration file", "portcullis.yaml")
    .option(
      "--environment <name>",
      "development, staging or production; wins over the file and ENVIRONMENT",
    )
    .option("--log-level <level>", "least severe log lines; wins over the file and LOG_LEVEL");
}

export function sourceOf(options: SourceOptions): ConfigurationSource {
  const flags: FlagValue[] = [];
  if (options.environment !== undefined) {
    flags.push({ name: "--environment", path: ["environment"], value: options.environment });
  }
  if (options.logLevel !== undefined) {
    flags.push({
      name: "--log-level",
      path: ["telemetry", "log", "level"],
      value: options.logLevel,
    });
  }
  return { path: options.config, env: process.env, flags };
}
