/**
 * The fields a rule may read, their types and their places in a context. It is the only list of them: what is not here
 * cannot be written in a pack.
 */

export type FieldType = "boolean" | "number" | "string" | "list";

/** Names as written in a bit's logic. What each means stands in docs/pack-format.md. */
export const FIELDS = {
  "context.transport.tls_version": "number",
  "context.mtls.verified": "boolean",
  "context.mtls.issuer": "string",
  "context.auth.method": "string",
  "context.auth.rp_id": "string",
  "context.user.id": "string",
  "context.user.groups": "list",
  "context.req.path": "string",
  "context.req.method": "string",
  "context.req.model": "string",
  "context.req.version": "string",
  "context.tenant": "string",
  "context.client_id": "string",
  "context.scopes": "list",
  "context.rate.ok": "boolean",
  "context.webhook.verified": "boolean",
  "context.legacy_jwt.valid": "boolean",
  "context.legacy_jwt.expires_at": "number",
  "context.origin": "string",
  "system.panic_mode": "boolean",
} as const satisfies Readonly<Record<string, FieldType>>;

export type FieldName = keyof typeof FIELDS;

interface ValueOfType {
  readonly boolean: boolean;
  readonly number: number;
  readonly string: string;
  readonly list: ReadonlySet<string>;
}

/** What the field of this name holds. */
export type ValueOfField<Name extends FieldName> = ValueOfType[(typeof FIELDS)[Name]];

export type FieldValue = ValueOfType[FieldType];

/** What is known about one request; a field that is left out, or undefined, is one the request does not have. */
export type FieldValues = { readonly [Name in FieldName]?: ValueOfField<Name> | undefined };

export const FIELD_NAMES = Object.freeze(Object.keys(FIELDS)) as readonly FieldName[];

/** Place of each field in a `PackContext`. */
export const SLOTS: Readonly<Record<FieldName, number>> = Object.freeze(
  Object.fromEntries(FIELD_NAMES.map((name, slot) => [name, slot])) as Record<FieldName, number>,
);

/** What is known about one request, by slot. */
export type PackContext = readonly (FieldValue | undefined)[];

/**
 * The context of these values. Evaluation never asks for names, which is why it is made once for each request; and because
 * it is, the names are written out in the order of `FIELDS`: a loop over them takes ten times as long.
 */
export function packContext(values: FieldValues): PackContext {
  return [
    values["context.transport.tls_version"],
    values["context.mtls.verified"],
    values["context.mtls.issuer"],
    values["context.auth.method"],
    values["context.auth.rp_id"],
    values["context.user.id"],
    values["context.user.groups"],
    values["context.req.path"],
    values["context.req.method"],
    values["context.req.model"],
    values["context.req.version"],
    values["context.tenant"],
    values["context.client_id"],
    values["context.scopes"],
    values["context.rate.ok"],
    values["context.webhook.verified"],
    values["context.legacy_jwt.valid"],
    values["context.legacy_jwt.expires_at"],
    values["context.origin"],
    values["system.panic_mode"],
  ];
}

export function isFieldName(name: string): name is FieldName {
  return Object.hasOwn(FIELDS, name);
}
