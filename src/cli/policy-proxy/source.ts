/**
 * A configuration made of the policy proxy's variables: to be served, judged or shown. Judging changes nothing on disk.
 */
import { existsSync } from "node:fs";
import { stringify } from "yaml";
import { renderDiagnostics, toDiagnostic, type Diagnostic } from "../../config/diagnostic.ts";
import type { Environment } from "../../config/environment.ts";
import { loadConfiguration } from "../../config/load.ts";
import { valueOf } from "../../config/source-node.ts";
import { readConfiguration, type ConfigurationSource } from "../../gateway/configuration.ts";
import { rootSchema } from "../../gateway/schema.ts";
import { ownKeyPath } from "./key.ts";
import { POLICY_PROXY_SETTINGS } from "./settings.ts";
import type { PolicyVariable } from "./variable.ts";
import { POLICY_VARIABLES } from "./variables.ts";

export function policyProxySource(env: Environment): ConfigurationSource {
  const variables = { rows: POLICY_VARIABLES };
  return {
    // There is no file; paths in variables are relative to where the process was started.
    path: "policy-proxy",
    env,
    flags: [],
    withoutFile: { settings: POLICY_PROXY_SETTINGS, variables },
  };
}

/** Everything that keeps these variables from being served, the missing ones first. Changes nothing on disk. */
export async function problemsOf(env: Environment): Promise<Diagnostic[]> {
  const missing = POLICY_VARIABLES.filter((one) => isNeeded(one) && env[one.name] === undefined);
  const first = await judge(env, new Set(missing.map(({ name }) => name)));
  const wrong = new Set(first.flatMap(({ where }) => WHERE.exec(where)?.[1] ?? []));
  // What needs several settings to be seen, and files, are looked at only where each setting is right by itself.
  const second = await judge(env, new Set([...missing.map(({ name }) => name), ...wrong]));
  const isNew = ({ where, path, message }: Diagnostic): boolean =>
    path !== "" && !first.some((one) => one.where === where && one.message === message);
  return [...missing.map(absence), ...first, ...second.filter(isNew)];
}

/** As a diagnostic names a variable. */
const WHERE = /^environment variable (\w+)$/;

const isNeeded = ({ otherwise }: PolicyVariable): boolean => otherwise === undefined;

/**
 * What is said of the others when some variables are left out. Where one cannot be, its example stands in, so that the
 * rest can be judged in the same go; nothing is ever served on it.
 */
async function judge(env: Environment, leftOut: ReadonlySet<string>): Promise<Diagnostic[]> {
  const standIns = POLICY_VARIABLES.filter(({ name }) => leftOut.has(name)).map((one) => [
    one.name,
    isNeeded(one) ? (one.standIn?.() ?? one.example) : undefined,
  ]);
  const judged = await readConfiguration(
    policyProxySource({ ...env, ...Object.fromEntries(standIns) }),
  );
  if (judged.ok) return [];
  const willMakeKey = env["LEDGER_SIGNING_KEY"] === undefined && !hasOwnKey(env["LEDGER_PATH"]);
  return judged.diagnostics.filter(
    ({ where, path }) =>
      !leftOut.has(WHERE.exec(where)?.[1] ?? "") && !(willMakeKey && path === "ledger.signingKey"),
  );
}

const hasOwnKey = (ledgerDirectory: string | undefined): boolean =>
  ledgerDirectory !== undefined && existsSync(ownKeyPath(ledgerDirectory));

const absence = ({ name, description, example }: PolicyVariable): Diagnostic =>
  toDiagnostic({
    origin: { kind: "environment", name },
    path: [],
    message: "not set",
    hint: `${description} For example ${name}=${example}`,
  });

/** The configuration that they make, as a file would say it. Secrets are not in it: only where each is. Throws for what is wrong. */
export async function printVariables(env: Environment): Promise<string> {
  const { path, withoutFile } = policyProxySource(env);
  const loaded = await loadConfiguration({
    schema: rootSchema,
    path,
    settings: withoutFile?.settings,
    env,
    envTable: { rows: POLICY_VARIABLES },
  });
  if (!loaded.ok) throw new Error(renderDiagnostics(loaded.diagnostics));
  return HEADING + stringify(valueOf(loaded.origins.root), { aliasDuplicateObjects: false });
}

const HEADING =
  "# What `portcullis policy-proxy` goes by with these variables. `portcullis run --config` takes it as a file.\n";
