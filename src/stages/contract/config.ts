/**
 * What an operator may say about contracts: for the whole gateway, and for one route. It must never hold a schema's
 * text: the gateway reads the files named here and hands them in with their names.
 */
import { z } from "zod";
import { fileRef } from "../../config/secrets/reference.ts";
import { bytesBetween } from "../../config/units.ts";
import type { JsonLimits } from "./strict-json.ts";

/**
 * Containers inside one another. Real requests of models are below 10; recursive readers behind the gateway run out of
 * stack at some thousands, so raising this hands an attacker their crash.
 */
const DEFAULT_JSON_DEPTH = 32;
/** Members and elements in all. Each costs a reader some 50 to 100 bytes: raised, a small body takes much memory. */
const DEFAULT_JSON_MEMBERS = 10_000;
/** Bytes of one string. Prompts and images fit; the route's body limit is usually the smaller one. */
const DEFAULT_JSON_STRING_BYTES = 1_048_576;
/** Bytes of one key. Longer ones are made by attackers, to fill logs and tables of names. */
const DEFAULT_JSON_KEY_BYTES = 1_024;
/** Characters of one number. Readers with big integers convert in quadratic time: raised, one number buys seconds. */
const DEFAULT_JSON_NUMBER_BYTES = 256;
/** Keys that reach the prototype of an object in JavaScript; raised risk for any upstream that merges objects. */
const DEFAULT_FORBIDDEN_KEYS: readonly string[] = ["__proto__", "constructor", "prototype"];
/** Bytes of an upstream's answer held to be judged. Raised, slow callers and large answers take that much memory each. */
const DEFAULT_RESPONSE_LIMIT_BYTES = 1_048_576;
/** How many times larger than on the wire a compressed body may become; text compresses 5 to 20 times, a bomb 1,000. */
export const DEFAULT_INFLATE_RATIO = 50;

export const DEFAULT_JSON_LIMITS: JsonLimits = {
  depth: DEFAULT_JSON_DEPTH,
  members: DEFAULT_JSON_MEMBERS,
  stringBytes: DEFAULT_JSON_STRING_BYTES,
  keyBytes: DEFAULT_JSON_KEY_BYTES,
  numberBytes: DEFAULT_JSON_NUMBER_BYTES,
  duplicateKeys: "refuse",
  forbiddenKeys: DEFAULT_FORBIDDEN_KEYS,
};

const depth = z
  .int()
  .min(1)
  .max(512)
  .describe("How many objects and arrays may stand inside one another.");
const members = z
  .int()
  .min(1)
  .max(10_000_000)
  .describe("How many members and elements all objects and arrays may have together.");
const string = bytesBetween("1B", "64MiB").describe(
  "Longest string, as written between its quotes.",
);
const key = bytesBetween("1B", "64KiB").describe("Longest key, as written between its quotes.");
const number = bytesBetween("1B", "4KiB").describe("Longest number, as written.");
const duplicateKeys = z
  .enum(["refuse", "allow"])
  .describe(
    "Whether an object may repeat a key. Readers differ on which one counts, so `allow` lets a caller show one value to the gateway and another to the model.",
  );
const forbiddenKeys = z
  .array(z.string().min(1).max(256))
  .max(64)
  .describe("Keys refused at any depth, compared after unescaping. An empty list forbids none.");

const jsonDefaultsSchema = z
  .strictObject({
    depth: depth.default(DEFAULT_JSON_DEPTH),
    members: members.default(DEFAULT_JSON_MEMBERS),
    string: string.default(DEFAULT_JSON_STRING_BYTES),
    key: key.default(DEFAULT_JSON_KEY_BYTES),
    number: number.default(DEFAULT_JSON_NUMBER_BYTES),
    duplicateKeys: duplicateKeys.default("refuse"),
    forbiddenKeys: forbiddenKeys.default([...DEFAULT_FORBIDDEN_KEYS]),
  })
  .describe("What a JSON text may hold, in requests and in judged answers.");

const jsonOverridesSchema = z
  .strictObject({
    depth: depth.optional(),
    members: members.optional(),
    string: string.optional(),
    key: key.optional(),
    number: number.optional(),
    duplicateKeys: duplicateKeys.optional(),
    forbiddenKeys: forbiddenKeys.optional(),
  })
  .describe("JSON limits of this route where they differ from the gateway's.");

/** The root's `contract` section. */
export const contractSchema = z
  .strictObject({
    json: jsonDefaultsSchema.prefault({}),
    responseLimit: bytesBetween("1KiB", "256MiB")
      .default(DEFAULT_RESPONSE_LIMIT_BYTES)
      .describe(
        "Largest answer that is judged against a response schema; larger ones are refused.",
      ),
  })
  .describe("What requests and answers must look like on every route.");

const length = z.int().min(1).max(4_096);
const required = z.boolean().default(false).describe("Whether the parameter must be there.");

/** One typed parameter. Values are compared after percent-decoding. */
export const parameterSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("slug").describe("Letters, digits, dots, hyphens, underscores."),
    required,
  }),
  z.strictObject({
    type: z.literal("int").describe("A whole number in its shortest form."),
    min: z.int().optional().describe("Least value."),
    max: z.int().optional().describe("Greatest value."),
    required,
  }),
  z.strictObject({
    type: z.literal("uuid").describe("A UUID in its hyphenated form (RFC 9562)."),
    required,
  }),
  z.strictObject({ type: z.literal("boolean").describe("`true` or `false`."), required }),
  z.strictObject({
    type: z.literal("string").describe("Any text without control characters."),
    maxLength: length.default(256).describe("Most characters."),
    required,
  }),
  z.strictObject({
    type: z.literal("enum").describe("One of a list of texts."),
    values: z
      .array(z.string().max(256))
      .min(1)
      .max(256)
      .describe("The texts allowed, compared exactly."),
    required,
  }),
]);

/** How one path or query parameter is checked. */
export type ParameterRule = z.output<typeof parameterSchema>;

const mediaType = z
  .string()
  .regex(/^[A-Za-z0-9!#$&^_.+-]{1,127}\/[A-Za-z0-9!#$&^_.+-]{1,127}$/, {
    error:
      'not a media type: write type and subtype without parameters, such as "application/json"',
  })
  .transform((text) => text.toLowerCase());

const parameterName = z.string().min(1).max(128);

/** A route's own settings for this stage; the gateway spreads them into the schema of a route. */
export const contractRouteFields = {
  contentTypes: z
    .array(mediaType)
    .min(1)
    .max(32)
    .default(["application/json"])
    .describe(
      "Media types accepted for a body. Those of JSON (`application/json`, `+json`) are read strictly.",
    ),
  requestBody: z
    .enum(["required", "optional", "forbidden"])
    .optional()
    .describe(
      "Whether there is a request body. Without it: required where `request` names a schema, otherwise optional; GET and HEAD never have one.",
    ),
  contentEncodings: z
    .array(z.enum(["gzip"]))
    .max(1)
    .default([])
    .describe(
      "Compressions accepted for a body; it is inflated within the body limit to be judged, and sent on as it came.",
    ),
  request: fileRef.optional().describe("JSON Schema 2020-12 that every request body must match."),
  response: fileRef
    .optional()
    .describe("JSON Schema 2020-12 that every successful (2xx) answer of the upstream must match."),
  parameters: z
    .strictObject({
      path: z
        .record(parameterName, parameterSchema)
        .default({})
        .describe("Rules for parameters of the path template, beyond the types written there."),
      query: z
        .record(parameterName, parameterSchema)
        .default({})
        .describe("Rules for query parameters."),
    })
    .prefault({})
    .describe("Typed parameters."),
  query: z
    .enum(["open", "strict"])
    .default("open")
    .describe("`strict` refuses query parameters that are not declared, and any that is repeated."),
  json: jsonOverridesSchema.optional(),
};

const contractRouteSchema = z.strictObject(contractRouteFields);

/** A schema file as the gateway read it: its text, and its name for messages. */
export interface SchemaSource {
  readonly file: string;
  readonly text: string;
}

type RouteSettings = z.output<typeof contractRouteSchema>;
/** A route's settings with its schema files read. */
export interface ContractRoute extends Omit<RouteSettings, "request" | "response"> {
  readonly request?: SchemaSource | undefined;
  readonly response?: SchemaSource | undefined;
}

/** What a route has that says nothing about its contract: JSON within the gateway's limits, and any query. */
export const PLAIN_CONTRACT: ContractRoute = contractRouteSchema
  .omit({ request: true, response: true })
  .parse({});

export interface ContractConfig {
  readonly defaults: z.output<typeof contractSchema>;
  /** By route id; a route that is not here gets `PLAIN_CONTRACT`. */
  readonly routes: ReadonlyMap<string, ContractRoute>;
}

/** The gateway's limits with a route's own laid over them. */
export function toJsonLimits(
  defaults: ContractConfig["defaults"]["json"],
  own: ContractRoute["json"],
): JsonLimits {
  return {
    depth: own?.depth ?? defaults.depth,
    members: own?.members ?? defaults.members,
    stringBytes: own?.string ?? defaults.string,
    keyBytes: own?.key ?? defaults.key,
    numberBytes: own?.number ?? defaults.number,
    duplicateKeys: own?.duplicateKeys ?? defaults.duplicateKeys,
    forbiddenKeys: own?.forbiddenKeys ?? defaults.forbiddenKeys,
  };
}
