/**
 * Requests as far as packs can tell them apart, as variables of diagrams. Every request that can be made is in it; some that
 * cannot be made are too, so that "never" may be believed, and "some request" is believed only once one was made and tried.
 */
import { FIELDS, type FieldName } from "../fields.ts";
import type { Expression, Pack } from "../pack.ts";
import { junction, sideOf, type Answer } from "./answer.ts";
import { BooleanField } from "./boolean-field.ts";
import { ClassGroup } from "./class-group.ts";
import {
  askedBy,
  type Comparison,
  type NumberName,
  type Order,
  type Relation,
} from "./comparison.ts";
import { Diagrams, FALSE, TRUE, type Assignment, type Edge } from "./diagram.ts";
import { Inventory, relationKey, type SmallNeed } from "./inventory.ts";
import { ListField } from "./list-field.ts";
import { NumberField } from "./number-field.ts";
import { TextField, type TextVariables } from "./text-field.ts";

/** Two fields compared, and the variables that say what they are to each other. */
export interface RelationVariables {
  readonly relation: Relation;
  readonly group: ClassGroup;
}

/** What two numbers, or two texts, can be to each other; the first is what requests get where it does not matter. */
export const RELATION_ORDERS: Readonly<Record<Relation["kind"], readonly (Order | "other")[]>> = {
  order: ["<", "=", ">"],
  text: ["other", "="],
  member: ["other", "="],
};

interface OpenText {
  suffixes: ClassGroup | undefined;
  readonly parts: Map<string, number>;
  readonly opaque: Map<string, number>;
}

export class RequestModel {
  readonly diagrams: Diagrams = new Diagrams();
  readonly booleans = new Map<FieldName, BooleanField>();
  readonly numbers = new Map<NumberName, NumberField>();
  readonly texts = new Map<FieldName, TextField>();
  readonly lists = new Map<FieldName, ListField>();
  readonly relations = new Map<string, RelationVariables>();

  /** Throws `BudgetExceeded` for packs that ask for too much. */
  constructor(packs: readonly Pack[]) {
    const { texts, numbers, small } = new Inventory(packs);
    // Each value is in one class only: on top, these part the requests before the many small variables come.
    for (const [field, needs] of texts)
      this.texts.set(field, new TextField(this.diagrams, field, needs));
    for (const [name, cuts] of numbers)
      this.numbers.set(name, new NumberField(this.diagrams, name, cuts));
    const open = new Map<FieldName, OpenText>();
    for (const field of texts.keys())
      open.set(field, { suffixes: undefined, parts: new Map(), opaque: new Map() });
    for (const need of small.values()) this.#addSmall(need, open);
    for (const [field, text] of this.texts) text.addVariables(open.get(field) as TextVariables);
  }

  /** The requests for which a rule is `value`. */
  ask(expression: Expression, value: boolean): Edge {
    switch (expression.kind) {
      case "literal":
        return expression.value === value ? TRUE : FALSE;
      case "field":
        return sideOf(this.diagrams, this.#boolean(expression.field), value);
      case "not":
        return this.ask(expression.of, !value);
      case "and":
      case "or": {
        const sides = expression.of.map((of) => this.ask(of, value));
        return junction(this.diagrams, (expression.kind === "and") === value, sides);
      }
      case "compare": {
        const { comparison, negated } = askedBy(expression);
        return sideOf(this.diagrams, this.#compare(comparison), value !== negated);
      }
    }
  }

  #compare(comparison: Comparison): Answer {
    switch (comparison.kind) {
      case "boolean": {
        const { isThere, holds } = this.#boolean(comparison.field);
        return comparison.value
          ? { isThere, holds }
          : { isThere, holds: this.diagrams.and(isThere, this.diagrams.not(holds)) };
      }
      case "booleans":
        return this.#sameBooleans(this.#boolean(comparison.left), this.#boolean(comparison.right));
      case "number":
        return this.#number(comparison.field).compare(comparison.orders, comparison.to);
      case "numbers":
        return this.#number(comparison.field).isOneOf(comparison.values);
      case "text":
        return this.#text(comparison.field).test(comparison.test);
      case "element":
        return this.#list(comparison.field).has(comparison.text);
      case "itself": {
        const isThere = this.isThere(comparison.field);
        return { isThere, holds: comparison.holds ? isThere : FALSE };
      }
      case "relation":
        return this.#relation(comparison.relation, comparison.orders);
    }
  }

  /** The requests that have the field. */
  isThere(name: NumberName): Edge {
    if (name === "now()") return TRUE;
    switch (FIELDS[name]) {
      case "number":
        return this.#number(name).isThere;
      case "string":
        return this.#text(name).isThere;
      case "list":
        return this.#list(name).isThere;
      case "boolean":
        return this.#boolean(name).isThere;
    }
  }

  /** The requests that are in the same classes, where classes matter at all: what one of them fails at, all of them do. */
  alike({ values, cared }: Assignment): Assignment {
    const whole = cared.slice();
    const groups = [
      ...Array.from(this.texts.values(), ({ group }) => group),
      ...Array.from(this.texts.values(), ({ variables }) => variables.suffixes),
      ...Array.from(this.numbers.values(), ({ group }) => group),
      ...Array.from(this.relations.values(), ({ group }) => group),
    ];
    for (const group of groups) group?.careWhole(whole);
    return { values, cared: whole };
  }

  #sameBooleans(left: Answer, right: Answer): Answer {
    const { diagrams } = this;
    const isThere = diagrams.and(left.isThere, right.isThere);
    const both = diagrams.and(left.holds, right.holds);
    const neither = diagrams.and(diagrams.not(left.holds), diagrams.not(right.holds));
    return { isThere, holds: diagrams.and(isThere, diagrams.or(both, neither)) };
  }

  #relation(relation: Relation, orders: readonly Order[]): Answer {
    const { diagrams } = this;
    const isThere = diagrams.and(this.isThere(relation.left), this.isThere(relation.right));
    const holds = diagrams.and(isThere, this.#holdingRelation(relation, orders));
    return { isThere, holds };
  }

  #holdingRelation(relation: Relation, orders: readonly Order[]): Edge {
    const { group } = this.relations.get(relationKey(relation)) as RelationVariables;
    const listed = RELATION_ORDERS[relation.kind].map((order, at) => ({ at, order, edge: TRUE }));
    return group.build(
      listed.filter(({ order }) => order !== "other" && orders.includes(order)),
      FALSE,
    );
  }

  #addSmall(need: SmallNeed, open: ReadonlyMap<FieldName, OpenText>): void {
    switch (need.kind) {
      case "boolean":
        this.booleans.set(need.field, new BooleanField(this.diagrams, need.field));
        return;
      case "list":
        this.lists.set(need.field, new ListField(this.diagrams, need.field));
        return;
      case "element":
        return this.#list(need.field).addElement(need.text);
      case "relation":
        return this.#addRelation(need.relation);
      case "suffixes":
      case "part":
      case "opaque":
        return this.#addTextVariable(need, open.get(need.field) as OpenText);
    }
  }

  #addTextVariable(
    need: Extract<SmallNeed, { kind: "suffixes" | "part" | "opaque" }>,
    open: OpenText,
  ): void {
    if (need.kind === "suffixes") {
      open.suffixes = new ClassGroup(this.diagrams, this.#text(need.field).suffixes.length);
      return;
    }
    const variable = this.diagrams.addVariables(1);
    if (need.kind === "part") open.parts.set(need.text, variable);
    else open.opaque.set(need.key, variable);
  }

  #addRelation(relation: Relation): void {
    const group = new ClassGroup(this.diagrams, RELATION_ORDERS[relation.kind].length);
    const key = relationKey(relation);
    this.relations.set(key, { relation, group });
    if (relation.kind === "member")
      this.#list(relation.right).addHolding(this.#holdingRelation(relation, ["="]));
  }

  #boolean(field: FieldName): Answer {
    return (this.booleans.get(field) as BooleanField).itself;
  }

  #number(name: NumberName): NumberField {
    return this.numbers.get(name) as NumberField;
  }

  #text(field: FieldName): TextField {
    return this.texts.get(field) as TextField;
  }

  #list(field: FieldName): ListField {
    return this.lists.get(field) as ListField;
  }
}
