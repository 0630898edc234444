/**
 * What every body processor hands back, and the limits all of them share. A processor must never throw and must never
 * drop what it read before a fault: rules inspect it, and the fault itself becomes REQBODY_ERROR.
 */
import type { ByteString } from "../byte-string.ts";

/** One name and value found in a body. */
export interface BodyField {
  readonly name: ByteString;
  /** Decoded value: what a backend would see. */
  readonly value: ByteString;
  /** First byte of the raw (still encoded) value in the body; quotes and delimiters lie outside. */
  readonly start: number;
  /** The byte after the raw value. */
  readonly end: number;
}

/** Why a body could not be read to its end. The set is closed; messages may change, codes do not. */
export type BodyFaultCode =
  | "body.syntax"
  | "body.truncated"
  | "body.trailing"
  | "body.control"
  | "body.encoding"
  | "body.depth"
  | "body.fields"
  | "body.name"
  | "body.value"
  | "body.parts"
  | "body.boundary"
  | "body.header"
  | "body.doctype"
  | "body.entity";

export interface BodyFault {
  readonly code: BodyFaultCode;
  /** One clause for a log; it never repeats bytes of the body. */
  readonly message: string;
  /** Byte offset in the body. */
  readonly at: number;
}

export interface ParsedBody {
  readonly fields: readonly BodyField[];
  readonly fault?: BodyFault;
}

export interface BodyLimits {
  readonly fields: number;
  readonly depth: number;
  readonly nameBytes: number;
  readonly valueBytes: number;
  readonly parts: number;
}

/** Every rule visits every field: raised tenfold, one body buys ten times the rule runs (the classic slow JSON). */
const DEFAULT_FIELDS = 4_096;
/** Containers or elements in one another. Names repeat their ancestors, so depth multiplies the bytes that rules scan. */
const DEFAULT_DEPTH = 64;
/** Bytes of one full name. Together with the field limit it bounds the names of a body to 4 MB. */
const DEFAULT_NAME_BYTES = 1_024;
/** Bytes of one decoded value. A longer one is refused, never cut: a cut tail would pass without inspection. */
const DEFAULT_VALUE_BYTES = 1_048_576;
/** Parts of a multipart body. Each costs a header parse and, as a file, a descriptor at many backends. */
const DEFAULT_PARTS = 256;

export const DEFAULT_BODY_LIMITS: BodyLimits = {
  fields: DEFAULT_FIELDS,
  depth: DEFAULT_DEPTH,
  nameBytes: DEFAULT_NAME_BYTES,
  valueBytes: DEFAULT_VALUE_BYTES,
  parts: DEFAULT_PARTS,
};

/** Collects fields under the limits; both methods answer whether reading may go on. */
export class BodyFields {
  readonly limits: BodyLimits;
  readonly #fields: BodyField[] = [];
  #fault: BodyFault | undefined;

  constructor(limits: Partial<BodyLimits>) {
    this.limits = { ...DEFAULT_BODY_LIMITS, ...limits };
  }

  /** The number of fields so far. */
  get count(): number {
    return this.#fields.length;
  }

  add(field: BodyField): boolean {
    if (this.#fields.length >= this.limits.fields) {
      return this.fail("body.fields", "more fields than allowed", field.start);
    }
    if (field.name.length > this.limits.nameBytes) {
      return this.fail("body.name", "a name longer than allowed", field.start);
    }
    if (field.value.length > this.limits.valueBytes) {
      return this.fail("body.value", "a value longer than allowed", field.start);
    }
    this.#fields.push(field);
    return true;
  }

  /** Keeps the first fault: later ones are its consequences. */
  fail(code: BodyFaultCode, message: string, at: number): false {
    this.#fault ??= { code, message, at };
    return false;
  }

  result(): ParsedBody {
    return this.#fault === undefined
      ? { fields: this.#fields }
      : { fields: this.#fields, fault: this.#fault };
  }
}
