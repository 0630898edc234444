/** What is read from one part of a message. Entries are made at once, the rest when a rule asks; nothing may change once it was read. */
import type { BodyFault } from "../body/parsed-body.ts";
import type { ByteString } from "../byte-string.ts";
import type { Entry } from "./entry.ts";

/** One value of a collection that has no bit in `PART`. */
export interface Member {
  readonly name: ByteString;
  readonly value: ByteString;
}

/** A map as far as anybody reads it: values may be worked out when they are asked for. */
export interface Variables extends Iterable<readonly [string, ByteString]> {
  readonly size: number;
  get(name: string): ByteString | undefined;
  keys(): Iterable<string>;
}
export type Members = ReadonlyMap<string, readonly Member[]>;

export interface Parts {
  /** All that is inspected as a value; the members of one part stand in the order of the message. */
  readonly entries: readonly Entry[];
  /**
   * Index of the first entry that was not sent as such but found inside another value. Counts and sizes of arguments
   * (`&ARGS`, ARGS_COMBINED_SIZE) are those of the entries before it.
   */
  readonly expandedFrom: number;
  /** Variables with one value, by upper-case name. */
  readonly variables: Variables;
  /** Collections that rules seldom read, by upper-case name. */
  readonly members: Members;
  /** Why the part could not be read to its end: REQBODY_ERROR. */
  readonly fault: BodyFault | undefined;
  /** Percent signs that begin no escape: URLENCODED_ERROR. */
  readonly invalidEscapes: number;
}

const NO_MEMBERS: Members = new Map();

export interface PartsSource {
  readonly entries: readonly Entry[];
  readonly expandedFrom?: number;
  readonly fault?: BodyFault | undefined;
  readonly invalidEscapes?: number;
  readonly variables: Variables;
  readonly members?: () => Members;
}

/** Makes `members` at their first reading, since most requests end without any. */
export class LazyParts implements Parts {
  readonly entries: readonly Entry[];
  readonly expandedFrom: number;
  readonly fault: BodyFault | undefined;
  readonly invalidEscapes: number;
  readonly variables: Variables;
  readonly #readMembers: (() => Members) | undefined;
  #members: Members | undefined;

  constructor(source: PartsSource) {
    this.entries = source.entries;
    this.expandedFrom = source.expandedFrom ?? source.entries.length;
    this.fault = source.fault;
    this.invalidEscapes = source.invalidEscapes ?? 0;
    this.variables = source.variables;
    this.#readMembers = source.members;
  }

  get members(): Members {
    return (this.#members ??= this.#readMembers?.() ?? NO_MEMBERS);
  }
}
