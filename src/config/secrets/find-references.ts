/** Finds the references of a configuration by asking its schema, so that no room has to list them a second time. */
import type { z } from "zod";
import type { ConfigPath } from "../diagnostic.ts";
import { childrenAt, inputDefaultOf, metaOf, unwrap } from "../schema-walk.ts";
import { nodeOf, type SourceNode } from "../source-node.ts";
import {
  FILE_UNIT,
  parseSecretRef,
  PUBLIC_UNIT,
  SECRET_UNIT,
  type SecretRef,
} from "./reference.ts";

type Schema = z.core.$ZodType;

export interface FoundReference {
  readonly path: ConfigPath;
  readonly reference: SecretRef;
  /** False for a reference to a file that is no secret. */
  readonly isSecret: boolean;
}

const REFERENCES: ReadonlySet<unknown> = new Set([FILE_UNIT, SECRET_UNIT, PUBLIC_UNIT]);

/** Every reference in a valid configuration, those in defaults included. */
export function findReferences(schema: Schema, root: SourceNode): FoundReference[] {
  return [...walk([schema], root, [])];
}

function* walk(
  schemas: readonly Schema[],
  node: SourceNode,
  path: ConfigPath,
): Generator<FoundReference> {
  if (node.kind === "scalar") {
    const unit = schemas.flatMap(unitsOf).find((each) => REFERENCES.has(each));
    if (unit === undefined || typeof node.value !== "string") return;
    const reference = parseSecretRef(node.value);
    if ("refused" in reference) return;
    // A public key in a file is a file like any other; what keeps secrets keeps it as one.
    const isSecret = unit !== FILE_UNIT && !(unit === PUBLIC_UNIT && reference.kind === "file");
    yield { path, reference, isSecret };
    return;
  }
  const children = node.kind === "list" ? node.items.entries() : entriesOf(schemas, node.entries);
  for (const [part, child] of children) {
    yield* walk(
      schemas.flatMap((schema) => childrenAt(schema, part)),
      child,
      [...path, part],
    );
  }
}

function* entriesOf(
  schemas: readonly Schema[],
  entries: ReadonlyMap<string, { readonly node: SourceNode }>,
): Generator<[string, SourceNode]> {
  for (const [key, { node }] of entries) yield [key, node];
  for (const key of new Set(schemas.flatMap((schema) => unwrap(schema).flatMap(namedKeys)))) {
    if (entries.has(key)) continue;
    const [found] = schemas
      .flatMap((schema) => childrenAt(schema, key))
      .map(inputDefaultOf)
      .filter((each) => each !== undefined);
    if (found) yield [key, nodeOf(found.value, { kind: "default" })];
  }
}

function namedKeys(schema: Schema): string[] {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  return def.type === "object" ? Object.keys(def.shape) : [];
}

/** The units of a schema and of what it may be instead. */
function unitsOf(schema: Schema): unknown[] {
  const { unit } = metaOf(schema);
  if (unit !== undefined) return [unit];
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === "union") return def.options.flatMap(unitsOf);
  const isWrapper =
    def.type === "optional" ||
    def.type === "nullable" ||
    def.type === "default" ||
    def.type === "prefault";
  if (isWrapper || def.type === "readonly") return unitsOf(def.innerType);
  return def.type === "pipe" ? unitsOf(def.in) : [];
}
