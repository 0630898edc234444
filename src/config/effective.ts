/**
 * The configuration as it counts, each value with its origin, defaults included. Secrets cannot appear: the
 * configuration holds references only, and credentials inside URLs are left out.
 */
import type { z } from "zod";
import { printOrigin, printPath, type ConfigPath, type Origin } from "./diagnostic.ts";
import type { Origins } from "./load.ts";
import { childrenAt, inputDefaultOf, unwrap } from "./schema-walk.ts";
import { nodeOf, type MapNode, type SourceNode } from "./source-node.ts";
import { toPrintable } from "./source-text.ts";

type Schema = z.core.$ZodType;

/** One value of the effective configuration. */
export interface EffectiveValue {
  /** "limits.default.rate" */
  readonly path: string;
  /** As it would be written. */
  readonly text: string;
  /** "portcullis.yaml:3:7", "env JWT_ISSUER", "flag --bind" or "default". */
  readonly origin: string;
}

/** Every value that counts, in the order of the schema. */
export function effectiveValues(schema: Schema, origins: Origins): EffectiveValue[] {
  return [...walk([schema], origins.root, [])];
}

/** The values as aligned lines: `path = text  # origin`. */
export function renderEffective(values: readonly EffectiveValue[]): string {
  const lines = values.map(({ path, text }) => `${path} = ${text}`);
  // One very long value must not push all the origins out of sight.
  const width = Math.min(72, Math.max(0, ...lines.map((line) => line.length)));
  return lines.map((line, i) => `${line.padEnd(width)}  # ${values[i]?.origin ?? ""}\n`).join("");
}

function* walk(
  schemas: readonly Schema[],
  node: SourceNode,
  path: ConfigPath,
): Generator<EffectiveValue> {
  if (node.kind === "map") {
    yield* walkMap(schemas, node, path);
    return;
  }
  const isPlainList = node.kind === "list" && node.items.every(({ kind }) => kind === "scalar");
  if (node.kind === "scalar" || isPlainList) {
    yield { path: printPath(path), text: textOf(node), origin: printOrigin(node.origin) };
    return;
  }
  for (const [i, item] of node.items.entries()) {
    const inner = schemas.flatMap((schema) => childrenAt(schema, i));
    yield* walk(inner, item, [...path, i]);
  }
}

function* walkMap(
  schemas: readonly Schema[],
  node: MapNode,
  path: ConfigPath,
): Generator<EffectiveValue> {
  const options = schemas.flatMap(unwrap).filter((option) => isMeant(option, node));
  const known = options.flatMap((option) => Object.keys(shapeOf(option) ?? {}));
  const keys = new Set([...known, ...node.entries.keys()]);
  let isEmpty = true;
  for (const key of keys) {
    const inner = options.flatMap((option) => childrenAt(option, key));
    const value = node.entries.get(key)?.node ?? defaultOf(inner);
    if (!value) continue;
    isEmpty = false;
    yield* walk(inner, value, [...path, key]);
  }
  if (isEmpty && path.length > 0)
    yield { path: printPath(path), text: "{}", origin: printOrigin(node.origin) };
}

/** Whether the option of a union is the one this mapping means: its literal keys say so. */
function isMeant(option: Schema, node: MapNode): boolean {
  return Object.entries(shapeOf(option) ?? {}).every(([key, field]) => {
    const { def } = (field as z.core.$ZodTypes)._zod;
    const value = node.entries.get(key)?.node;
    return def.type !== "literal" || value?.kind !== "scalar" || def.values.includes(value.value);
  });
}

function shapeOf(schema: Schema): Readonly<Record<string, Schema>> | undefined {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  return def.type === "object" ? def.shape : undefined;
}

const DEFAULT: Origin = { kind: "default" };

function defaultOf(schemas: readonly Schema[]): SourceNode | undefined {
  const [first] = schemas.map(inputDefaultOf).filter((found) => found !== undefined);
  return first && nodeOf(first.value, DEFAULT);
}

const PLAIN = /^[A-Za-z0-9_./:@#%+*?=[\]-]+(?: [A-Za-z0-9_./:-]+)*$/;
const URL_CREDENTIALS = /\/\/[^/@\s]*@/g;

function textOf(node: SourceNode): string {
  if (node.kind === "list") return `[${node.items.map(textOf).join(", ")}]`;
  if (node.kind === "map") return "{}";
  const { value } = node;
  if (typeof value !== "string") return String(value);
  const shown = toPrintable(value.replaceAll(URL_CREDENTIALS, "//[secret]@"));
  return PLAIN.test(shown) && !/^(?:true|false|null|~|[\d.+-].*)$/.test(shown)
    ? shown
    : JSON.stringify(shown);
}
