/** Configuration files in a folder of their own, for tests that read them as the gateway does; removed after each test. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { stringify } from "yaml";
import type { Diagnostic } from "../../src/config/diagnostic.ts";
import type { FlagValue } from "../../src/config/environment.ts";
import {
  readConfiguration,
  type BrokenConfiguration,
  type Configuration,
} from "../../src/gateway/configuration.ts";

/** File names and their text; anything but text is written as YAML. */
export type Files = Readonly<Record<string, unknown>>;

export interface ConfigurationFolder {
  readonly directory: string;
  /** `portcullis.yaml` in it. */
  readonly configPath: string;
  at(name: string): string;
  /** Writes a file, readable by its owner alone unless a mode is given. */
  write(name: string, content: unknown, mode?: number): void;
}

export function configurationFolder(files: Files): ConfigurationFolder {
  const directory = mkdtempSync(join(tmpdir(), "portcullis-files-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const at = (name: string): string => join(directory, name);
  const folder: ConfigurationFolder = {
    directory,
    configPath: at("portcullis.yaml"),
    at,
    write(name, content, mode = 0o600) {
      writeFileSync(at(name), typeof content === "string" ? content : stringify(content));
      chmodSync(at(name), mode);
    },
  };
  for (const [name, content] of Object.entries(files)) folder.write(name, content);
  return folder;
}

export interface Given {
  readonly env?: Readonly<Record<string, string>>;
  readonly flags?: readonly FlagValue[];
}

/** What the gateway makes of the folder's files, variables and flags. */
export function read(
  { configPath }: ConfigurationFolder,
  { env = {}, flags = [] }: Given = {},
): Promise<Configuration | BrokenConfiguration> {
  return readConfiguration({ path: configPath, env, flags });
}

export async function readSound(
  folder: ConfigurationFolder,
  given?: Given,
): Promise<Configuration> {
  const configuration = await read(folder, given);
  if (configuration.ok) return configuration;
  throw new Error(placesOf(folder, configuration.diagnostics).join("\n"));
}

/** The mistakes, each as "portcullis.yaml:3:7 path: message". Fails when there is none. */
export async function readMistakes(folder: ConfigurationFolder, given?: Given): Promise<string[]> {
  const configuration = await read(folder, given);
  if (configuration.ok) throw new Error("the configuration was taken");
  return placesOf(folder, configuration.diagnostics);
}

function placesOf(
  { directory }: ConfigurationFolder,
  diagnostics: readonly Diagnostic[],
): string[] {
  return diagnostics.map(
    ({ where, path, message }) => `${where.replace(`${directory}/`, "")} ${path}: ${message}`,
  );
}
