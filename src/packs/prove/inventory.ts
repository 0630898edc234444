/**
 * Everything that packs ask of requests: for each field what its values are compared with. It decides which differences between
 * requests count, and in which order the diagrams look at them.
 */
import { FIELDS, type FieldName } from "../fields.ts";
import type { Expression, Pack } from "../pack.ts";
import {
  askedBy,
  type Comparison,
  type NumberName,
  type Relation,
  type TextTest,
} from "./comparison.ts";
import { partsInUse } from "./reachable-parts.ts";

/** What one text is compared with. */
export interface TextNeeds {
  readonly points: Set<string>;
  readonly prefixes: Set<string>;
  readonly suffixes: Set<string>;
  readonly parts: Set<string>;
  /** Tests that only known texts can be put to: patterns, and a written text on the left. By `testKey`. */
  readonly opaque: Map<string, TextTest>;
}

/** What gets variables of its own below the classes of texts and numbers. */
export type SmallNeed =
  | { readonly kind: "boolean"; readonly field: FieldName }
  | { readonly kind: "list"; readonly field: FieldName }
  | { readonly kind: "element"; readonly field: FieldName; readonly text: string }
  | { readonly kind: "suffixes"; readonly field: FieldName }
  | { readonly kind: "part"; readonly field: FieldName; readonly text: string }
  | { readonly kind: "opaque"; readonly field: FieldName; readonly key: string }
  | { readonly kind: "relation"; readonly relation: Relation };

/** A caller that has proved nothing may still have this method. */
export const ANONYMOUS = "anonymous";

export function testKey(test: TextTest): string {
  return test.operator === "IN" ? "IN" : `${test.operator} ${test.text}`;
}

export function relationKey({ kind, left, right, ...rest }: Relation): string {
  return [kind, "operator" in rest ? rest.operator : "", left, right].join(" ");
}

export class Inventory {
  readonly texts = new Map<FieldName, TextNeeds>();
  /** Cuts of each number's range. */
  readonly numbers = new Map<NumberName, Set<number>>();
  /** By a key of their own, in order of first use: what is used together stays together. */
  readonly small = new Map<string, SmallNeed>();

  constructor(packs: readonly Pack[]) {
    for (const pack of packs) {
      const expressions = new Map(pack.bits.map(({ id, expression }) => [id, expression]));
      // What no output leads to decides nothing, and must not cost anything.
      for (const id of partsInUse(pack).bits) {
        const expression = expressions.get(id);
        if (expression) this.#addExpression(expression);
      }
    }
  }

  #addExpression(expression: Expression): void {
    switch (expression.kind) {
      case "literal":
        return;
      case "field":
        return this.#addSmall({ kind: "boolean", field: expression.field });
      case "not":
        return this.#addExpression(expression.of);
      case "and":
      case "or":
        for (const of of expression.of) this.#addExpression(of);
        return;
      case "compare":
        return this.#add(askedBy(expression).comparison);
    }
  }

  #add(comparison: Comparison): void {
    switch (comparison.kind) {
      case "boolean":
        return this.#addSmall({ kind: "boolean", field: comparison.field });
      case "booleans":
        this.#addSmall({ kind: "boolean", field: comparison.left });
        return this.#addSmall({ kind: "boolean", field: comparison.right });
      case "number":
        this.#number(comparison.field).add(comparison.to);
        return;
      case "numbers":
        for (const value of comparison.values) this.#number(comparison.field).add(value);
        return;
      case "text":
        return this.#addTest(comparison.field, comparison.test);
      case "element":
        this.#addSmall({ kind: "list", field: comparison.field });
        return this.#addSmall({
          kind: "element",
          field: comparison.field,
          text: comparison.text,
        });
      case "itself":
        return this.#addField(comparison.field);
      case "relation":
        this.#addField(comparison.relation.left);
        this.#addField(comparison.relation.right);
        return this.#addSmall({ kind: "relation", relation: comparison.relation });
    }
  }

  #addTest(field: FieldName, test: TextTest): void {
    const needs = this.#text(field);
    switch (test.operator) {
      case "IN":
        for (const text of test.texts) needs.points.add(text);
        return;
      case "STARTS_WITH":
        needs.prefixes.add(test.text);
        return;
      case "ENDS_WITH":
        needs.suffixes.add(test.text);
        return this.#addSmall({ kind: "suffixes", field });
      case "CONTAINS":
        needs.parts.add(test.text);
        return this.#addSmall({ kind: "part", field, text: test.text });
      case "PREFIX_OF":
      case "SUFFIX_OF":
      case "PART_OF":
        // The two texts of which it is surely true.
        needs.points.add(test.text).add("");
        break;
      case "MATCHES":
        break;
    }
    const key = testKey(test);
    needs.opaque.set(key, test);
    this.#addSmall({ kind: "opaque", field, key });
  }

  #addField(name: NumberName): void {
    const type = name === "now()" ? "number" : FIELDS[name];
    const field = name as FieldName;
    switch (type) {
      case "number":
        this.#number(name);
        return;
      case "string":
        this.#text(field);
        return;
      case "boolean":
      case "list":
        return this.#addSmall({ kind: type, field });
    }
  }

  #number(name: NumberName): Set<number> {
    return found(this.numbers, name, () => new Set());
  }

  #text(field: FieldName): TextNeeds {
    return found(this.texts, field, () => ({
      points: new Set(field === "context.auth.method" ? [ANONYMOUS] : []),
      // Every path begins with a slash.
      prefixes: new Set(field === "context.req.path" ? ["/"] : []),
      suffixes: new Set(),
      parts: new Set(),
      opaque: new Map(),
    }));
  }

  #addSmall(need: SmallNeed): void {
    const key =
      need.kind === "relation" ? relationKey(need.relation) : Object.values(need).join(" ");
    if (!this.small.has(key)) this.small.set(key, need);
  }
}

function found<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}
