/**
 * A request body, read by its processor, to what rules see in phase 2. It must never lose what stood before a fault, and
 * never call a body read that was not: the fault is REQBODY_ERROR.
 */
import { expandEmbedded } from "../body/embedded.ts";
import { parseJson, parseNdjson } from "../body/json.ts";
import { type MultipartBody, parseMultipart } from "../body/multipart.ts";
import {
  type BodyFault,
  type BodyField,
  type BodyLimits,
  DEFAULT_BODY_LIMITS,
  type ParsedBody,
} from "../body/parsed-body.ts";
import { parseUrlencoded } from "../body/urlencoded.ts";
import { parseXml, XML_TEXT } from "../body/xml.ts";
import { type ByteString, fromBytes } from "../byte-string.ts";
import { addArguments, type FieldKinds } from "./arguments.ts";
import { type BodyErrors, ERROR_VARIABLES } from "./body-errors.ts";
import { type BodyProcessor, isJsonLines } from "./body-processor.ts";
import { Entry, PART } from "./entry.ts";
import { addFiles, fileMembers, MULTIPART_VARIABLES } from "./multipart-parts.ts";
import { LazyParts, type Parts } from "./parts.ts";
import { type VariableReaders, VariableTable } from "./variable-table.ts";

export interface RequestBodyOptions {
  readonly body: Uint8Array;
  readonly processor: BodyProcessor;
  readonly contentType?: ByteString | undefined;
  readonly fieldKind?: FieldKinds | undefined;
  readonly limits?: Partial<BodyLimits> | undefined;
  /** SecArgumentSeparator: one byte. */
  readonly separator?: ByteString | undefined;
  /** Whether there is a REQUEST_BODY; in ModSecurity 2 only if the processor is URLENCODED or a rule forced it. */
  readonly withBodyVariable: boolean;
  /** Whether JSON and base64 inside values become arguments of their own. */
  readonly expandEmbedded: boolean;
  /** What was read of the head: its faults stay visible, because the variables are the same. */
  readonly head?: Pick<Parts, "fault" | "invalidEscapes"> | undefined;
}

interface ReadBody {
  readonly parsed: ParsedBody;
  readonly multipart?: MultipartBody;
  readonly invalidEscapes?: number;
}

/** What the variables of a body follow from. */
interface BodyFacts {
  readonly processor: BodyProcessor;
  readonly lengthBytes: number;
  readonly errors: BodyErrors;
  readonly multipart: MultipartBody | undefined;
}

const VARIABLES: VariableReaders<BodyFacts> = new Map([
  ["REQBODY_PROCESSOR", ({ processor }: BodyFacts) => processor],
  ["REQUEST_BODY_LENGTH", ({ lengthBytes }: BodyFacts) => String(lengthBytes)],
  ...ERROR_VARIABLES,
  ...MULTIPART_VARIABLES,
]);

const NOTHING: ReadBody = { parsed: { fields: [] } };

function parse(text: ByteString, limits: BodyLimits, options: RequestBodyOptions): ReadBody {
  const { processor, contentType = "", separator } = options;
  if (text === "") return NOTHING;
  switch (processor) {
    case "JSON":
      return { parsed: (isJsonLines(contentType) ? parseNdjson : parseJson)(text, limits) };
    case "URLENCODED": {
      // A name is no longer than its piece here; only in JSON do names repeat those around them.
      const form = { ...limits, nameBytes: limits.valueBytes };
      const parsed = parseUrlencoded(text, separator === undefined ? form : { ...form, separator });
      return { parsed, invalidEscapes: parsed.invalidEscapes };
    }
    case "XML":
      return { parsed: parseXml(text, limits) };
    case "MULTIPART": {
      const parsed = parseMultipart(text, contentType, limits);
      return { parsed, multipart: parsed };
    }
    case "RAW":
    case "":
      return NOTHING;
  }
}

function addXml(fields: readonly BodyField[], entries: Entry[]): void {
  for (const field of fields) {
    const part = field.name === XML_TEXT ? PART.xmlText : PART.xmlAttributes;
    entries.push(new Entry(part, field.name, field.value, field));
  }
}

/** The shortest value that can hold anything: base64 of less than 12 bytes is not looked at. */
const MIN_EMBEDDED_BYTES = 16;
/** How a JSON container, a data URL and base64 begin. */
const EMBEDDED = /^(?:[\t\n\r ]*[[{]|data:|[\w+/=-]{16})/;

/** Most values are refused here without a call: prose has a space early, and numbers are short. */
function mayEmbed(value: ByteString): boolean {
  const first = value.charCodeAt(0);
  if (first === 0x7b || first === 0x5b) return true;
  if (value.length < MIN_EMBEDDED_BYTES && first > 0x20) return false;
  return EMBEDDED.test(value);
}

/**
 * Adds the arguments inside the arguments before `end`, as text whatever the field around them is: a tool call in a
 * prompt is none. Only running out of room is a fault; a value that looks like JSON and is not is just a value.
 */
function addEmbedded(entries: Entry[], end: number, limits: BodyLimits): BodyFault | undefined {
  const values = PART.argsPost | PART.prompts | PART.identifiers;
  let room = limits.fields;
  for (let index = 0; index < end; index += 1) {
    const entry = entries[index];
    if (entry === undefined || (entry.part & values) === 0 || !mayEmbed(entry.value)) continue;
    const inner = expandEmbedded(entry, { ...limits, fields: room });
    addArguments(inner.fields, PART.argsPost, { entries });
    room -= inner.fields.length;
    if (inner.fault?.code === "body.fields") return { ...inner.fault, at: entry.start };
  }
  return undefined;
}

/** Reads a body; an empty one has no arguments and no fault, and gives all variables their values. */
export function readRequestBody(options: RequestBodyOptions): Parts {
  const { processor, fieldKind, head } = options;
  const limits = { ...DEFAULT_BODY_LIMITS, ...options.limits };
  const text = fromBytes(options.body);
  const { parsed, multipart, invalidEscapes = 0 } = parse(text, limits, options);
  const entries: Entry[] = [];
  if (options.withBodyVariable) {
    entries.push(new Entry(PART.requestBody, "", text, { start: 0, end: text.length }));
  }
  if (processor === "XML") addXml(parsed.fields, entries);
  else addArguments(parsed.fields, PART.argsPost, { entries, fieldKind });
  if (multipart !== undefined) addFiles(multipart, entries);
  const expandedFrom = entries.length;
  const overflow = options.expandEmbedded ? addEmbedded(entries, expandedFrom, limits) : undefined;
  const fault = parsed.fault ?? overflow;
  const errors = {
    processor: fault === undefined ? "URLENCODED" : processor,
    fault: fault ?? head?.fault,
    invalidEscapes: invalidEscapes + (head?.invalidEscapes ?? 0),
  };
  return new LazyParts({
    fault: errors.fault,
    invalidEscapes: errors.invalidEscapes,
    entries,
    expandedFrom,
    variables: new VariableTable(VARIABLES, {
      processor,
      lengthBytes: text.length,
      errors,
      multipart,
    }),
    ...(multipart === undefined ? {} : { members: () => fileMembers(multipart, text) }),
  });
}
