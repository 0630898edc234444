/**
 * What a route's own words (its request schema, its configuration) say of a field of the body by the name that the engine
 * gives it. It must never call a field a prompt that nobody declared: prompts are spared some rules.
 */
import type { FieldKind } from "../../seclang/index.ts";
import type { DeclaredKind } from "./config.ts";
import { PROMPT_PATHS } from "./prompt-paths.ts";
import {
  ANY,
  isSchemaObject,
  type Place,
  type SchemaObject,
  SchemaPlaces,
} from "./schema-place.ts";

/** A schema says so of a subschema: `"x-portcullis-kind": "prompt"`. */
export const KIND_KEYWORD = "x-portcullis-kind";

/** Names whose kind is remembered, for each route. Callers choose names: a full table learns nothing more. */
const REMEMBERED_NAMES = 2_048;
const REMEMBERED_CHARS = 256;
/** Values of a closed list that are compared one by one. */
const LIST_LIMIT = 1_024;

const ROOT = "json";
/** What the engine finds inside a string value: `<name>.json.<path>` and `<name>.base64`. */
const EMBEDDED: ReadonlySet<string> = new Set(["json", "base64"]);

export interface FieldSources {
  /** The request schema as parsed; undefined where the route has none. */
  readonly schema: unknown;
  /** Kinds by path, from the configuration. */
  readonly declared: Readonly<Record<string, DeclaredKind>>;
}

export class FieldKinds {
  readonly #places: SchemaPlaces | undefined;
  readonly #declared: readonly (readonly [RegExp, DeclaredKind])[];
  readonly #paths: readonly string[];
  readonly #remembered = new Map<string, FieldKind | undefined>();

  constructor({ schema, declared }: FieldSources) {
    this.#places = isSchemaObject(schema) ? new SchemaPlaces(schema) : undefined;
    this.#paths = Object.keys(declared);
    this.#declared = Object.entries(declared).map(([path, kind]) => [patternOf(path), kind]);
  }

  /** Whether there is anything to ask. */
  get isEmpty(): boolean {
    return !this.#places && this.#declared.length === 0;
  }

  /** Every name that schema and configuration give to a member, as bytes. */
  get declaredNames(): ReadonlySet<string> {
    const names = this.#places?.names() ?? new Set<string>();
    for (const path of this.#paths) for (const part of path.split(".")) names.add(part);
    return new Set(Array.from(names, (name) => Buffer.from(name, "utf8").toString("latin1")));
  }

  /** The kind of the field with this name (a byte string); undefined where nothing is known of it. */
  kindOf(name: string): FieldKind | undefined {
    const known = this.#remembered.get(name);
    if (known !== undefined || this.#remembered.has(name)) return known;
    const kind = this.#find(name);
    if (this.#remembered.size < REMEMBERED_NAMES && name.length <= REMEMBERED_CHARS)
      // A copy: a name cut out of a body would keep the whole body in memory.
      this.#remembered.set(Buffer.from(name, "latin1").toString("latin1"), kind);
    return kind;
  }

  /** Whether a body that keeps the schema may hold a field of this path, in which `*` is any one part. */
  mayHold(path: string): boolean {
    if (!this.#places) return true;
    const [root, ...parts] = path.split(".").map(withoutArrayWord);
    if (root !== ROOT) return true;
    let place = this.#places.root;
    for (let at = 0; at < parts.length;) {
      if (isEmbedded(place, parts[at] as string)) return true;
      const step = this.#places.below(place, parts.slice(at));
      place = step.place;
      at += step.used;
      if (place.schemas.length === 0) return place.isOpen;
    }
    return true;
  }

  #find(name: string): FieldKind | undefined {
    const text = Buffer.from(name, "latin1").toString("utf8");
    const declared = this.#declared.find(([pattern]) => pattern.test(text));
    if (declared) return declared[1];
    const parts = text.split(".");
    if (parts[0] !== ROOT || !this.#places) return undefined;
    return this.#findIn(this.#places, parts.slice(1));
  }

  #findIn(places: SchemaPlaces, parts: readonly string[]): FieldKind | undefined {
    let place = places.root;
    const path: string[] = [];
    for (let at = 0; at < parts.length;) {
      const part = parts[at] as string;
      if (isEmbedded(place, part)) return kindAt(place, path) === "prompt" ? "prompt" : undefined;
      const step = places.below(place, parts.slice(at));
      path.push(/^\d+$/.test(part) ? ANY : parts.slice(at, at + step.used).join("."));
      place = step.place;
      at += step.used;
      if (place.schemas.length === 0) return undefined;
    }
    return kindAt(place, path);
  }
}

/** A path of the configuration as a pattern over names; an array's element may be written `array_0`, as elsewhere. */
function patternOf(path: string): RegExp {
  const parts = path.split(".").map((part) => {
    const plain = withoutArrayWord(part);
    return plain === ANY ? "[^.]+" : plain.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  });
  return new RegExp(`^${parts.join("\\.")}$`);
}

const withoutArrayWord = (part: string): string => part.replace(/^array_(\d+|\*)$/, "$1");

/** A value that can only be text: what stands below it in a name is what the engine found inside of that text. */
function isEmbedded({ schemas, isOpen }: Place, part: string): boolean {
  if (isOpen || !EMBEDDED.has(part)) return false;
  const types = schemas.flatMap(({ type }) => (Array.isArray(type) ? type : [type]));
  const isText = types.includes("string");
  const hasMembers = schemas.some(
    ({ properties }) => isSchemaObject(properties) && part in properties,
  );
  return isText && !hasMembers;
}

/** What all that is said of a place comes to; where it is not of one mind, the field is text like any other. */
function kindAt({ schemas, isOpen }: Place, path: readonly string[]): FieldKind | undefined {
  const explicit = new Set(schemas.map((schema) => schema[KIND_KEYWORD]).filter(isDeclaredKind));
  if (explicit.size > 0) return explicit.size === 1 ? [...explicit][0] : "text";
  if (isOpen) return undefined;
  const kinds = schemas.flatMap(kindsOf);
  if (kinds.length === 0) return undefined;
  if (kinds.every((kind) => kind === "number")) return "number";
  if (kinds.every(Array.isArray)) return kinds.flat() as string[];
  if (kinds.every((kind) => kind === "identifier")) return "identifier";
  if (kinds.every((kind) => kind === "text") && PROMPT_PATHS.has(path.join("."))) return "prompt";
  return undefined;
}

const isDeclaredKind = (value: unknown): value is DeclaredKind =>
  value === "prompt" || value === "identifier" || value === "number" || value === "text";

const PLAIN_TYPES: ReadonlySet<unknown> = new Set(["number", "integer", "boolean"]);

/** The kinds of leaves that one schema declares; containers and `null` are none. */
function kindsOf(schema: SchemaObject): readonly FieldKind[] {
  const list = "const" in schema ? [schema["const"]] : schema["enum"];
  if (Array.isArray(list)) return listKind(list);
  const { type } = schema;
  const types: readonly unknown[] = Array.isArray(type) ? type : [type];
  const kinds: FieldKind[] = [];
  if (types.some((one) => PLAIN_TYPES.has(one))) kinds.push("number");
  if (types.includes("string")) kinds.push(isIdentifier(schema) ? "identifier" : "text");
  return kinds;
}

function listKind(values: readonly unknown[]): readonly FieldKind[] {
  const texts = values.filter((value) => value !== null);
  if (texts.length > LIST_LIMIT) return ["text"];
  if (texts.every((value) => typeof value === "number" || typeof value === "boolean"))
    return ["number"];
  if (!texts.every((value) => typeof value === "string")) return ["text"];
  return [texts.map((value) => Buffer.from(value, "utf8").toString("latin1"))];
}

const IDENTIFIER_FORMATS: ReadonlySet<unknown> = new Set([
  "uuid",
  "date",
  "time",
  "date-time",
  "ipv4",
  "ipv6",
]);
/** An anchored pattern of plain characters, classes of them, groups and counts: no wildcard, no space, no quote. */
const TIGHT_PATTERN =
  /^\^(?:[A-Za-z0-9_:@/-]|\\[dw.\-/]|\[[A-Za-z0-9_.:@\\-]+\]|[()|?+*]|\{\d{1,4}(?:,\d{0,4})?\})+\$$/;

function isIdentifier({ format, pattern }: SchemaObject): boolean {
  if (IDENTIFIER_FORMATS.has(format)) return true;
  return typeof pattern === "string" && TIGHT_PATTERN.test(pattern);
}
