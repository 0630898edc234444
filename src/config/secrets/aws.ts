/**
 * Reads a secret of AWS Secrets Manager from the Secrets Manager Agent on this machine. It speaks to loopback only: the
 * agent's token must never leave the machine.
 */
import type { Environment } from "../environment.ts";
import { FileRefused, readBounded } from "../read-bounded.ts";
import { fetchJson, textAt, valueAt } from "./fetch-json.ts";
import type { SecretRef } from "./reference.ts";
import { SecretError } from "./secret-error.ts";

type AwsRef = Extract<SecretRef, { kind: "aws" }>;

/** Where the agent listens unless its own configuration says otherwise. */
export const DEFAULT_AWS_AGENT_PORT = 2773;
/** Where the agent's installer puts its token. */
const DEFAULT_TOKEN_FILE = "/var/run/awssmatoken";
/** The variables the agent itself takes its token from, in its order. */
const TOKEN_VARIABLES = [
  "AWS_TOKEN",
  "AWS_SESSION_TOKEN",
  "AWS_CONTAINER_AUTHORIZATION_TOKEN",
] as const;
const TOKEN_LIMIT_BYTES = 16_384;

export interface AwsOptions {
  readonly env: Environment;
  readonly timeoutMs: number;
  /** The agent's port on loopback. Default 2773. */
  readonly port: number;
}

/** The secret as text or, with a field, that field of its JSON. Throws `SecretError`. */
export async function readAws(
  { id, field }: AwsRef,
  { env, timeoutMs, port }: AwsOptions,
): Promise<string> {
  const url = new URL(`http://localhost:${port}/secretsmanager/get`);
  url.searchParams.set("secretId", id);
  const { status, body } = await fetchJson({
    keeper: "the AWS Secrets Manager Agent",
    url,
    headers: { "x-aws-parameters-secrets-token": await tokenOf(env) },
    timeoutMs,
  });
  if (status === 403)
    throw new SecretError(
      "the AWS Secrets Manager Agent refuses its token",
      "AWS_TOKEN names the agent's token or token file",
    );
  if (status === 404)
    throw new SecretError("what answers for the AWS Secrets Manager Agent is something else");
  if (status !== 200)
    throw new SecretError(
      `the AWS Secrets Manager Agent answers with status ${status} for "${id}"`,
      "its log names the cause: no such secret, or no right to read it",
    );
  const text = textAt(body, "SecretString");
  if (text === undefined)
    throw new SecretError(`"${id}" is not a text`, "secrets stored as SecretBinary are not taken");
  return field === undefined ? text : fieldOf(text, id, field);
}

async function tokenOf(env: Environment): Promise<string> {
  const name = TOKEN_VARIABLES.find((variable) => env[variable]);
  const value = name === undefined ? `file://${DEFAULT_TOKEN_FILE}` : (env[name] ?? "");
  const token = value.startsWith("file://")
    ? await tokenOfFile(value.slice("file://".length))
    : value;
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new SecretError("the token of the AWS Secrets Manager Agent is empty or no token");
  return token;
}

async function tokenOfFile(path: string): Promise<string> {
  try {
    return (await readBounded(path, TOKEN_LIMIT_BYTES)).bytes.toString("utf8").trim();
  } catch (error) {
    if (!(error instanceof FileRefused)) throw error;
    throw new SecretError(
      `the token file of the AWS Secrets Manager Agent ${error.message}: ${path}`,
      "set AWS_TOKEN to the token, or to file:// and its path",
    );
  }
}

function fieldOf(text: string, id: string, field: string): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new SecretError(
      `"${id}" is not JSON`,
      `write the reference without "#${field}" to take all of it`,
    );
  }
  const value = textAt(parsed, field);
  if (value !== undefined) return value;
  const state = valueAt(parsed, field) === undefined ? "has no field" : "has no text in field";
  throw new SecretError(`"${id}" ${state} "${field}"`);
}
