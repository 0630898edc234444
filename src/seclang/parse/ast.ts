/** The typed form of a SecLang file: what was written, checked and named, and never what it would do. */
import type { ByteString } from "../byte-string.ts";

/** Where a directive begins. Lines count from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
}

/** A piece of a text with macros: itself, or `%{COLLECTION.key}`. */
export type MacroPart =
  | { readonly kind: "text"; readonly text: ByteString }
  | {
      readonly kind: "macro";
      /** Canonical upper-case variable name. */
      readonly variable: string;
      readonly key?: ByteString;
      /** As written, braces included: what is put out when nothing can be resolved. */
      readonly source: ByteString;
    };

/** Which members of a collection a target names. */
export type Selector =
  | { readonly kind: "key"; readonly key: ByteString; readonly lowerKey: ByteString }
  | { readonly kind: "regex"; readonly source: ByteString }
  | { readonly kind: "xpath"; readonly path: ByteString };

/** One target of a rule. */
export interface Variable {
  /** Canonical upper-case name. */
  readonly name: string;
  /** Written with `&`: the number of members, not their values. */
  readonly count: boolean;
  /** Written with `!`: taken out of what the other targets name. */
  readonly excluded: boolean;
  readonly selector?: Selector;
}

/** What a rule asks of each value. */
export interface Operator {
  /** Canonical name, without `@`. */
  readonly name: string;
  readonly negated: boolean;
  /** Macros are kept as text: only the operator knows whether it expands them. */
  readonly argument: ByteString;
}

/** What an action is for; a chain link may not carry every class. */
export type ActionClass = "metadata" | "disruptive" | "data" | "flow" | "non-disruptive";

/** Rule ids from `first` to `last`, both included. */
export interface IdRange {
  readonly first: number;
  readonly last: number;
}

/** What `setvar` does to a variable. */
export interface SetVar {
  /** Canonical upper-case collection name. */
  readonly collection: string;
  readonly key: readonly MacroPart[];
  readonly op: "set" | "add" | "subtract" | "unset";
  /** Without the sign; empty for `unset`. */
  readonly value: readonly MacroPart[];
}

/** One `ctl` action. */
export interface Ctl {
  /** Canonical option name. */
  readonly option: string;
  /** In the table's spelling where the option has a closed list of values. */
  readonly value: ByteString;
  /** Only for options that name rules by id. */
  readonly ids?: readonly IdRange[];
  /** Only for `ruleRemoveTarget...`: what is no longer inspected. */
  readonly targets?: readonly Variable[];
}

/** One action of a rule. */
export type Action = { readonly class: ActionClass } & (
  | { readonly kind: "flag"; readonly name: string }
  | { readonly kind: "number"; readonly name: string; readonly value: number }
  | {
      readonly kind: "text";
      readonly name: string;
      readonly text: ByteString;
      readonly parts: readonly MacroPart[];
    }
  | {
      readonly kind: "allow";
      readonly name: "allow";
      readonly scope: "transaction" | "phase" | "request";
    }
  | { readonly kind: "transform"; readonly name: "t"; readonly transformation: string }
  | ({ readonly kind: "setvar"; readonly name: "setvar" } & SetVar)
  | ({ readonly kind: "ctl"; readonly name: "ctl" } & Ctl)
  | {
      readonly kind: "initcol";
      readonly name: "initcol";
      readonly collection: string;
      readonly key: readonly MacroPart[];
    }
  | {
      readonly kind: "expirevar";
      readonly name: "expirevar";
      readonly collection: string;
      readonly key: readonly MacroPart[];
      readonly seconds: readonly MacroPart[];
    }
  | {
      readonly kind: "setenv";
      readonly name: "setenv";
      readonly variable: ByteString;
      readonly value: readonly MacroPart[];
    }
);

/** One directive, in the order of the file. Chains stay flat: a link has `isChained` and follows its head. */
export type Directive = { readonly at: Position } & (
  | {
      readonly kind: "SecRule";
      readonly variables: readonly Variable[];
      readonly operator: Operator;
      readonly actions: readonly Action[];
      readonly isChained: boolean;
    }
  | { readonly kind: "SecAction" | "SecDefaultAction"; readonly actions: readonly Action[] }
  | { readonly kind: "SecMarker"; readonly name: ByteString }
  | { readonly kind: "SecComponentSignature"; readonly text: ByteString }
  | { readonly kind: "Include"; readonly path: ByteString; readonly isOptional: boolean }
  | { readonly kind: "SecRuleRemoveById"; readonly ids: readonly IdRange[] }
  | { readonly kind: "SecRuleRemoveByTag" | "SecRuleRemoveByMsg"; readonly pattern: ByteString }
  | ({ readonly kind: "SecRuleUpdateTargetById"; readonly ids: readonly IdRange[] } & TargetUpdate)
  | ({
      readonly kind: "SecRuleUpdateTargetByTag" | "SecRuleUpdateTargetByMsg";
      readonly pattern: ByteString;
    } & TargetUpdate)
  | {
      readonly kind: "SecRuleUpdateActionById";
      readonly id: number;
      /** 0 is the head of the chain, 1 its first link. */
      readonly chainOffset: number;
      readonly actions: readonly Action[];
    }
  | {
      readonly kind: "setting";
      /** Canonical directive name. */
      readonly name: string;
      readonly args: readonly ByteString[];
      /** Known, checked and without effect here. */
      readonly isIgnored: boolean;
    }
);

/** Targets to add or (with `!`) take away; with `replaced` they stand in for those named there. */
export interface TargetUpdate {
  readonly variables: readonly Variable[];
  readonly replaced?: readonly Variable[];
}
