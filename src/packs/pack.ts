/** A constitution as read: checked, typed and frozen. Nothing in it is ever written back as YAML. */
import type { FieldName } from "./fields.ts";

export type FormatVersion = "tdln-chip/0.1" | "tdln-chip/0.3";

/** Free data for people, under `meta`. */
export type MetaValue =
  | string
  | number
  | boolean
  | null
  | readonly MetaValue[]
  | { readonly [key: string]: MetaValue };

export interface Pack {
  readonly formatVersion: FormatVersion;
  readonly release?: Release;
  readonly meta: Readonly<Record<string, MetaValue>>;
  readonly bits: readonly Bit[];
  readonly wires: readonly Wire[];
  /** In order: the first that fires decides. */
  readonly outputs: readonly Output[];
}

export interface Release {
  readonly name: string;
  /** Whole number from 1 on. */
  readonly version: number;
  readonly notBeforeMs: number;
  readonly expiresMs: number;
  /** BLAKE3-256 of the pack it replaces, 64 lower-case hexadecimal digits. */
  readonly prev?: string;
}

export interface Bit {
  readonly id: string;
  readonly description: string;
  /** The rule as written. */
  readonly logic: string;
  readonly expression: Expression;
  /** One-based, of its id in the YAML. */
  readonly line: number;
}

export type ComparisonOperator =
  | "=="
  | "!="
  | "<"
  | "<="
  | ">"
  | ">="
  | "IN"
  | "STARTS_WITH"
  | "ENDS_WITH"
  | "CONTAINS"
  | "MATCHES";

/** A rule whose types are right: a `field` that stands alone is boolean, a `MATCHES` has a literal text on its right. */
export type Expression =
  | { readonly kind: "literal"; readonly value: boolean }
  | { readonly kind: "field"; readonly field: FieldName }
  | {
      readonly kind: "compare";
      readonly operator: ComparisonOperator;
      readonly left: Operand;
      readonly right: Operand;
    }
  | { readonly kind: "not"; readonly of: Expression }
  | { readonly kind: "and" | "or"; readonly of: readonly Expression[] };

export type Operand =
  | { readonly kind: "field"; readonly field: FieldName }
  | { readonly kind: "literal"; readonly value: boolean | number | string }
  /** Of one type, not empty; only to the right of `IN`. */
  | { readonly kind: "list"; readonly values: readonly string[] | readonly number[] }
  | { readonly kind: "now" };

export interface Wire {
  readonly id: string;
  readonly structure: Structure;
  readonly line: number;
}

export interface Structure {
  /** AND or OR over the members; empty: true or false. */
  readonly kind: "all" | "any";
  readonly members: readonly Member[];
  /** How it was written. */
  readonly form: "sequence" | "parallel";
}

export type Member =
  | { readonly kind: "bit" | "wire"; readonly id: string }
  | { readonly kind: "structure"; readonly structure: Structure };

export interface Output {
  /** With its prefix `allow_` or `deny_`. */
  readonly id: string;
  readonly effect: "allow" | "deny";
  readonly trigger: Trigger;
  readonly status: number;
  /** Word for metrics and records. */
  readonly reason: string;
  /** As written, for people. */
  readonly action: string;
  readonly line: number;
}

export interface Trigger {
  readonly negated: boolean;
  readonly of: { readonly kind: "bit" | "wire"; readonly id: string };
}
