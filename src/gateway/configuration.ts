/**
 * Loads the gateway's configuration whole: files, variables and flags, then what the references name, then every check
 * that needs more than one setting. What comes out can be served; what cannot comes out as diagnostics, all at once.
 */
import type { Diagnostic } from "../config/diagnostic.ts";
import type { Environment, EnvironmentTable, FlagValue } from "../config/environment.ts";
import type { FileDigests } from "../config/file-digest.ts";
import { loadConfiguration, type Loaded } from "../config/load.ts";
import { resolveReferences, type ReferenceReader } from "../config/secrets/resolve.ts";
import { compileRoutes, type CompiledRoute } from "./compile-routes.ts";
import { ENVIRONMENT_TABLE } from "./environment-table.ts";
import { DEFAULT_ENVIRONMENT, rootSchema, type RootConfig } from "./schema.ts";
import type { ResolvedRules } from "../stages/waf/rule-files.ts";
import { findIdleSettings } from "./idle-settings.ts";
import { findUnsafeSettings } from "./unsafe-settings.ts";
import { findWafRules } from "./waf-rules.ts";

export interface ConfigurationSource {
  /** The configuration file. With `withoutFile` only its folder counts: relative references begin there. */
  readonly path: string;
  readonly env: Environment;
  readonly flags: readonly FlagValue[];
  /** A configuration that variables alone complete: no file is read. */
  readonly withoutFile?: SettingsWithoutFile | undefined;
}

export interface SettingsWithoutFile {
  /** What the variables are laid over, in the shape of the file. */
  readonly settings: object;
  /** The variables that count, in place of the gateway's own table. */
  readonly variables: EnvironmentTable;
}

export interface Configuration {
  readonly ok: true;
  readonly root: RootConfig;
  readonly routes: readonly CompiledRoute[];
  readonly reader: ReferenceReader;
  readonly loaded: Loaded<RootConfig>;
  /** The files of the firewall's rules, by the text of their source. */
  readonly wafRules: ResolvedRules["found"];
  readonly warnings: readonly Diagnostic[];
  /** The configuration files and all they refer to, with the digests of what was read: for the watch. */
  readonly files: FileDigests;
}

export interface BrokenConfiguration {
  readonly ok: false;
  readonly diagnostics: readonly Diagnostic[];
  readonly files: FileDigests;
}

export async function readConfiguration(
  source: ConfigurationSource,
): Promise<Configuration | BrokenConfiguration> {
  const loaded = await loadConfiguration({
    schema: rootSchema,
    path: source.path,
    settings: source.withoutFile?.settings,
    env: source.env,
    envTable: source.withoutFile?.variables ?? ENVIRONMENT_TABLE,
    flags: source.flags,
    environmentName: (raw) => environmentOf(source, raw),
  });
  if (!loaded.ok) return loaded;
  const root = loaded.value;
  const isProduction = root.environment === "production";
  const references = await resolveReferences(loaded, rootSchema, {
    env: source.env,
    exposedFiles: isProduction ? "refuse" : "warn",
  });
  const { routes, mistakes } = compileRoutes(root);
  const waf = await findWafRules(root, routes, loaded.directory);
  const crossed = [...mistakes, ...findIdleSettings(root, routes), ...waf.mistakes];
  const diagnostics = crossed.map(({ at, message, hint }) => loaded.diagnose(at, message, hint));
  if (!references.ok) diagnostics.push(...references.diagnostics);
  if (isProduction) {
    const unsafe = await findUnsafeSettings(root, references.ok ? references.reader : undefined);
    diagnostics.push(...unsafe.map(({ at, message, hint }) => loaded.diagnose(at, message, hint)));
  }
  const files = new Map([...loaded.files, ...references.files, ...waf.files]);
  if (diagnostics.length > 0 || !references.ok)
    return { ok: false, diagnostics: inReadingOrder(diagnostics), files };
  const warnings = [...loaded.warnings, ...references.warnings];
  const { reader } = references;
  return { ok: true, root, routes, reader, loaded, wafRules: waf.found, warnings, files };
}

/** File by file and line by line; what stands in no file comes last. */
function inReadingOrder(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const place = ({ file, line = 0, column = 0 }: Diagnostic) => ({
    file: file ?? "\u{ffff}",
    line,
    column,
  });
  return [...diagnostics].sort((left, right) => {
    const [a, b] = [place(left), place(right)];
    return a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1;
  });
}

/** The environment whose overlay counts, by the same precedence that the setting `environment` itself has. */
function environmentOf({ env, flags }: ConfigurationSource, raw: unknown): string {
  const flag = flags.find(({ path }) => path.length === 1 && path[0] === "environment");
  const inFile =
    typeof raw === "object" && raw !== null
      ? (raw as Record<string, unknown>)["environment"]
      : undefined;
  const name = flag?.value ?? env["ENVIRONMENT"] ?? inFile;
  return typeof name === "string" ? name : DEFAULT_ENVIRONMENT;
}
