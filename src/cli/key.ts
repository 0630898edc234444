/** `portcullis key create | list | revoke | rotate`: API keys of this machine or of all replicas, also while gateways run. */
import { resolve } from "node:path";
import { InvalidArgumentError, type Command } from "commander";
import { renderDiagnostics } from "../config/diagnostic.ts";
import { parseDuration } from "../config/quantities.ts";
import { UnitError } from "../config/unit.ts";
import { readConfiguration } from "../gateway/configuration.ts";
import { SYSTEM_CLOCK } from "../pipeline/stage.ts";
import type { IssuedKey, KeyStore, ListedKey } from "../stores/keys/key-store.ts";
import { EXIT_UNKNOWN } from "./ledger/exit.ts";
import { openKeyFile, openSharedKeys, type OpenedKeys } from "./open-keys.ts";
import { sourceOf, withSource, type SourceOptions } from "./source.ts";

interface StoreOptions extends SourceOptions {
  readonly store?: string;
  readonly json?: boolean;
}

interface CreateOptions extends StoreOptions {
  readonly owner: string;
  readonly tenant?: string;
  readonly scope?: string[];
  readonly permission?: string[];
  readonly group?: string[];
  readonly role?: string[];
  readonly tier?: string;
  readonly address?: string[];
  readonly expiresIn?: number;
}

interface RotateOptions extends StoreOptions {
  readonly grace?: number;
  readonly expiresIn?: number;
}

export function addKey(program: Command): void {
  const key = program.command("key").description("Manage API keys.");
  withStore(key.command("create <name>").description("Make a key; its text is shown once."))
    .requiredOption("--owner <caller>", "the caller it stands for, as grants name it")
    .option("--tenant <tenant>", "tenant of the caller")
    .option("--scope <scope...>", "scopes")
    .option("--permission <permission...>", "permissions")
    .option("--group <group...>", "groups")
    .option("--role <role...>", "roles")
    .option("--tier <tier>", "limits tier")
    .option("--address <network...>", "networks it may be used from; default anywhere")
    .option("--expires-in <duration>", "lifetime, such as 90d", durationArgument)
    .action(create);
  withStore(key.command("list").description("List keys; never their text.")).action(list);
  withStore(key.command("revoke <id>").description("End a key for good.")).action(revoke);
  withStore(
    key
      .command("rotate <id>")
      .description("A new secret with the same rights; the old one ends after a grace."),
  )
    .option(
      "--grace <duration>",
      "how long the old secret still works, such as 1d",
      durationArgument,
    )
    .option("--expires-in <duration>", "lifetime of the new key", durationArgument)
    .action(rotate);
}

function withStore(command: Command): Command {
  return withSource(command)
    .option("--store <file>", "the store's file; default: the one in the configuration")
    .option("--json", "print JSON");
}

function durationArgument(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    if (error instanceof UnitError)
      throw new InvalidArgumentError(`${error.message}: ${error.hint ?? ""}`);
    throw error;
  }
}

async function withKeys(
  options: StoreOptions,
  act: (keys: KeyStore, settings: KeySettings) => void,
): Promise<void> {
  const settings = await settingsOf(options);
  if (!settings) return;
  const { keys, isShared, close } = await settings.open();
  try {
    act(keys, settings);
  } finally {
    // After a refusal too: the key may be one that only other machines know.
    if (!(await isShared())) {
      console.error(`warning: ${UNSHARED}`);
      process.exitCode = EXIT_UNKNOWN;
    }
    await close();
  }
}

const UNSHARED =
  "Redis does not answer, or did not take it: this is what this machine knows, and the others do not know of it yet. A gateway here tells them as soon as Redis takes it.";

interface KeySettings {
  readonly open: () => Promise<OpenedKeys>;
  readonly lifetimeMs?: number | undefined;
  readonly graceMs?: number | undefined;
}

/** With `--store` no configuration is needed; otherwise its store and its defaults for keys count. */
async function settingsOf(options: StoreOptions): Promise<KeySettings | undefined> {
  if (options.store !== undefined) {
    const path = resolve(options.store);
    return { open: () => Promise.resolve(openKeyFile(path)) };
  }
  const configuration = await readConfiguration(sourceOf(options));
  if (!configuration.ok) {
    console.error(renderDiagnostics(configuration.diagnostics, { color: process.stderr.isTTY }));
    process.exitCode = 1;
    return undefined;
  }
  const { root, loaded } = configuration;
  const { apiKeys } = root.identity;
  return {
    open: async () =>
      root.store.kind === "redis"
        ? await openSharedKeys(configuration, root.store)
        : openKeyFile(resolve(loaded.directory, root.store.path)),
    lifetimeMs: apiKeys?.lifetime,
    graceMs: apiKeys?.rotationGrace,
  };
}

async function create(name: string, options: CreateOptions): Promise<void> {
  await withKeys(options, (keys, settings) => {
    const issued = keys.create({
      name,
      owner: options.owner,
      tenant: options.tenant,
      scopes: options.scope ?? [],
      permissions: options.permission ?? [],
      groups: options.group ?? [],
      roles: options.role ?? [],
      tier: options.tier,
      addresses: options.address ?? [],
      lifetimeMs: options.expiresIn ?? settings.lifetimeMs,
    });
    showIssued(issued, options);
  });
}

async function rotate(id: string, options: RotateOptions): Promise<void> {
  await withKeys(options, (keys, settings) => {
    const graceMs = options.grace ?? settings.graceMs;
    showIssued(
      keys.rotate(id, { graceMs, lifetimeMs: options.expiresIn ?? settings.lifetimeMs }),
      options,
    );
  });
}

async function revoke(id: string, options: StoreOptions): Promise<void> {
  await withKeys(options, (keys) => {
    const record = keys.revoke(id);
    console.log(
      options.json
        ? JSON.stringify(record)
        : `revoked ${record.id} (${record.name}, ${record.owner})`,
    );
  });
}

async function list(options: StoreOptions): Promise<void> {
  await withKeys(options, (keys) => {
    const all = keys.list();
    if (options.json) console.log(JSON.stringify(all));
    else if (all.length === 0) console.log("no keys");
    else for (const key of all) console.log(lineOf(key));
  });
}

function showIssued(
  { record, reveal }: { record: IssuedKey["record"]; reveal: () => string },
  options: StoreOptions,
): void {
  const text = reveal();
  if (options.json) {
    console.log(JSON.stringify({ ...record, key: text }));
    return;
  }
  console.log(text);
  console.error(
    `Shown once; keep it safe. Id ${record.id}, expires ${new Date(record.expiresAtMs).toISOString()}.`,
  );
}

function lineOf(key: ListedKey): string {
  const day = (ms: number | undefined): string =>
    ms === undefined ? "never" : new Date(ms).toISOString().slice(0, 16);
  const nowMs = SYSTEM_CLOCK.nowMs();
  const state =
    key.revokedAtMs !== undefined ? "revoked" : key.expiresAtMs <= nowMs ? "expired" : "active";
  const tenant = key.tenant === undefined ? "" : `@${key.tenant}`;
  return `${key.id}  ${state.padEnd(7)}  ${key.owner}${tenant}  "${key.name}"  expires ${day(key.expiresAtMs)}  last used ${day(key.lastUsedAtMs)}`;
}
