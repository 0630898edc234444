/**
 * References to files and secrets as they stand in the configuration. The configuration never holds a secret, only
 * where to find it; what does not look like a reference is refused without being repeated in any message.
 */
import { z } from "zod";

/** A file named by the configuration; `path` is as written, relative to the configuration file. */
export interface FileRef {
  readonly kind: "file";
  readonly path: string;
}

/** Where a secret is kept. */
export type SecretRef =
  | FileRef
  | { readonly kind: "env"; readonly name: string }
  | { readonly kind: "vault"; readonly path: string; readonly field: string }
  | { readonly kind: "aws"; readonly id: string; readonly field: string | undefined };

/** Why a text is no reference; never contains the text, which may be a secret pasted in the wrong place. */
interface Refused {
  readonly refused: string;
  readonly hint: string;
}

const FORMS = "env:NAME, file:PATH, vault:PATH#FIELD or aws:NAME#FIELD";
const PATH_LIMIT = 4096;
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,254}$/;
const FIELD = /^[A-Za-z0-9_.-]{1,256}$/;
// Every segment starts with something other than a dot, so that "." and ".." cannot climb out of a mount.
const VAULT_PATH = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+$/;
// AWS Secrets Manager names and ARNs: letters, digits and /_+=.@-: (CreateSecret, parameter Name).
const AWS_ID = /^[A-Za-z0-9/_+=.@:-]{1,2048}$/;

/** "file:PATH" to a `FileRef`. */
function parseFileRef(text: string): FileRef | Refused {
  const path = text.startsWith("file:") ? text.slice(5) : "";
  if (path === "" || path.length > PATH_LIMIT || path.includes("\0"))
    return {
      refused: "not a reference to a file",
      hint: 'write "file:" and a path, relative to this file',
    };
  // "file:///etc/x" would be read as a URL by some and as a path by others.
  if (path.startsWith("//"))
    return { refused: "a file reference is not a URL", hint: 'write "file:/etc/x" or "file:x"' };
  return { kind: "file", path };
}

/** Any secret reference to a `SecretRef`. */
export function parseSecretRef(text: string): SecretRef | Refused {
  const colon = text.indexOf(":");
  const rest = text.slice(colon + 1);
  switch (colon > 0 ? text.slice(0, colon) : "") {
    case "file":
      return parseFileRef(text);
    case "env":
      if (ENV_NAME.test(rest)) return { kind: "env", name: rest };
      return {
        refused: "not the name of an environment variable",
        hint: 'for example "env:JWT_SECRET_KEY"',
      };
    case "vault":
      return parseVault(rest);
    case "aws":
      return parseAws(rest);
    default:
      return {
        refused: "not a reference to a secret",
        hint: `a secret itself never stands in the configuration; write ${FORMS}`,
      };
  }
}

function parseVault(rest: string): SecretRef | Refused {
  const [path = "", field = "", more] = rest.split("#");
  if (more === undefined && VAULT_PATH.test(path) && FIELD.test(field))
    return { kind: "vault", path, field };
  return {
    refused: "not a Vault reference",
    hint: 'mount, path and field, for example "vault:secret/portcullis#key"',
  };
}

function parseAws(rest: string): SecretRef | Refused {
  const [id = "", field, more] = rest.split("#");
  const isField = field === undefined || FIELD.test(field);
  if (more === undefined && AWS_ID.test(id) && isField) return { kind: "aws", id, field };
  return {
    refused: "not an AWS Secrets Manager reference",
    hint: 'name or ARN and a field of its JSON, for example "aws:portcullis/signing#key"',
  };
}

/** The reference as it is written in the configuration. It holds no secret. */
export function printReference(reference: FileRef | SecretRef): string {
  switch (reference.kind) {
    case "file":
      return `file:${reference.path}`;
    case "env":
      return `env:${reference.name}`;
    case "vault":
      return `vault:${reference.path}#${reference.field}`;
    case "aws":
      return reference.field === undefined
        ? `aws:${reference.id}`
        : `aws:${reference.id}#${reference.field}`;
  }
}

/** A zod type whose input is a reference as text. */
export type Reference<T> = z.ZodPipe<z.ZodString, z.ZodTransform<T, string>>;

interface ReferenceDefinition<T extends object> {
  readonly what: string;
  readonly parse: (text: string) => T | Refused;
  readonly pattern: string;
  readonly examples: string[];
  /** Whether a wrong value may be a secret in the wrong place, so that its source line must not be shown. */
  readonly isSensitive: boolean;
}

function defineReference<T extends object>(definition: ReferenceDefinition<T>): Reference<T> {
  const { what, parse, pattern, examples, isSensitive } = definition;
  return z
    .string({ error: `expected ${what}, written as text such as "${examples[0]}"` })
    .transform((text, context) => {
      const parsed = parse(text);
      if (!("refused" in parsed)) return parsed;
      context.addIssue({
        code: "custom",
        message: parsed.refused,
        params: { hint: parsed.hint, isSensitive },
        input: isSensitive ? undefined : text,
      });
      return z.NEVER;
    })
    .meta({ unit: what, pattern, examples, isSensitive });
}

/** The `unit` of each type's metadata. */
export const FILE_UNIT = "a reference to a file";
export const SECRET_UNIT = "a reference to a secret";
export const PUBLIC_UNIT = "a reference to a public key";

const ANY_PATTERN = "^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+|vault:[^#]+#[^#]+|aws:[^#]+(#[^#]+)?)$";

/** "file:PATH" to a `FileRef`. */
export const fileRef: Reference<FileRef> = defineReference({
  what: FILE_UNIT,
  parse: parseFileRef,
  pattern: "^file:.+$",
  examples: ["file:tls/server.crt"],
  isSensitive: false,
});

/** "env:NAME", "file:PATH", "vault:PATH#FIELD" or "aws:NAME#FIELD" to a `SecretRef`. */
export const secretRef: Reference<SecretRef> = defineReference({
  what: SECRET_UNIT,
  parse: parseSecretRef,
  pattern: ANY_PATTERN,
  examples: ["env:NAME", "file:PATH", "vault:PATH#FIELD", "aws:NAME#FIELD"],
  isSensitive: true,
});

/**
 * The same places for a public key, which everyone on the machine may read. A wrong value is hidden all the same: it may
 * be the private one.
 */
export const publicRef: Reference<SecretRef> = defineReference({
  what: PUBLIC_UNIT,
  parse: parseSecretRef,
  pattern: ANY_PATTERN,
  examples: ["file:officer.pub.pem", "env:POLICY_PUBKEY_PEM_B64"],
  isSensitive: true,
});
