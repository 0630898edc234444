/**
 * Reads one field of one secret from HashiCorp Vault or OpenBao, KV version 2, by their common HTTP API. It reads only;
 * it neither renews nor revokes the token it is given.
 */
import { parseAddress } from "../cidr.ts";
import type { Environment } from "../environment.ts";
import { fetchJson, textAt, valueAt } from "./fetch-json.ts";
import type { SecretRef } from "./reference.ts";
import { SecretError } from "./secret-error.ts";

type VaultRef = Extract<SecretRef, { kind: "vault" }>;

/** The text of the field. Throws `SecretError`. */
export async function readVault(
  { path, field }: VaultRef,
  { env, timeoutMs }: { env: Environment; timeoutMs: number },
): Promise<string> {
  const token = env["VAULT_TOKEN"]?.trim();
  if (!token)
    throw new SecretError(
      "VAULT_TOKEN is not set",
      "Vault secrets need VAULT_ADDR and VAULT_TOKEN",
    );
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new SecretError("VAULT_TOKEN holds characters that no token has");
  const namespace = env["VAULT_NAMESPACE"];
  const { status, body } = await fetchJson({
    keeper: "Vault",
    url: new URL(`/v1/${toApiPath(path)}`, addressOf(env["VAULT_ADDR"])),
    headers: {
      "x-vault-token": token,
      // Asked for by agents and proxies as proof that no browser was led here.
      "x-vault-request": "true",
      ...(namespace ? { "x-vault-namespace": namespace } : {}),
    },
    timeoutMs,
  });
  if (status !== 200) throw refusalOf(status, body, path);
  return fieldOf(body, path, field);
}

/**
 * KV version 2 keeps its values under `<mount>/data/<path>`, which the command line hides: "secret/portcullis" is read at
 * "secret/data/portcullis". A path that already has `data` behind its mount is taken as it is, also for mounts of several
 * parts ("team/kv/data/portcullis").
 */
export function toApiPath(path: string): string {
  const [mount = "", ...rest] = path.split("/");
  return rest.slice(0, -1).includes("data") ? path : [mount, "data", ...rest].join("/");
}

function addressOf(text: string | undefined): URL {
  const url = text ? URL.parse(text) : null;
  if (!url)
    throw new SecretError(
      "VAULT_ADDR is not a URL",
      'for example VAULT_ADDR="https://vault.example:8200"',
    );
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const isLoopback =
    host === "localhost" ||
    host === "::1" ||
    (parseAddress(host)?.text.startsWith("127.") ?? false);
  // The token is as good as every secret it may read; it does not cross a network in the clear.
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback))
    throw new SecretError(
      "VAULT_ADDR is neither https nor on this machine",
      "the token would be sent in the clear",
    );
  if (url.username || url.password)
    throw new SecretError("VAULT_ADDR holds credentials", "the token goes into VAULT_TOKEN");
  return url;
}

function refusalOf(status: number, body: unknown, path: string): SecretError {
  // A deleted version answers 404 too, but tells about it (KV v2, "Read secret version").
  if (status === 404 && valueAt(valueAt(body, "data"), "metadata") !== undefined)
    return new SecretError(
      `the latest version of "${path}" in Vault is deleted`,
      "undelete it, or write a new version",
    );
  if (status === 404)
    return new SecretError(
      `Vault has nothing at "${path}"`,
      `read at "${toApiPath(path)}": the first part is the mount of a KV version 2 engine`,
    );
  if (status === 403)
    return new SecretError(
      `Vault does not let VAULT_TOKEN read "${path}"`,
      "the token has expired, or its policy does not cover the path",
    );
  if (status === 503) return new SecretError("Vault is sealed or not ready");
  return new SecretError(`Vault answers with status ${status} for "${path}"`);
}

function fieldOf(body: unknown, path: string, field: string): string {
  const data = valueAt(body, "data");
  const fields = valueAt(data, "data");
  if (typeof fields !== "object" || fields === null || valueAt(data, "metadata") === undefined)
    throw new SecretError(`what Vault has at "${path}" is not of a KV version 2 engine`);
  const value = textAt(fields, field);
  if (value !== undefined) return value;
  const state = valueAt(fields, field) === undefined ? "has no field" : "has no text in field";
  throw new SecretError(`"${path}" in Vault ${state} "${field}"`);
}
