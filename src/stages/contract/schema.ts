/**
 * JSON Schema 2020-12, compiled at load into a function that says what is wrong with a value. It must never fetch a
 * schema, repeat a value in a violation, or compile a schema that could be made to take long.
 */
import { type ErrorObject, Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import type { Violation } from "../../pipeline/rejection.ts";
import type { SchemaSource } from "./config.ts";
import { boundPointer, escapeToken } from "./json-finding.ts";
import { LinearPattern } from "../../patterns/linear-pattern.ts";
import { compilePattern, PatternRefused } from "../../patterns/pattern-program.ts";
import { BOUNDED_FORMATS } from "./schema-formats.ts";
import { childrenOf, everySubschema, isSchemaObject, type Subschema } from "./schema-walk.ts";
import { StrictJson } from "./strict-json.ts";

/** Bytes of a schema file. Compiling takes some milliseconds a kilobyte, at every reload. */
const DEFAULT_SCHEMA_BYTES = 1_048_576;
/** Violations told to a caller. Raised, one bad request buys a large answer. */
const DEFAULT_VIOLATIONS = 20;
/**
 * Members of a value for which all violations are collected; of larger ones only the first is told. Raised, a body of
 * ten thousand wrong elements buys ten thousand findings.
 */
const DEFAULT_DETAILED_MEMBERS = 256;
/** `uniqueItems` compares every pair of items that are not scalars; it needs a `maxItems` of at most this. */
const DEFAULT_UNIQUE_ITEMS = 256;
/** Characters of a violation's text; it may quote the schema, whose patterns can be long. */
const MESSAGE_LENGTH = 256;

const DIALECT = "https://json-schema.org/draft/2020-12/schema";

/** A schema file that cannot be used: which file, where in it, and why. */
export class SchemaLoadError extends Error {
  override readonly name = "SchemaLoadError";
  readonly file: string;
  /** RFC 6901 pointer into the file. */
  readonly pointer: string;
  readonly reason: string;

  constructor(file: string, pointer: string, reason: string) {
    super(`${file}#${pointer}: ${reason}`);
    this.file = file;
    this.pointer = pointer;
    this.reason = reason;
  }
}

export interface CompiledSchema {
  /** What is wrong with a value of so many members in all; undefined when nothing is. */
  check(json: unknown, members: number): readonly Violation[] | undefined;
}

/** Compiles the schemas of one configuration. */
export class SchemaCompiler {
  readonly #first = newValidator(false);
  readonly #all = newValidator(true);

  readonly #compiled = new Map<string, CompiledSchema>();

  /** Throws `SchemaLoadError`. The same file, on however many routes, is compiled once. */
  compile(source: SchemaSource): CompiledSchema {
    const key = `${source.file}\0${source.text}`;
    const compiled = this.#compiled.get(key) ?? this.#compile(source);
    this.#compiled.set(key, compiled);
    return compiled;
  }

  #compile({ file, text }: SchemaSource): CompiledSchema {
    const schema = readSchema(file, text);
    const refuse = (pointer: string, reason: string): never => {
      throw new SchemaLoadError(file, pointer, reason);
    };
    if (!isSchemaObject(schema)) return refuse("", "a schema is an object");
    const dialect = schema["$schema"];
    if (dialect !== undefined && dialect !== DIALECT) refuse("/$schema", `must be ${DIALECT}`);
    for (const subschema of everySubschema({ pointer: "", schema }))
      refuseHazards(subschema, refuse);
    if (this.#first.validateSchema(schema) !== true) {
      const [error] = this.#first.errors ?? [];
      refuse(error?.instancePath ?? "", error?.message ?? "is not a JSON Schema");
    }
    try {
      return toCompiled(this.#first.compile(schema), this.#all.compile(schema));
    } catch (error) {
      return refuse(deepestFailure(schema), (error as Error).message);
    } finally {
      // Files know nothing of one another: neither their `$id` nor what refers to it outlives compiling.
      this.#first.removeSchema(schema);
      this.#all.removeSchema(schema);
    }
  }
}

function readSchema(file: string, text: string): unknown {
  const bytes = Buffer.from(text);
  if (bytes.length > DEFAULT_SCHEMA_BYTES) {
    throw new SchemaLoadError(file, "", `is larger than ${DEFAULT_SCHEMA_BYTES} bytes`);
  }
  const reader = new StrictJson({
    depth: 128,
    members: bytes.length,
    stringBytes: bytes.length,
    keyBytes: bytes.length,
    numberBytes: 256,
    duplicateKeys: "refuse",
    forbiddenKeys: ["__proto__"],
  });
  const read = reader.read(bytes);
  if (read.kind === "value") return read.json;
  const flaw = read.flaw.replaceAll("_", " ");
  throw new SchemaLoadError(
    file,
    read.pointer,
    `is not strict JSON: ${flaw} at byte ${read.offset}`,
  );
}

/** Says something to another stage, and nothing about what is valid. */
const KIND_KEYWORD = {
  keyword: "x-portcullis-kind",
  metaSchema: { enum: ["prompt", "identifier", "number", "text"] },
};

function newValidator(allErrors: boolean): Ajv2020 {
  return new Ajv2020({
    keywords: [KIND_KEYWORD],
    strict: true,
    strictTuples: false,
    strictRequired: false,
    allowUnionTypes: true,
    allErrors,
    // Without it, a member that is absent but stands on Object.prototype (`toString`) counts as present.
    ownProperties: true,
    validateSchema: false,
    logger: false,
    formats: BOUNDED_FORMATS,
    code: {
      regExp: Object.assign((pattern: string) => new LinearPattern(pattern), {
        code: "new LinearPattern",
      }),
    },
  });
}

type Refuse = (pointer: string, reason: string) => void;

/** Keywords that a caller's value could make slow. */
function refuseHazards({ pointer, schema }: Subschema, refuse: Refuse): void {
  if (typeof schema["pattern"] === "string") {
    tryPattern(schema["pattern"], `${pointer}/pattern`, refuse);
  }
  const byPattern = schema["patternProperties"];
  for (const name of isSchemaObject(byPattern) ? Object.keys(byPattern) : []) {
    tryPattern(name, `${pointer}/patternProperties/${escapeToken(name)}`, refuse);
  }
  if (schema["uniqueItems"] === true && !isUniqueItemsBounded(schema)) {
    refuse(
      `${pointer}/uniqueItems`,
      `compares every pair of items; add items with a scalar type, or maxItems of at most ${DEFAULT_UNIQUE_ITEMS}`,
    );
  }
}

function tryPattern(pattern: string, pointer: string, refuse: Refuse): void {
  try {
    compilePattern(pattern);
  } catch (error) {
    if (!(error instanceof PatternRefused)) throw error;
    refuse(pointer, `this pattern cannot be used: ${error.message}`);
  }
}

const SCALARS: ReadonlySet<unknown> = new Set(["string", "number", "integer", "boolean", "null"]);

function isUniqueItemsBounded({ items, maxItems }: SchemaObjectOf<"items" | "maxItems">): boolean {
  if (typeof maxItems === "number" && maxItems <= DEFAULT_UNIQUE_ITEMS) return true;
  if (!isSchemaObject(items)) return false;
  const { type } = items;
  return Array.isArray(type) ? type.every((one) => SCALARS.has(one)) : SCALARS.has(type);
}

type SchemaObjectOf<Keyword extends string> = { readonly [key in Keyword]?: unknown };

/** The pointer of the innermost subschema that does not compile; the compiler's own message names no place. */
function deepestFailure(schema: object): string {
  const validator = newValidator(false);
  validator.addSchema(schema, "schema:");
  const fails = ({ pointer }: Subschema): boolean => {
    const fragment = pointer.split("/").map(encodeURIComponent).join("/");
    try {
      validator.getSchema(`schema:#${fragment}`);
      return false;
    } catch {
      return true;
    }
  };
  let at: Subschema = { pointer: "", schema: schema as Subschema["schema"] };
  for (;;) {
    const inner = childrenOf(at).find(fails);
    if (!inner) return at.pointer;
    at = inner;
  }
}

function toCompiled(first: ValidateFunction, all: ValidateFunction): CompiledSchema {
  return {
    check(json, members) {
      if (first(json)) return undefined;
      const errors = members <= DEFAULT_DETAILED_MEMBERS && !all(json) ? all.errors : first.errors;
      return (errors ?? []).slice(0, DEFAULT_VIOLATIONS).map(toViolation);
    },
  };
}

function toViolation(error: ErrorObject): Violation {
  const { instancePath, params, message = "is not acceptable" } = error;
  const name: unknown =
    params["additionalProperty"] ?? params["unevaluatedProperty"] ?? params["propertyName"];
  const member = typeof name === "string" ? `/${escapeToken(name)}` : "";
  return {
    pointer: boundPointer(instancePath + member),
    message: message.slice(0, MESSAGE_LENGTH),
  };
}
