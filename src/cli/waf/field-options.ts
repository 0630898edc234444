/** What a route declares of its fields, told on the command line as the gateway would read it from its configuration. */
import { InvalidArgumentError, type Command } from "commander";
import type { DeclaredKind } from "../../stages/waf/config.ts";
import { FieldKinds } from "../../stages/waf/field-kinds.ts";
import { readArgument } from "../pack/verify.ts";

export interface FieldOptions {
  readonly schema?: string;
  readonly field?: Readonly<Record<string, DeclaredKind>>;
}

const KINDS: Readonly<Record<DeclaredKind, true>> = {
  prompt: true,
  identifier: true,
  number: true,
  text: true,
};

/** Adds `--schema` and `--field`. */
export function withFields(command: Command): Command {
  return command
    .option("--schema <file>", "the route's request schema, which tells the kinds of its fields")
    .option(
      "--field <path=kind>",
      "a field's kind, such as json.messages.*.content=prompt; may be repeated",
      eachField,
    );
}

function eachField(
  text: string,
  before: Readonly<Record<string, DeclaredKind>> = {},
): Readonly<Record<string, DeclaredKind>> {
  const [, path, kind] = /^([^\s=,|/"']+)=([a-z]+)$/.exec(text) ?? [];
  if (path === undefined || kind === undefined || !isKind(kind))
    throw new InvalidArgumentError(
      `Write a path and one of ${Object.keys(KINDS).join(", ")}, such as json.prompt=prompt.`,
    );
  return { ...before, [path]: kind };
}

const isKind = (text: string): text is DeclaredKind => Object.hasOwn(KINDS, text);

/** Undefined where nothing is declared. */
export async function fieldKindsOf({
  schema,
  field,
}: FieldOptions): Promise<FieldKinds | undefined> {
  const kinds = new FieldKinds({
    schema: schema === undefined ? undefined : await readSchema(schema),
    declared: field ?? {},
  });
  return kinds.isEmpty ? undefined : kinds;
}

async function readSchema(path: string): Promise<unknown> {
  const { bytes } = await readArgument(path);
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw new Error(`${path} is no JSON`, { cause: error });
  }
}
